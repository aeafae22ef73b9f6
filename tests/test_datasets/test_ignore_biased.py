"""Biased pixels, label 254, on their way through a training pipeline."""

import numpy as np
import pytest
import torch
from mmseg.models import SegDataPreProcessor
from mmseg.registry import TRANSFORMS

from mmseg_wsss.io.labels import save_label
from tests import tiny


def build(**step):
    return TRANSFORMS.build(step)


def loaded(tmp_path):
    """A label of 20 x 24 with a biased square, read as MMSeg reads it."""
    label = np.zeros((20, 24), np.uint8)
    label[4:12, 6:16] = 254
    label[12:16, 6:16] = 2
    label[:, 22:] = 255
    save_label(tmp_path / 'label.png', label, tiny.PALETTE)
    results = dict(
        img=np.zeros((20, 24, 3), np.uint8),
        img_shape=(20, 24),
        ori_shape=(20, 24),
        seg_map_path=str(tmp_path / 'label.png'),
        seg_fields=[],
        reduce_zero_label=False,
        label_map=None,
        image_labels=np.array([1, 0, 1, 0], np.float32),
    )
    return build(type='LoadAnnotations').transform(results), label


def test_biased_become_ignored(tmp_path):
    results, label = loaded(tmp_path)
    before = results['gt_seg_map']
    step = build(type='mmseg_wsss.IgnoreBiased')
    after = step.transform(results)['gt_seg_map']
    assert after.dtype == before.dtype
    assert np.array_equal(after, np.where(label == 254, 255, label))
    assert np.array_equal(before, label)
    assert repr(step) == 'IgnoreBiased()'
    with pytest.raises(ValueError, match='LoadAnnotations'):
        step.transform({})


STEPS = {
    'flip': dict(type='RandomFlip', prob=1.0),
    'resize': dict(type='Resize', scale=(41, 37), keep_ratio=False),
    'random resize': dict(
        type='RandomResize',
        scale=(24, 20),
        ratio_range=(1.7, 1.8),
        keep_ratio=True,
    ),
    'crop': dict(type='RandomCrop', crop_size=(12, 14), cat_max_ratio=0.75),
    'pad': dict(type='Pad', size=(32, 32)),
    'rotate': dict(type='RandomRotate', prob=1.0, degree=20, seg_pad_val=255),
}


@pytest.mark.parametrize('name', STEPS)
def test_no_step_invents_or_loses_labels(tmp_path, name):
    np.random.seed(0)
    results, label = loaded(tmp_path)
    results = build(**STEPS[name]).transform(results)
    out = results['gt_seg_map']
    assert 254 in out
    assert set(np.unique(out)) <= {0, 2, 254, 255}
    if name == 'flip':
        assert np.array_equal(out, label[:, ::-1])
    if name == 'pad':
        assert np.array_equal(out[:20, :24], label)
        assert (out[20:] == 255).all() and (out[:, 24:] == 255).all()


def test_packing_and_padding_of_a_batch(tmp_path):
    results, label = loaded(tmp_path)
    packed = build(type='mmseg_wsss.PackWSSSInputs').transform(results)
    preprocessor = SegDataPreProcessor(
        mean=[0.0] * 3, std=[1.0] * 3, size=(32, 32), seg_pad_val=255
    )
    batch = dict(
        inputs=[packed['inputs']], data_samples=[packed['data_samples']]
    )
    out = preprocessor(batch, True)['data_samples'][0].gt_sem_seg.data[0]
    assert out.shape == (32, 32)
    assert torch.equal(out[:20, :24], torch.from_numpy(label).long())
    assert (out[20:] == 255).all()
