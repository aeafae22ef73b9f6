"""Checks of the training data; with a Runner: test_weak_supervision_hook."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.datasets import BaseSegDataset
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss.datasets.training_checks import (
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
