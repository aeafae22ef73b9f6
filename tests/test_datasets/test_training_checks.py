"""Checks of the training data; with a Runner: test_weak_supervision_hook."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.datasets import BaseSegDataset
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from mmseg_wsss.datasets.training_checks import (
    check_label_files,
    check_label_values,
    check_training_data,
    ground_truth_folder,
)
from tests import tiny


def sample(value):
    out = SegDataSample()
    data = torch.full((1, 2, 2), value)
    out.gt_sem_seg = PixelData(data=data)
    out.set_metainfo(dict(img_path='a.jpg'))
    return out


def test_biased_pixels():
    model = SimpleNamespace(num_classes=4)
    check_label_values(model, None)
    check_label_values(model, [SegDataSample(), sample(255), sample(3)])
    with pytest.raises(ValueError, match=r'a\.jpg.*ComplementHook.*Ignore'):
        check_label_values(model, [sample(3), sample(254)])
    # With 255 classes 254 is one of them.
    check_label_values(SimpleNamespace(num_classes=255), [sample(254)])


@pytest.mark.parametrize(
    ('folder', 'loads', 'found'),
    [
        ('VOC2012/SegmentationClassAug', True, True),
        ('VOC2012/SegmentationClassAug', False, False),
        ('work_dirs/labels', True, False),
        ('stuffthingmaps/train2014', True, True),
    ],
)
def test_folders_of_ground_truth(folder, loads, found):
    init_default_scope('mmseg')
    step = dict(type='LoadAnnotations' if loads else 'LoadImageFromFile')
    dataset = BaseSegDataset(
        data_prefix=dict(seg_map_path=folder), pipeline=[step], lazy_init=True
    )
    wrapped = SimpleNamespace(datasets=[SimpleNamespace(dataset=dataset)])
    assert ground_truth_folder(wrapped) == (folder if found else None)


class AwaitsViews(nn.Module):
    awaits_paste_views = True


def test_a_loss_without_its_views(tiny_root, tmp_path):
    init_default_scope('mmseg')
    cfg = tiny.config(tiny_root, tiny.fcn_head(), tmp_path)
    settings = dict(cfg.train_dataloader.dataset)
    settings.pop('type')
    dataset = BaseSegDataset(**settings)
    check_training_data(dataset, nn.Sequential(nn.ReLU()))
    with pytest.raises(ValueError, match=r'^0 learns from .*CSDDataset'):
        check_training_data(dataset, nn.Sequential(AwaitsViews()))


def test_values_that_are_no_class():
    model = SimpleNamespace(num_classes=4)
    with pytest.raises(ValueError, match=r'a\.jpg holds \[7\].* 0 to 3'):
        check_label_values(model, [sample(3), sample(7)])
    # A binary head of one channel: 0 and 1, and its own value to ignore.
    head = SimpleNamespace(ignore_index=100)
    model = SimpleNamespace(num_classes=1, decode_head=head)
    check_label_values(model, [sample(1), sample(0), sample(100)])
    for odd in (2, 255):  # MMSeg pads with 255, whatever the head ignores
        with pytest.raises(ValueError, match=rf'holds \[{odd}\]'):
            check_label_values(model, [sample(odd)])
    # A cascade has a list of heads.
    head = nn.Identity()
    head.ignore_index = 100
    heads = nn.ModuleList([nn.Identity(), head])
    check_label_values(
        SimpleNamespace(num_classes=2, decode_head=heads), [sample(100)]
    )


def tiny_dataset(root, tmp_path, change=None, classes=tiny.CLASSES):
    """The tiny training set with changed pseudo labels."""
    init_default_scope('mmseg')
    for path in sorted((root / 'pseudo').glob('*.png')):
        if change is not None:
            label = np.array(Image.open(path))
            Image.fromarray(change(label)).save(path)
    cfg = tiny.config(root, tiny.fcn_head(), tmp_path)
    settings = dict(cfg.train_dataloader.dataset)
    settings.pop('type')
    for step in settings['pipeline']:
        if 'LoadImageLabels' in step['type']:
            step['classes'] = classes
    return BaseSegDataset(**settings)


SEGMENTOR = nn.Sequential(nn.ReLU())


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (lambda m: np.stack([m] * 3, -1), r'pseudo/img_0\.png has shape'),
        (lambda m: np.where(m > 0, m + 6, m).astype('u1'), r'img_0.*holds \['),
        (lambda m: np.where(m > 0, 255, 0).astype('u1'), 'none of 6 .* white'),
        (lambda m: np.where(m > 0, m % 3 + 1, 0).astype('u1'), 'another ord'),
        (lambda m: np.zeros_like(m), 'none of 6 label maps'),
    ],
)
def test_label_files_that_do_not_fit(tiny_root, tmp_path, change, match):
    dataset = tiny_dataset(tiny_root, tmp_path, change)
    with pytest.raises(ValueError, match=match):
        check_training_data(dataset, SEGMENTOR)


@pytest.mark.parametrize(
    'change',
    [
        None,
        lambda m: m.astype(np.uint16),
        lambda m: np.where(m > 0, 254, 0).astype('u1'),  # biased pixels
        lambda m: np.where(m == 0, 255, m).astype('u1'),  # no background
    ],
)
def test_label_files_that_fit(tiny_root, tmp_path, change):
    check_training_data(tiny_dataset(tiny_root, tmp_path, change), SEGMENTOR)


def test_a_validation_list_that_mmseg_reads_wrongly(tiny_root, tmp_path):
    dataset = tiny_dataset(tiny_root, tmp_path)
    text = Path(dataset.ann_file).read_text()
    Path(dataset.ann_file).write_text(f'\ufeff{text}', encoding='utf-8')
    with pytest.raises(ValueError, match='byte order mark'):
        check_label_files(dataset, SEGMENTOR)


def test_classes_in_another_order(tiny_root, tmp_path):
    swapped = ('background', 'green', 'red', 'blue')
    dataset = tiny_dataset(tiny_root, tmp_path, classes=swapped)
    with pytest.raises(ValueError, match="'green' at index 1, the data set"):
        check_training_data(dataset, SEGMENTOR)


def test_a_model_with_another_number_of_classes(tiny_root, tmp_path):
    dataset = tiny_dataset(tiny_root, tmp_path)
    model = nn.Sequential(nn.ReLU())
    model.num_classes = 5
    with pytest.raises(ValueError, match=r'num_classes=5.* 4 classes'):
        check_training_data(dataset, model)
