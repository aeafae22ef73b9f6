#!/usr/bin/env bash
# Test on upstream OpenMMLab: the suite, the demo, and trainings that one stack
# begins and the other resumes. MMCV is compiled once, which takes a C++ compiler
# and a quarter of an hour; its wheel and the environment stay in the cache.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONPATH
export OMP_NUM_THREADS=1
# The tests marked slow too.
export PYTEST_ADDOPTS="${PYTEST_ADDOPTS:-} -m ''"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/mmseg_wsss"
onedl="$(cd "${VENV:-.venv}/bin" && pwd)/python"
upstream="$cache/upstream/bin/python"
pins="$PWD/requirements/upstream.txt"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"${PYTHON:-python3}" -c 'import sys; v = sys.version_info[:2]
sys.exit(not (3, 10) <= v <= (3, 11))' || {
  echo 'torch 2.1 needs Python 3.10 or 3.11: make PYTHON=python3.11 test-upstream' >&2
  exit 1
}
test -x "$upstream" || "${PYTHON:-python3}" -m venv "$cache/upstream"
pip() { "$upstream" -m pip --disable-pip-version-check -q "$@"; }
pip install -c "$pins" torch torchvision numpy setuptools wheel ninja psutil
# A wheel that is in the cache is taken; pip's own cache may hold another build.
MMCV_WITH_OPS=1 FORCE_CUDA=0 pip wheel --no-cache-dir --no-deps \
  --no-build-isolation -c "$pins" -f "$cache/wheels" -w "$cache/wheels" mmcv
pip install -f "$cache/wheels" -r "$pins"

# What git would clone, with the changes of the working tree.
mkdir "$work/clone"
git ls-files -z -co --exclude-standard | tar -c --null -T - |
  tar -x -C "$work/clone"
cd "$work/clone"
pip install --no-deps --no-build-isolation -e .
"$upstream" -c 'import mmcv.ops, mmseg_wsss.compat as c; assert c.stack_name() == "openmmlab"'

# shellcheck disable=SC2086
"$upstream" -m pytest -n "${JOBS:-2}" --dist loadfile \
  --no-loadscope-reorder ${ARGS:-}
"$upstream" tools/run_pipeline.py configs/pipelines/scenes.py

# One epoch on one stack, the next one on the other.
export PYTHONPATH="$work/clone"
config=configs/cam/cam_mobilenetv2_scenes.py
settings='train_cfg.max_epochs=2 default_hooks.checkpoint.interval=1'
settings+=' default_hooks.checkpoint.max_keep_ckpts=2'
resume() { # FIRST SECOND FOLDER
  # shellcheck disable=SC2086
  "$1" tools/train.py $config --work-dir "$3" --cfg-options $settings
  rm "$3/epoch_2.pth"
  echo "$3/epoch_1.pth" > "$3/last_checkpoint"
  # shellcheck disable=SC2086
  "$2" tools/train.py $config --work-dir "$3" --cfg-options $settings --resume
  test -f "$3/epoch_2.pth"
}
resume "$onedl" "$upstream" "$work/onedl_first"
resume "$upstream" "$onedl" "$work/upstream_first"
echo 'upstream: the suite and the demo pass, and the stacks resume each other'
