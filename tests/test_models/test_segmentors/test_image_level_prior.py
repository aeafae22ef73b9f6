import copy
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import mmseg_wsss  # noqa: F401
from mmseg_wsss.structures import set_image_labels
from mmseg_wsss.workflow.deploy import onnx_export
from mmseg_wsss.workflow.deploy.image_to_logits import ImageToLogits
from tests import tiny  # noqa: F401

HEAD = dict(
    type='FCNHead',
    in_channels=8,
    channels=8,
    num_convs=0,
    concat_input=False,
    num_classes=4,
    align_corners=False,
)
CAM = dict(type='mmseg_wsss.CAMHead', in_channels=8, num_classes=4)
MODEL = dict(
    type='mmseg_wsss.PriorEncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor'),
    backbone=dict(type='TinyBackbone'),
    decode_head=HEAD,
    auxiliary_head=CAM,
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
METAS = [dict(img_shape=(32, 48))] * 2


def build(**options):
    torch.manual_seed(0)
    return MODELS.build(copy.deepcopy({**MODEL, **options})).eval()


def images():
    return torch.randn(2, 3, 32, 48, generator=torch.manual_seed(1))


def test_prior_by_hand():
    model = build()
    with torch.no_grad():
        model.auxiliary_head.conv_seg.weight.zero_()
        model.auxiliary_head.conv_seg.weight[1] = 1
        # The second class has a logit of log 3: a probability of 3 / 4.
        features = (torch.full((1, 8, 2, 2), torch.tensor(3.0).log() / 8),)
        prior = model.log_prior(features).exp()
    assert torch.allclose(prior, torch.tensor([[1, 0.5, 0.75, 0.5]]))


@pytest.mark.parametrize('heads', ['one', 'among others'])
def test_probabilities_are_multiplied(heads):
    auxiliary = CAM if heads == 'one' else [HEAD, CAM]
    model = build(auxiliary_head=auxiliary)
    cam_head = model._cam_heads()[0]
    with torch.no_grad():
        found = model.encode_decode(images(), METAS).softmax(1)
        features = model.extract_feat(images())
        plain = model.decode_head.predict(features, METAS, model.test_cfg)
        scores = cam_head(features).mean((2, 3)).sigmoid()
    prior = F.pad(scores, (1, 0), value=1.0)  # the background's is 1
    expected = plain.softmax(1) * prior[:, :, None, None]
    expected = expected / expected.sum(1, keepdim=True)
    assert torch.allclose(found, expected, atol=1e-6)
    assert not torch.allclose(found, plain.softmax(1), atol=1e-3)


@pytest.mark.parametrize('background', [3, None])
def test_other_backgrounds(background):
    model = build(auxiliary_head=dict(CAM, background_index=background))
    with torch.no_grad():
        prior = model.log_prior(model.extract_feat(images()))
    assert ((prior == 0).all(0).nonzero().flatten().tolist()) == (
        [] if background is None else [background]
    )
    assert (prior <= 0).all()


def test_both_heads_are_trained():
    model = build().train()
    samples = []
    for labels in ([1, 1, 0, 0], [1, 0, 0, 1]):
        sample = SegDataSample(metainfo=METAS[0])
        sample.gt_sem_seg = PixelData(data=torch.zeros(1, 32, 48).long())
        set_image_labels(sample, torch.tensor(labels), background_index=0)
        samples.append(sample)
    losses = model.loss(images(), samples)
    assert {'decode.loss_ce', 'aux.loss_gap'} <= losses.keys()
    losses['aux.loss_gap'].backward()
    assert model.backbone.conv.weight.grad.abs().sum() > 0
    assert model.decode_head.conv_seg.weight.grad is None


def test_export_has_the_prior():
    model = build()
    network = ImageToLogits(model, dict(bgr_to_rgb=True)).eval()
    with torch.no_grad():
        expected = model.encode_decode(images(), METAS)
        assert torch.equal(network(images()), expected)


def test_onnxruntime_computes_the_prior(tmp_path):
    for package in onnx_export.PACKAGES:
        pytest.importorskip(package)
    settings = dict(bgr_to_rgb=True, mean=[127.5] * 3, std=[127.5] * 3)
    segmentor = SimpleNamespace(
        model=build(),
        cfg=Config(dict(model=dict(data_preprocessor=settings))),
        steps=[],
        max_side=0,
        classes=list('abcd'),
        palette=[[0, 0, 0]] * 4,
    )
    # It raises if the logits differ.
    _, largest = onnx_export.export_onnx(segmentor, tmp_path / 'model.onnx')
    assert largest > 0.1


@pytest.mark.parametrize(
    ('auxiliary', 'message'),
    [
        (None, r'got CAMHeads with \[\]'),
        (HEAD, r'got CAMHeads with \[\]'),
        ([CAM, CAM], r'got CAMHeads with \[4, 4\]'),
        (dict(CAM, num_classes=3), r'the 4 classes .* with \[3\]'),
    ],
)
def test_one_cam_head_of_the_same_classes(auxiliary, message):
    with pytest.raises(ValueError, match=message):
        build(auxiliary_head=auxiliary)


def test_a_channel_for_each_class():
    """The prior of two classes would make two channels of one."""
    head = dict(HEAD, num_classes=2, out_channels=1, threshold=0.5)
    with pytest.raises(ValueError, match='2 classes and out_channels=1'):
        build(decode_head=head, auxiliary_head=dict(CAM, num_classes=2))
