"""The ablation links what another variant has made of the same."""

import importlib
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
STAGE = SimpleNamespace(name='classifier')


@pytest.fixture
def ablation(monkeypatch):
    """The module benchmarks/ablation.py, with stages that read no others."""
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    for name in ('ablation', 'runs'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module('ablation')
    monkeypatch.setattr(module, 'upstream_ids', lambda plan, stage: {})
    yield module
    for name in ('ablation', 'runs'):
        sys.modules.pop(name, None)


def plan(folder, variant, content='same'):
    """What ``reuse`` needs of a plan."""
    return SimpleNamespace(
        folder=lambda name: folder / variant / name,
        hashes={'classifier': content},
    )


@pytest.fixture
def made(tmp_path):
    """A stage that the first variant has finished."""
    there = tmp_path / 'plain' / 'classifier'
    there.mkdir(parents=True)
    record = {'hash': 'same', 'upstream': {}}
    (there / 'stage.json').write_text(json.dumps(record))
    return there


def test_the_same_stage_is_linked(ablation, made, tmp_path):
    ablation.reuse(plan(tmp_path, 'OCR'), STAGE, tmp_path)
    assert (tmp_path / 'OCR' / 'classifier').resolve() == made


def test_another_stage_is_not(ablation, made, tmp_path):
    ablation.reuse(plan(tmp_path, 'OCR', 'another'), STAGE, tmp_path)
    assert not (tmp_path / 'OCR').exists()


def test_a_link_to_what_was_removed_is_made_anew(ablation, made, tmp_path):
    here = tmp_path / 'OCR' / 'classifier'
    ablation.reuse(plan(tmp_path, 'OCR'), STAGE, tmp_path)
    shutil.move(made, tmp_path / 'MARS' / 'classifier')
    ablation.reuse(plan(tmp_path, 'OCR'), STAGE, tmp_path)
    assert here.resolve() == tmp_path / 'MARS' / 'classifier'
    shutil.rmtree(tmp_path / 'MARS')
    ablation.reuse(plan(tmp_path, 'OCR'), STAGE, tmp_path)
    assert not here.is_symlink()


def test_every_method_is_alone_and_with_all(ablation):
    sets = list(ablation.VARIANTS.values())
    assert sets[0] == () and set(sets[-1]) == set(ablation.METHODS)
    assert {(m,) for m in ablation.METHODS} == set(sets[1:-1])
