import numpy as np
import pytest
import torch

from mmseg_wsss.evaluation import AnchorMetric
from mmseg_wsss.io.labels import save_label
from tests.tiny import CLASSES, PALETTE

META = dict(classes=CLASSES, palette=PALETTE)
# Of four classes; image labels: background and class 1. Columns of pixels.
SCORES = [
    [3.0, 1.0, 0.0, 2.0, 1.0],
    [2.0, 2.0, 1.0, 0.0, 0.0],
    [4.0, 3.0, 2.0, 0.0, 9.0],
    [0.0, 0.0, 9.0, 0.0, 0.0],
]
TRUTH = [0, 1, 0, 1, 255]  # the fourth pixel is in candidate


def sample(scores=SCORES, truth=TRUTH, labels=(1, 1, 0, 0), **more):
    found = dict(
        seg_logits=dict(data=torch.tensor(scores)[:, None]),
        gt_sem_seg=dict(data=torch.tensor(truth)[None, None]),
        img_path='images/a.png',
        **more,
    )
    if labels:
        found['image_labels'] = torch.tensor(labels, dtype=torch.float)
    return found


def shares(samples, meta=META, **options):
    metric = AnchorMetric(**options)
    metric.dataset_meta = meta
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_shares_by_hand():
    # Anchors of the three OC pixels: 0, 1, 1. True: 0, 1, 0.
    expected = {
        'OC_anchor_right': 66.67,
        'OC_anchor_background': 33.33,
        'OC_truth_background': 66.67,
    }
    assert shares([sample()]) == expected
    assert shares([sample()] * 2) == expected
    # Labels of the mask: background and class 1 again.
    assert shares([sample(labels=None)]) == expected


def test_pixels_without_pseudo_label_do_not_count(tmp_path):
    label = np.array([[1, 1, 255, 0, 0]], np.uint8)
    save_label(tmp_path / 'a.png', label, PALETTE)
    assert shares([sample()], label_dir=tmp_path) == {
        'OC_anchor_right': 100.0,
        'OC_anchor_background': 50.0,
        'OC_truth_background': 50.0,
        'OC_label_right': 50.0,
    }


def test_pseudo_labels_of_a_choice_of_classes(tmp_path):
    # The file holds the indices 0 and 5, of which 5 is class 1 in use.
    save_label(tmp_path / 'a.png', np.array([[0, 5, 5, 0, 0]]), PALETTE * 2)
    label_map = {0: 0, 1: 255, 2: 255, 3: 2, 4: 3, 5: 1}
    meta = dict(META, label_map=label_map)
    found = shares([sample()], meta, label_dir=tmp_path)
    assert found['OC_label_right'] == 66.67


def test_no_oc_pixel_gives_no_share():
    assert shares([sample(labels=[1, 1, 1, 1])]) == {}


def test_without_a_background():
    found = shares([sample(labels=[0, 1, 0, 0])], background_index=None)
    # All four known pixels are OC, the anchor is class 1 everywhere.
    assert found == {
        'OC_anchor_right': 50.0,
        'OC_anchor_background': 0.0,
        'OC_truth_background': 0.0,
    }


def test_errors(tmp_path):
    with pytest.raises(ValueError, match='no folder of pseudo labels'):
        AnchorMetric(label_dir=tmp_path / 'none')
    with pytest.raises(ValueError, match=r'no pseudo label .*a\.png'):
        shares([sample()], label_dir=tmp_path)
    save_label(tmp_path / 'a.png', np.zeros((2, 2), np.uint8), PALETTE)
    with pytest.raises(ValueError, match=r'uint8 \(2, 2\), a pseudo label'):
        shares([sample()], label_dir=tmp_path)
    with pytest.raises(ValueError, match=r'needs scores \(4, 1, 5\)'):
        shares([sample(scores=SCORES[:3])])
    bare = sample()
    del bare['gt_sem_seg']
    with pytest.raises(ValueError, match='add LoadAnnotations'):
        shares([bare])
