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
    # Everything goes into the segmentor and its evaluation.
    needed, todo = set(), ['evaluate']
    while todo:
        name = todo.pop()
        needed.add(name)
        todo += plan.upstream(plan.stages[name])
    assert {stage.name for stage in plan.on} == needed
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
    use = Config.fromfile(path).use
    plan = read(path, *(name for name, on in use.items() if on))
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


def check_upper_mark(plan, weak, masks):
    """Check that full supervision differs from a stage in masks only."""
    weak, full = (
        plan.configs[name].to_dict() for name in (weak, 'full_segmentor')
    )
    folders = [
        cfg['train_dataloader']['dataset']['data_prefix'].pop('seg_map_path')
        for cfg in (weak, full)
    ]
    assert folders[0].startswith('{') and folders[1] == masks
    allowed = [hook.pop('allow_masks', False) for hook in full['custom_hooks']]
    assert allowed == [True] + [False] * (len(allowed) - 1)
    for hook in [*weak['custom_hooks'], *full['custom_hooks']]:
        hook.pop('_scope_', None)
    assert weak == full


@pytest.mark.parametrize(
    ('name', 'weak', 'masks'),
    [
        ('scenes', 'segmentor', 'SegmentationClass'),
        ('voc_mini', 'segmentor', 'SegmentationClassAug'),
        ('all_scenes', 'second_segmentor', 'SegmentationClass'),
        ('all_voc_mini', 'second_segmentor', 'SegmentationClassAug'),
        ('all_voc_mini_lite2', 'second_segmentor', 'SegmentationClassAug'),
    ],
)
def test_the_upper_mark_is_the_same_network_on_true_masks(name, weak, masks):
    path = ROOT / 'configs' / 'pipelines' / f'{name}.py'
    use = {'use.ocr': False, 'use.full': True, 'use.evaluate_train': True}
    plan = read_plan(path, use)
    check_upper_mark(plan, weak, masks)
    # On training images the first segmentor, on the others the last ones.
    tests = {
        name: plan.stages[name].inputs['checkpoint']
        for name in ('evaluate_full', 'evaluate_train', 'evaluate')
    }
    assert list(tests.values()) == [
        *('{full_segmentor.checkpoint}', '{segmentor.checkpoint}'),
        f'{{{weak}.checkpoint}}',
    ]
    lists = [
        plan.configs[name].test_dataloader.dataset.ann_file for name in tests
    ]
    assert lists[0] == lists[2] != lists[1]
    training = plan.configs['segmentor'].train_dataloader.dataset
    assert lists[1] == training.ann_file
