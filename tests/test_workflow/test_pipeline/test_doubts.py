"""The stage that lists doubted labels: its command and what it reads."""

from pathlib import Path

import pytest

from mmseg_wsss.workflow.pipeline import read_plan
from mmseg_wsss.workflow.pipeline.command import stage_arguments
from mmseg_wsss.workflow.pipeline.stage import read_stage

ROOT = Path(__file__).resolve().parents[3]
SCENES = ROOT / 'configs' / 'pipelines' / 'scenes.py'


def test_the_command_with_and_without_a_checkpoint():
    plan = read_plan(SCENES)
    stage = plan.stages['doubts']
    assert plan.upstream(stage) == ['classifier'] and stage.on
    words = stage_arguments(
        stage, Path('c.py'), Path('w'), {'checkpoint': 'x.pth'}, 3
    )
    assert words == [
        *('c.py', 'x.pth', '--work-dir', 'w', '--out', 'w/doubts.csv'),
        *('--num-workers', '3'),
    ]
    words = stage_arguments(stage, Path('c.py'), Path('w'), {})
    assert words[:2] == ['c.py', '--work-dir']
    alone = read_stage('doubts', {'config': 'c.py'}, {})
    assert alone.kind.outputs == {'doubts': 'doubts.csv'}


@pytest.mark.parametrize(
    ('option', 'value', 'changes'),
    [
        ('test_dataloader.dataset.data_prefix.seg_map_path', 'masks', False),
        ('test_dataloader.num_workers', 5, False),
        ('test_dataloader.dataset.img_suffix', '.png', True),
        ('model.backbone.widen_factor', 0.25, True),
        ('train_cfg.max_epochs', 2, False),
    ],
)
def test_what_it_depends_on(option, value, changes):
    before = read_plan(SCENES)
    after = read_plan(SCENES, {f'options.{option}': value})
    same = before.hashes['doubts'] == after.hashes['doubts']
    assert same != changes
