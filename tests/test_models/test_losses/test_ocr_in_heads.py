"""OCRLoss inside MMSeg's heads, one training step each."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models import CascadeEncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss.models.segmentors import WeakSupervisionMixin
from mmseg_wsss.structures import set_image_labels

CLASSES = 5
NORM = dict(type='BN')
LOSSES = [
    dict(type='CrossEntropyLoss', avg_non_ignore=True),
    dict(type='OCRLoss', group='anchor', pixels='all'),
]


def samples(size, classes=CLASSES):
    out = []
    for index in range(2):
        sample = SegDataSample()
        labels = torch.zeros(classes)
        labels[[0, 1 + index]] = 1
        set_image_labels(sample, labels)
        mask = torch.randint(0, 2, (1, size, size)) * (1 + index)
        mask[:, :3] = 255
        sample.gt_sem_seg = PixelData(data=mask)
        out.append(sample)
    return out


def head(kind, **options):
    base = dict(
        type=kind,
        in_channels=16,
        channels=8,
        num_classes=CLASSES,
        norm_cfg=NORM,
        loss_decode=LOSSES,
    )
    return {**base, **options}


MULTI = dict(in_channels=[16, 16, 16, 16], in_index=[0, 1, 2, 3])
HEADS = {
    'fcn': head('FCNHead', num_convs=1),
    'ohem': head(
        'FCNHead',
        num_convs=1,
        sampler=dict(type='OHEMPixelSampler', min_kept=10),
    ),
    'psp': head('PSPHead', pool_scales=(1, 2)),
    'aspp': head('ASPPHead', dilations=(1, 2)),
    'sep_fcn': head('DepthwiseSeparableFCNHead', num_convs=1),
    'uper': head('UPerHead', pool_scales=(1, 2), **MULTI),
    'fpn': head('FPNHead', feature_strides=[4, 4, 4, 4], **MULTI),
    'segformer': head('SegformerHead', **MULTI),
    'da': head('DAHead', pam_channels=4),
    'gc': head(
        'GCHead',
        ratio=1 / 4.0,
        pooling_type='att',
        fusion_types=('channel_add',),
    ),
    'nl': head(
        'NLHead',
        dropout_ratio=0.1,
        reduction=2,
        use_scale=True,
        mode='embedded_gaussian',
    ),
    'enc': head(
        'EncHead',
        in_channels=(16, 16, 16),
        in_index=(1, 2, 3),
        num_codes=4,
        use_se_loss=True,
        loss_se_decode=dict(type='CrossEntropyLoss', use_sigmoid=True),
    ),
    'ham': head(
        'LightHamHead',
        in_channels=[16, 16],
        in_index=[2, 3],
        ham_channels=8,
        ham_kwargs=dict(MD_R=4),
        norm_cfg=dict(type='GN', num_groups=4),
    ),
    'large_fov': head('LargeFOVHead', dilation=2),
}


class Pyramid(torch.nn.Module):
    """Four equal maps of stride 4."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 16, 3, 4, 1)

    def forward(self, x):
        return (self.conv(x),) * 4


def segmentor(decode_head, kind='WSSSEncoderDecoder', backbone=None, **more):
    MODELS.register_module('TestPyramid', module=Pyramid, force=True)
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type=kind,
            backbone=backbone or dict(type='TestPyramid'),
            decode_head=decode_head,
            train_cfg={},
            test_cfg=dict(mode='whole'),
            **more,
        )
    )


def step(model, classes=CLASSES):
    losses = model(
        torch.randn(2, 3, 32, 32), samples(32, classes), mode='loss'
    )
    model.parse_losses(losses)[0].backward()
    return losses


@pytest.mark.parametrize('name', HEADS)
def test_head(name):
    losses = step(segmentor(HEADS[name]))
    values = [v for k, v in losses.items() if 'loss_ocr' in k]
    assert values
    assert all(torch.isfinite(v).all() and v.sum() > 0 for v in values)


class Cascade(WeakSupervisionMixin, CascadeEncoderDecoder):
    pass


def test_cascade_and_auxiliary_heads():
    cascade = segmentor(
        [
            head('FCNHead', num_convs=1),
            head('OCRHead', ocr_channels=8),
        ],
        Cascade,
        num_stages=2,
        auxiliary_head=head('FCNHead', num_convs=1),
    )
    losses = step(cascade)
    for stage in ('decode_0', 'decode_1', 'aux'):
        assert losses[f'{stage}.loss_ocr'] > 0


# These heads do not pass on what is to ignore: this loss knows it.
MINED = dict(type='OhemCrossEntropy', min_kept=10)
POSITIONS = {
    'DDRNet': [MINED, MINED],
    'PIDNet': [LOSSES[0], MINED, dict(type='BoundaryLoss'), MINED],
}


@pytest.mark.parametrize('name', POSITIONS)
def test_heads_that_call_their_losses_by_position(name):
    """OCR in an auxiliary head on the fused map, as docs/faq.md has it."""
    model = segmentor(
        dict(
            type=f'{name[:3]}Head',
            in_channels=32,
            channels=8,
            num_classes=CLASSES,
            loss_decode=POSITIONS[name],
        ),
        backbone=dict(type=name, channels=8, ppm_channels=8),
        auxiliary_head=head(
            'FCNHead', in_channels=32, in_index=1, num_convs=1
        ),
    )
    data = samples(64)
    for sample in data:
        sample.gt_edge_map = PixelData(data=torch.zeros(1, 64, 64))
    losses = model(torch.randn(2, 3, 64, 64), data, mode='loss')
    assert losses['aux.loss_ocr'] > 0
    grown = torch.autograd.grad(
        losses['aux.loss_ocr'],
        list(model.backbone.parameters()),
        allow_unused=True,
    )
    assert sum(g.abs().sum() for g in grown if g is not None) > 0


def test_a_boundary_head_is_told_apart():
    two = head('FCNHead', num_convs=1, num_classes=2, loss_decode=LOSSES[1:])
    with pytest.raises(ValueError, match='background included'):
        step(segmentor(two))


def test_losses_called_by_index_without_keywords():
    # DDRHead calls loss_decode[i](logits, label) and nothing else.
    from mmseg_wsss.structures import batch_context

    criterion = MODELS.build(LOSSES[1])
    label = torch.zeros(2, 4, 4, dtype=torch.long)
    with batch_context(samples(4)):
        assert criterion(torch.randn(2, CLASSES, 4, 4), label) > 0
