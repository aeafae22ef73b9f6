"""Configs of MMEngine's new style, which name classes in place of strings."""

import json

import numpy as np
import pytest
import torch
from mmseg.datasets import PascalVOCDataset
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_wsss.compat import is_type, load_config, type_name
from mmseg_wsss.datasets import LoadImageLabels
from mmseg_wsss.datasets.transforms.loading import resolve_classes
from mmseg_wsss.engine.loss_calls import check_losses_are_built
from mmseg_wsss.jobs.test_dataset import label_loader
from mmseg_wsss.workflow.deploy.onnx_export import describe
from mmseg_wsss.workflow.deploy.segmentor import Segmentor
from mmseg_wsss.workflow.pipeline.packages import missing_packages
from mmseg_wsss.workflow.pipeline.reads import loads_masks
from tests import tiny

CONFIG = """
from mmcv.transforms import LoadImageFromFile, Resize
from mmseg.datasets import BaseSegDataset, LoadAnnotations
from mmseg.evaluation import IoUMetric
from mmseg.models import (
    CrossEntropyLoss, EncoderDecoder, FCNHead, SegDataPreProcessor
)
from mmseg_wsss import OCRLoss
from mmseg_wsss.datasets import LoadImageLabels, PackWSSSInputs
from tests.tiny import CLASSES, PALETTE, TinyBackbone

loader = dict(type=LoadImageLabels, ann_file='labels.json', classes=CLASSES)
test_dataloader = dict(dataset=dict(
    type=BaseSegDataset,
    metainfo=dict(classes=CLASSES, palette=PALETTE),
    pipeline=[
        dict(type=LoadImageFromFile),
        dict(type=Resize, scale=(32, 32)),
        dict(type=LoadAnnotations),
        loader,
        dict(type=PackWSSSInputs),
    ],
))
test_evaluator = [dict(type=IoUMetric, iou_metrics=['mIoU'])]
model = dict(
    type=EncoderDecoder,
    test_cfg=dict(mode='whole'),
    data_preprocessor=dict(type=SegDataPreProcessor),
    backbone=dict(type=TinyBackbone),
    decode_head=dict(
        type=FCNHead, in_channels=8, in_index=0, channels=4, num_classes=4,
        loss_decode=[dict(type=CrossEntropyLoss), dict(type=OCRLoss)],
    ),
)
"""


@pytest.fixture
def cfg(tmp_path):
    (tmp_path / 'config.py').write_text(CONFIG)
    return load_config(tmp_path / 'config.py')


def test_types_have_their_names(cfg):
    assert type_name(cfg.test_evaluator[0]) == 'IoUMetric'
    assert type_name(dict(type=torch.optim.AdamW)) == 'AdamW'
    assert type_name(dict(type='mmseg.datasets.LoadX')) == 'LoadX'
    assert type_name({}) == type_name(dict(type=None)) == ''
    assert label_loader(cfg.test_dataloader).ann_file == 'labels.json'
    assert loads_masks(cfg.test_dataloader)
    assert missing_packages(cfg) == []
    written = load_config(cfg.filename)  # and as a pipeline writes it
    written.dump(cfg.filename)
    found = label_loader(load_config(cfg.filename).test_dataloader)
    assert is_type(found, 'LoadImageLabels')


def test_a_data_set_names_its_classes():
    loader = dict(type=LoadImageLabels, ann_file='', classes=PascalVOCDataset)
    assert len(resolve_classes(TRANSFORMS.build(loader).classes)) == 21
    with pytest.raises(ValueError, match='no registered MMSeg data set'):
        resolve_classes(dict)


def test_losses_that_a_head_leaves_out(cfg):
    model = MODELS.build(cfg.model)
    check_losses_are_built(cfg.model, model)
    del model.decode_head.loss_decode
    with pytest.raises(ValueError, match=r'decode\.1 is OCRLoss, but'):
        check_losses_are_built(cfg.model, model)


def test_a_segmentor_is_loaded(cfg, tmp_path):
    model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    segmentor = Segmentor(cfg, tmp_path / 'model.pth')
    assert segmentor.classes == list(tiny.CLASSES)
    assert segmentor.predict(np.zeros((40, 50, 3), np.uint8)).shape == (40, 50)
    about = json.loads(json.dumps(describe(segmentor)))
    assert about['transforms'] == [dict(type='Resize', scale=[32, 32])]
