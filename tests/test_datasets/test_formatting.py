import copy
import pickle

import numpy as np
import pytest
import torch
from mmseg.registry import TRANSFORMS

from mmseg_wsss.datasets.transforms.formatting import PackWSSSInputs


def make_results(**extra):
    return dict(
        img=np.arange(60, dtype=np.uint8).reshape(4, 5, 3),
        img_path='/images/a.jpg',
        ori_shape=(4, 5),
        img_shape=(4, 5),
        flip=False,
        gt_seg_map=np.ones((4, 5), dtype=np.uint8),
        **extra,
    )


def test_labels_become_a_data_field():
    pack = TRANSFORMS.build(dict(type='PackWSSSInputs'))
    labels = np.array([1, 0, 1], dtype=np.float32)
    sample = pack(make_results(image_labels=labels))['data_samples']
    assert sample.image_labels.dtype == torch.float32
    assert sample.image_labels.tolist() == [1, 0, 1]
    assert 'image_labels' in sample.keys()  # noqa: SIM118
    assert 'image_labels' not in sample.metainfo_keys()
    assert sample.to('meta').image_labels.device.type == 'meta'


def test_the_rest_is_what_mmseg_packs():
    mmseg = TRANSFORMS.build(dict(type='mmseg.PackSegInputs'))
    expected = mmseg(make_results())
    packed = PackWSSSInputs()(make_results(image_labels=np.ones(3)))
    assert packed.keys() == expected.keys()
    assert torch.equal(packed['inputs'], expected['inputs'])
    ours, theirs = packed['data_samples'], expected['data_samples']
    added = {'background_index': 0}
    assert ours.metainfo == {**theirs.metainfo, **added}
    assert torch.equal(ours.gt_sem_seg.data, theirs.gt_sem_seg.data)


def test_meta_keys_are_passed_on():
    pack = PackWSSSInputs(meta_keys=['img_path'])
    sample = pack(make_results(image_labels=np.ones(3)))['data_samples']
    assert sample.metainfo == {
        'img_path': '/images/a.jpg',
        'background_index': 0,
    }
    assert 'img_path' in repr(pack)


def test_missing_labels():
    with pytest.raises(ValueError, match=r'a\.jpg.*LoadImageLabels'):
        PackWSSSInputs()(make_results())
    sample = PackWSSSInputs(require_labels=False)(make_results())
    assert 'image_labels' not in sample['data_samples']


def test_labels_are_kept_where_they_are_not_required():
    pack = PackWSSSInputs(require_labels=False)
    packed = pack(make_results(image_labels=np.ones(2)))
    assert packed['data_samples'].image_labels.tolist() == [1, 1]


def test_labels_must_be_multi_hot():
    with pytest.raises(ValueError, match='multi-hot'):
        PackWSSSInputs()(make_results(image_labels=np.full(3, 0.5)))


def test_copies():
    pack = PackWSSSInputs(meta_keys=('img_path',), require_labels=False)
    for copied in (copy.deepcopy(pack), pickle.loads(pickle.dumps(pack))):
        assert repr(copied) == repr(pack)


def test_one_flipped_column():
    """NumPy calls it contiguous, PyTorch does not take it."""
    results = make_results()
    results['img'] = np.arange(12, dtype=np.uint8).reshape(4, 1, 3)[:, ::-1]
    image = PackWSSSInputs(require_labels=False).transform(results)['inputs']
    assert image.flatten(1).T.flatten().tolist() == list(range(12))
