"""CSDCopyPaste on pictures whose every pixel is known."""

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmseg_wsss.datasets.transforms import CSDCopyPaste, copy_paste
from mmseg_wsss.datasets.transforms.copy_paste import fit

SOURCE, TARGET = 200, 50


def side(level, box, label, classes, size=(32, 32)):
    """An image of one grey level with one box of a class."""
    mask = np.zeros(size, np.uint8)
    mask[box] = label
    image = np.full((*size, 3), level, np.uint8)
    image[box] += label
    labels = np.zeros(4, np.float32)
    labels[[0, *classes]] = 1
    return dict(img=image, gt_seg_map=mask, image_labels=labels)


def pair(**options):
    box = np.s_[4:20, 4:20]
    target = side(TARGET, np.s_[16:28, 0:32], 1, [1, 2])
    target['partner'] = side(SOURCE, box, 3, [3], **options)
    return target


def test_foreground_is_laid_over_the_target():
    results = pair()
    original = results['img'].copy()
    views = CSDCopyPaste()(results)['paste_views']
    mask = np.zeros((32, 32), bool)
    mask[4:20, 4:20] = True
    assert (views['foreground_mask'] == mask).all()
    assert (views['foreground'][mask] == SOURCE + 3).all()
    assert (views['foreground'][~mask] == original[~mask]).all()
    assert views['labels'].tolist() == [1, 1, 1, 1]
    assert views['target_labels'].tolist() == [1, 1, 1, 0]
    assert views['source_labels'].tolist() == [1, 0, 0, 1]
    assert views['background_index'] == 0
    assert (results['img'] == original).all()
    assert results['image_labels'].tolist() == [1, 1, 1, 0]
    assert 'partner' not in results


def test_background_never_covers_the_targets_objects():
    results = pair()
    objects = results['gt_seg_map'] == 1
    original = results['img'].copy()
    views = CSDCopyPaste()(results)['paste_views']
    mask = ~objects
    mask[4:20, 4:20] = False
    assert (views['background_mask'] == mask).all()
    assert (views['background'][mask] == SOURCE).all()
    assert (views['background'][~mask] == original[~mask]).all()


def test_ignored_pixels_are_neither_object_nor_background():
    results = pair()
    results['gt_seg_map'][:16] = 255
    results['partner']['gt_seg_map'][28:] = 254
    views = CSDCopyPaste()(results)['paste_views']
    assert not views['background_mask'].any()
    assert views['foreground_mask'].sum() == 16 * 16


def test_smaller_and_larger_partners():
    views = CSDCopyPaste()(pair(size=(20, 12)))['paste_views']
    assert views['foreground'].shape == (32, 32, 3)
    assert views['source'].shape == (20, 12, 3)
    assert not views['foreground_mask'][:, 12:].any()
    assert not views['background_mask'][20:].any()
    views = CSDCopyPaste()(pair(size=(64, 40)))['paste_views']
    assert views['foreground'].shape == (32, 32, 3)


def test_empty_and_tiny_masks(monkeypatch):
    results = pair()
    results['partner']['gt_seg_map'][:] = 0
    views = CSDCopyPaste()(results)['paste_views']
    assert not views['foreground_mask'].any()
    assert (views['foreground'] == results['img']).all()
    assert views['labels'].tolist() == [1, 1, 1, 0]
    assert views['background_mask'].any()
    results = pair()
    results['partner']['gt_seg_map'][:] = 255
    results['partner']['gt_seg_map'][:2, :5] = 3  # 10 of 1024 pixels
    assert 'paste_views' not in CSDCopyPaste()(dict(results))
    results['partner']['gt_seg_map'][2, 0] = 3
    assert CSDCopyPaste()(results)['paste_views']['foreground_mask'].any()
    monkeypatch.setattr(copy_paste, 'MIN_AREA', 0)
    results = pair()
    results['partner']['gt_seg_map'][:] = 255
    assert 'paste_views' not in CSDCopyPaste()(results)


def test_without_partner_nothing_happens():
    results = pair()
    del results['partner']
    assert CSDCopyPaste()(dict(results)).keys() == results.keys()


def test_without_a_background_class_only_objects_are_pasted():
    results = pair()
    for one in (results, results['partner']):
        one['image_labels'][0] = 0
        one['background_index'] = None
    views = CSDCopyPaste()(results)['paste_views']
    assert views['background_index'] is None
    assert views['foreground_mask'].any()
    assert not views['background_mask'].any()


def test_fit():
    array = np.arange(6).reshape(2, 3)
    assert fit(array, (3, 2), 9).tolist() == [[0, 1], [3, 4], [9, 9]]


def test_bad_input():
    results = pair()
    results['partner']['image_labels'][1] = 1
    with pytest.raises(ValueError, match=r'one class.*has 2'):
        CSDCopyPaste()(results)
    for key, message in (
        ('gt_seg_map', r'LoadAnnotations.*seg_map_path'),
        ('image_labels', 'LoadImageLabels'),
    ):
        results = pair()
        del results['partner'][key]
        with pytest.raises(ValueError, match=message):
            CSDCopyPaste()(results)


def test_registered_and_printable():
    transform = TRANSFORMS.build(dict(type='CSDCopyPaste'))
    assert repr(transform) == 'CSDCopyPaste()'
