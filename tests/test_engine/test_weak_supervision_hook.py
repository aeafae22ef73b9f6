import copy
import logging

import pytest
import torch
from mmengine.runner import Runner
from torch import nn

from mmseg_wsss.engine.hooks.weak_supervision_hook import WeakSupervisionHook
from mmseg_wsss.structures import current_data_samples
from tests import tiny

OCR = dict(type='mmseg_wsss.OCRLoss', prior='auto')


def train(root, tmp_path, *losses, **changes):
    cfg = tiny.config(
        root, tiny.fcn_head(*losses), tmp_path / 'work', **changes
    )
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test_training_feeds_the_loss_and_counts_the_prior(tiny_root, tmp_path):
    runner = train(tiny_root, tmp_path, OCR)
    loss = runner.model.decode_head.loss_decode[1]
    # Six images: red in 4 of them, red and green together in 2.
    prior = loss.prior.cpu()
    assert prior[0, 0] == 1
    assert prior[1, 1] == pytest.approx(4 / 6)
    assert prior[1, 2] == pytest.approx(2 / 6)
    assert 'train/decode.loss_ocr' in runner.message_hub.log_scalars
    assert current_data_samples() is None


def test_model_is_left_as_it_was(tiny_root, tmp_path):
    runner = train(tiny_root, tmp_path, OCR)
    assert not runner.model._forward_pre_hooks
    assert not runner.model._forward_hooks
    plain = tiny.config(tiny_root, tiny.fcn_head(), tmp_path / 'plain')
    reference = Runner.from_cfg(plain).model.state_dict()
    assert list(runner.model.state_dict()) == list(reference)


def test_without_the_hook_the_error_names_the_line(tiny_root, tmp_path):
    head = tiny.fcn_head(dict(type='mmseg_wsss.OCRLoss'))
    cfg = tiny.config(tiny_root, head, tmp_path / 'work')
    cfg.custom_hooks = []
    with pytest.raises(RuntimeError, match='WeakSupervisionHook'):
        Runner.from_cfg(cfg).train()


def test_ema_and_gradient_accumulation(tiny_root, tmp_path):
    cfg = tiny.config(tiny_root, tiny.fcn_head(OCR), tmp_path / 'work')
    cfg.custom_hooks.append(dict(type='EMAHook'))
    cfg.optim_wrapper.accumulative_counts = 2
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 3


def test_real_masks_are_called_out(tiny_root, tmp_path):
    (tiny_root / 'pseudo').rename(tiny_root / 'SegmentationClass')
    hook_cfg = dict(type='mmseg_wsss.WeakSupervisionHook')
    messages = []
    for allow in (False, True):
        cfg = tiny.config(
            tiny_root,
            tiny.fcn_head(OCR),
            tmp_path / f'work_{allow}',
            masks='SegmentationClass',
        )
        cfg.custom_hooks = [dict(hook_cfg, allow_masks=allow)]
        runner = Runner.from_cfg(cfg)
        handler = _Catch()
        runner.logger.addHandler(handler)
        runner.train()
        messages.append(' '.join(handler.messages))
    assert 'GROUND TRUTH' in messages[0]
    assert 'GROUND TRUTH' not in messages[1]


def test_a_class_without_image_is_named(tiny_root, tmp_path):
    cfg = tiny.config(tiny_root, tiny.fcn_head(OCR), tmp_path / 'work')
    (tiny_root / 'list.txt').write_text('img_0\nimg_1')
    runner = Runner.from_cfg(cfg)
    handler = _Catch()
    runner.logger.addHandler(handler)
    runner.train()
    assert any(
        'no training image has the class blue' in m for m in handler.messages
    )


def test_a_bad_label_stops_before_training(tiny_root, tmp_path):
    labels = tiny_root / 'image_labels.json'
    labels.write_text(labels.read_text().replace('"blue"', '"bleu"'))
    with pytest.raises(ValueError, match='bleu'):
        train(tiny_root, tmp_path, OCR)
    assert not list((tmp_path / 'work').glob('*.pth'))


@pytest.mark.parametrize('part', ['val', 'test'])
def test_a_wrong_list_stops_before_validation(tiny_root, tmp_path, part):
    wrong = tmp_path / 'wrong.txt'
    wrong.write_text('/images/img_0.jpg /masks/img_0.png\n')
    cfg = tiny.config(tiny_root, tiny.fcn_head(), tmp_path / 'work')
    cfg[f'{part}_dataloader'].dataset.ann_file = str(wrong)
    runner = Runner.from_cfg(cfg)
    with pytest.raises(ValueError, match='line 1 names an image and its mask'):
        runner.train() if part == 'val' else runner.test()


def test_a_mixing_transform_that_drops_labels(tiny_root, tmp_path):
    cfg = tiny.config(tiny_root, tiny.fcn_head(OCR), tmp_path / 'work')
    inner = cfg.train_dataloader.dataset
    pack = inner.pipeline.pop()
    cfg.train_dataloader.dataset = dict(
        type='MultiImageMixDataset',
        dataset=inner,
        pipeline=[dict(type='RandomMosaic', prob=1, img_scale=(32, 32)), pack],
    )
    with pytest.raises(ValueError, match='RandomMosaic mixes images'):
        Runner.from_cfg(cfg).train()


def test_auto_prior_without_labels_to_count(tiny_root, tmp_path):
    cfg = tiny.config(tiny_root, tiny.fcn_head(OCR), tmp_path / 'work')
    cfg.train_dataloader.dataset.pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations'),
        dict(type='PackSegInputs'),
    ]
    with pytest.raises(ValueError, match='loads no image labels to count'):
        Runner.from_cfg(cfg).train()


class _Probe(nn.Module):
    seen = None

    def forward(self, inputs, data_samples=None, mode='tensor'):
        _Probe.seen = current_data_samples()
        if mode == 'fail':
            raise KeyError('forward fails')
        return inputs


def test_context_is_cleared_also_after_an_error():
    hook, model = WeakSupervisionHook(), _Probe()
    hook._attach(model)
    hook._attach(model)
    assert len(model._forward_pre_hooks) == 1
    samples = [object()]
    model(torch.zeros(1), samples)
    assert _Probe.seen is samples
    with pytest.raises(KeyError):
        model(torch.zeros(1), data_samples=samples, mode='fail')
    assert current_data_samples() is None
    twin = copy.deepcopy(model)
    twin(torch.zeros(1), samples)
    assert current_data_samples() is None
    hook._detach()
    model(torch.zeros(1), samples)
    assert _Probe.seen is None


class _Catch(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())
