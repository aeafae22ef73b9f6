# `make test` checks a fresh clone: it needs Python 3.10 to 3.12 and make.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
JOBS ?= 2

BIN := $(VENV)/bin
READY := $(VENV)/.ready
REQUIREMENTS := requirements/ci.txt
# glibc keeps freed memory: page faults are slow on virtual machines.
MALLOC := MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 \
  MALLOC_TOP_PAD_=268435456
DOCS_READY := $(VENV)/.ready-docs
DOCS_REQUIREMENTS := requirements/docs.txt

.PHONY: help venv test test-install test-upstream lint demo docs clean

help:
	@echo 'make test    lint the code and run the tests (installs into $(VENV))'
	@echo 'make test-install   install the wheel into a fresh environment, use it'
	@echo 'make test-upstream  the tests and the demo on upstream OpenMMLab'
	@echo 'make demo    from labels to a segmentor, on scenes (ARGS="...")'
	@echo 'make docs    build the documentation: docs/_build/index.html'
	@echo 'make lint    check style and format only'
	@echo 'make venv    create $(VENV) with the pinned packages'
	@echo 'make clean   remove $(VENV), builds and caches'
	@echo 'Another Python: make PYTHON=python3.12 test; processes: make JOBS=8 test'

test: lint
	@$(MALLOC) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile \
	  --no-loadscope-reorder $(ARGS)

# Installs torch once more: minutes, and some GB in the folder of mktemp.
test-install:
	@PYTHON=$(PYTHON) .ci/test_install.sh

# Compiles MMCV once, then takes its wheel from $XDG_CACHE_HOME/mmseg_wsss.
test-upstream: $(READY)
	@PYTHON=$(PYTHON) VENV=$(VENV) JOBS=$(JOBS) ARGS='$(ARGS)' \
	  .ci/test_upstream.sh

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

demo: $(READY)
	@$(MALLOC) $(BIN)/python tools/run_pipeline.py configs/pipelines/scenes.py \
	  $(ARGS)

# Built from scratch each time: Sphinx does not see that an included page changed.
docs: $(DOCS_READY)
	@rm -rf docs/_build
	@OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -q -n -W --keep-going \
	  docs docs/_build
	@echo 'The documentation is docs/_build/index.html'

venv: $(READY)

$(READY): setup.py pyproject.toml $(REQUIREMENTS)
	@command -v $(PYTHON) >/dev/null || { \
	  echo 'There is no "$(PYTHON)" here; name a Python 3.10 to 3.12 with' \
	    'make PYTHON=/path/to/python.' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; \
	  sys.exit(not (3, 10) <= v[:2] <= (3, 12))' || { \
	  echo "mmseg_wsss needs Python 3.10 to 3.12, $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>&1);" \
	    'name another one with make PYTHON=/path/to/python.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '"$(PYTHON)" lacks the venv or the pip module; install them' \
	    '(on Debian and Ubuntu: the package python3-venv).' >&2; exit 1; }
	@echo 'Installing $(REQUIREMENTS) into $(VENV) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q -r $(REQUIREMENTS)
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(DOCS_READY): $(READY) $(DOCS_REQUIREMENTS)
	@echo 'Installing $(DOCS_REQUIREMENTS) into $(VENV) ...'
	@$(BIN)/python -m pip install -q -r $(DOCS_REQUIREMENTS) \
	  -c $(REQUIREMENTS)
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info mmseg_wsss/.mim docs/_build docs/api
	rm -rf .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
