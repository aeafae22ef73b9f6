"""The shipped pipelines resolve, with every switch on and off."""

import re
from functools import lru_cache
from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_wsss.workflow.pipeline import read_plan

ROOT = Path(__file__).resolve().parents[3]
PIPELINES = sorted((ROOT / 'configs' / 'pipelines').glob('*.py'))
SWITCHES = [
    (path, switch)
    for path in PIPELINES
    for switch in Config.fromfile(path).use
]


@lru_cache
def read(path, *off):
    """Read a pipeline with some switches turned."""
    use = Config.fromfile(path).use
    return read_plan(path, {f'use.{name}': not use[name] for name in off})


@pytest.mark.parametrize('path', PIPELINES, ids=lambda path: path.stem)
def test_a_shipped_pipeline_resolves(path):
    plan = read(path)
    assert plan.name == path.stem
    # Everything else goes into the segmentor and its evaluation.
    needed, todo = set(), ['evaluate']
    while todo:
        name = todo.pop()
        needed.add(name)
        todo += plan.upstream(plan.stages[name])
    assert {stage.name for stage in plan.on} - {'doubts'} == needed
    # Nothing is read that a run would have to make by hand before.
    assert not [file for file in plan.missing if 'work_dirs' in file]


@pytest.mark.parametrize(('path', 'switch'), SWITCHES)
def test_each_switch_can_be_turned(path, switch):
    before, after = read(path), read(path, switch)
    assert before.hashes != after.hashes
    assert after.on[-1].name == 'evaluate'


def test_no_option_is_addressed_by_its_place_in_a_list():
    templates = ROOT / 'mmseg_wsss' / 'workflow' / 'own_data'
    files = [*(ROOT / 'configs').rglob('*.py'), *templates.rglob('*.txt')]
    found = [
        (path.name, option)
        for path in files
        for option in re.findall(r"'[\w.-]+\.\d+\.[\w.]+'", path.read_text())
    ]
    assert len(files) > 50 and not found


def test_everything_off_is_cams_densecrf_and_a_segmentor():
    path = ROOT / 'configs' / 'pipelines' / 'all_scenes.py'
    plan = read(path, *Config.fromfile(path).use)
    assert [stage.name for stage in plan.on] == [
        *('classifier', 'cams', 'refine', 'segmentor', 'evaluate')
    ]
    assert plan.stages['segmentor'].inputs == {
        'start': '{classifier.checkpoint}',
        'labels': '{refine.labels}',
    }
    assert plan.stages['cams'].inputs == {
        'checkpoint': '{classifier.checkpoint}'
    }
