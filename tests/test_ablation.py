"""The ablation: shared stages, its variants, and their figures."""

import importlib
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmseg_wsss.workflow.pipeline import read_plan

ROOT = Path(__file__).resolve().parents[1]
MODULES = ('ablation', 'ablation_figures', 'runs')
STAGE = SimpleNamespace(name='classifier')


@pytest.fixture
def ablation(monkeypatch):
    """The module benchmarks/ablation.py, with stages that read no others."""
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module('ablation')
    monkeypatch.setattr(module, 'upstream_ids', lambda plan, stage: {})
    yield module
    for name in MODULES:
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


def test_a_link_to_what_was_removed_is_replaced(ablation, made, tmp_path):
    here = tmp_path / 'OCR' / 'classifier'
    ablation.reuse(plan(tmp_path, 'OCR'), STAGE, tmp_path)
    shutil.move(made, tmp_path / 'MARS' / 'classifier')
    ablation.reuse(plan(tmp_path, 'OCR'), STAGE, tmp_path)
    assert here.resolve() == tmp_path / 'MARS' / 'classifier'
    shutil.rmtree(tmp_path / 'MARS')
    ablation.reuse(plan(tmp_path, 'OCR'), STAGE, tmp_path)
    assert not here.is_symlink()


def test_every_method_is_alone_and_with_all(ablation):
    sets = dict(ablation.VARIANTS)
    assert sets.pop(ablation.FULL) == ('full',)
    assert sets.pop(ablation.FULL_PRIOR) == ('full', 'prior')
    without = sets.pop('all without MARS')
    assert set(without) == set(ablation.METHODS) - {'mars'}
    sets = list(sets.values())
    assert sets[0] == () and set(sets[-1]) == set(ablation.METHODS)
    assert {(m,) for m in ablation.METHODS} == set(sets[1:-1])


def test_without_mars_is_the_pipeline_as_it_is(ablation, tmp_path):
    plan = ablation.plan_of('voc-mini', 'all without MARS', 0, tmp_path)
    default = read_plan(
        ROOT / 'configs/pipelines/all_voc_mini.py',
        {'use.evaluate_train': True},
        tmp_path / 'default',
    )
    assert [s.name for s in plan.on] == [s.name for s in default.on]


@pytest.mark.parametrize(
    ('data', 'variant', 'expected'),
    [
        ('scenes', 'true masks', 'classifier full_segmentor evaluate_full'),
        ('voc-mini-lite2', 'true masks', 'full_segmentor evaluate_full'),
        (
            'voc-mini',
            'plain',
            'classifier cams refine segmentor evaluate_train evaluate',
        ),
    ],
)
def test_stages_of_a_variant(ablation, tmp_path, data, variant, expected):
    plan = ablation.plan_of(data, variant, 3, tmp_path)
    stages = ablation.stages_of(plan)
    assert [stage.name for stage in stages] == expected.split()
    seeds = {cfg.randomness.seed for cfg in plan.configs.values()}
    assert seeds == {3}


NAMES = (
    *('mIoU', 'FP', 'FN'),
    *('OC_image_rate', 'OC_image_rate_1pct', 'OC_pixel_rate'),
)


def record(first, seconds=60.4):
    """A stage's record, with figures that count from a number."""
    figures = {name: float(first + k) for k, name in enumerate(NAMES)}
    return {'figures': figures, 'seconds': seconds}


def test_figures_are_those_of_their_stages(ablation):
    records = {
        name: record(start)
        for name, start in (
            *(('cams', 10), ('refine', 20), ('segmentor', 30)),
            *(('evaluate_train', 40), ('evaluate', 30)),
        )
    }
    row = ablation.figures(records)
    assert row.pop('seconds') == dict.fromkeys(records, 60)
    assert row.pop('minutes') == 5.0
    once = {'seeds': 10, 'labels': 20} | {n: 30 + k for k, n in named()}
    trained = {f'train_{n}': 40 + k for k, n in named() if k > 2}
    assert row == once | trained
    records |= {'debias': record(25), 'second_labels': record(50)}
    records |= {'second_segmentor': record(60), 'evaluate': record(60)}
    row = ablation.figures(records)
    assert row['mIoU'] == 30 and row['labels'] == 25
    second = {f'second_{n}': 60 + k for k, n in named()}
    assert row.items() >= {**second, 'second_labels': 50}.items()


def named():
    return enumerate(NAMES)


def test_weak_over_full_is_of_the_same_seed(ablation):
    full = ablation.figures({'evaluate_full': record(80)})
    assert full['mIoU'] == 80 and 'seeds' not in full
    results = {
        'all': {'0': {'mIoU': 60.0, 'second_mIoU': 64.0}, '1': {'mIoU': 9.0}},
        'plain': {'0': {'mIoU': 20.0}},
        'true masks': {'0': {**full, 'mIoU': 40.0}},
        'true masks + prior': {'0': full},
    }
    ablation.add_shares(results)
    assert results['plain']['0']['weak_full'] == 50
    runs = results['all']
    assert runs['0']['weak_full'] == 75 and runs['0']['second_weak_full'] == 80
    assert runs['1'] == {'mIoU': 9.0} and 'weak_full' not in full


def test_a_table_has_dashes_for_what_a_variant_does_not_have(ablation):
    lines = ablation.table(
        {
            'a': {'0': {'x': 1.0, 'y': 2.0}, '1': {'x': 3}},
            'b': {},
            'c': {'0': {'y': 1}},
        },
        {'x': 'X', 'y': 'Y'},
    ).splitlines()
    assert lines[2:] == [
        '| a | 2.00 ± 1.41 | 2.00 ± 0.00 |',
        '| c | - | 1.00 ± 0.00 |',
    ]
