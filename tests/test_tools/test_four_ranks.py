"""Four ranks and an odd number of images give what one rank gives."""

import pytest
import torch

from tests import tiny
from tests.test_tools.test_train_and_dump import call, files

COUNT = 7  # no multiple of 4


@pytest.fixture(scope='module')
def outputs(tmp_path_factory):
    """The folders that one and four ranks filled: all stages in turn."""
    root = tmp_path_factory.mktemp('four')
    tiny.make_dataset(root / 'tiny', count=COUNT)
    return {ranks: run_stages(root, ranks) for ranks in (1, 4)}


def run_stages(root, ranks):
    """Train twice on four images, write CAMs, refine them."""
    out = root / f'ranks_{ranks}'
    head = tiny.cam_head(dropout_ratio=0)
    cfg = tiny.config(root / 'tiny', head, out / 'work')
    loader = cfg.train_dataloader
    loader.batch_size = 4 // ranks
    loader.sampler = dict(type='InfiniteSampler', shuffle=True)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    cfg.default_hooks.checkpoint.update(by_epoch=False, interval=2)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    image, _, labels, _ = cfg.test_dataloader.dataset.pipeline
    cfg.refine_pipeline = [
        image,
        labels,
        dict(
            type='mmseg_wsss.LoadCAM', cam_dir=str(root / 'ranks_1/seeds/cams')
        ),
        dict(type='mmseg_wsss.AddBackground', constant=0.4),
        dict(type='mmseg_wsss.ScoresToLabel'),
    ]
    cfg.dump(out.with_suffix('.py'))
    launcher = ['--launcher', 'pytorch'] if ranks > 1 else []

    def stage(tool, *words):
        command = f'tools/{tool}.py', out.with_suffix('.py'), *words
        call(*command, *launcher, ranks=ranks, hide_gpus=True)

    stage('train')
    # Weights differ in their last digits: both go on from those of one rank.
    checkpoint = root / 'ranks_1' / 'work' / 'iter_2.pth'
    stage('make_cams', checkpoint, '--out-dir', out / 'seeds')
    stage('make_pseudo_labels', '--out-dir', out / 'refined')
    return out


def test_training(outputs):
    one, four = (
        torch.load(out / 'work/iter_2.pth', weights_only=False)['state_dict']
        for out in outputs.values()
    )
    assert one.keys() == four.keys()
    for name in one:
        torch.testing.assert_close(four[name], one[name], msg=name)


@pytest.mark.parametrize('stage', ['seeds', 'refined'])
def test_files(outputs, stage):
    one, four = (files(out / stage) for out in outputs.values())
    assert len([path for path in one if path.suffix == '.png']) == COUNT
    assert four == one
