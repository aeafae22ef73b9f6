import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.runner import Runner
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss import AdversarialCAMTTAModel, CAMTTAModel
from mmseg_wsss.jobs.command_line import use_tta
from mmseg_wsss.models.segmentors import adversarial_cam
from mmseg_wsss.structures import set_image_labels
from tests import tiny


def segmentor(head=None):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='WSSSEncoderDecoder',
            data_preprocessor=dict(
                type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3
            ),
            backbone=dict(type='TinyBackbone'),
            decode_head=head or tiny.cam_head(),
            train_cfg={},
            test_cfg=ConfigDict(mode='whole'),
            init_cfg=dict(type='Normal', layer='Conv2d', std=0.5),
        )
    )


def built(head=None, **options):
    model = segmentor(head)
    torch.manual_seed(1)  # whatever the heads drew
    model.init_weights()
    return AdversarialCAMTTAModel(model, **options)


def sample(size, labels, shape, flip):
    out = SegDataSample()
    scale = shape[0] / size[0]
    out.set_metainfo(
        dict(
            ori_shape=size,
            img_shape=shape,
            scale_factor=(scale, scale),
            flip=flip,
            flip_direction='horizontal' if flip else None,
        )
    )
    if labels is not None:
        set_image_labels(out, torch.tensor(labels))
    return out


def views(labels=(1, 1, 0, 1), scales=(0.5, 1.0, 1.5), images=1, flips=2):
    """Scales and flips of noise pictures of 24 x 32."""
    torch.manual_seed(1)
    size = (24, 32)
    pictures = torch.rand(images, 3, *size) * 255
    data = dict(inputs=[], data_samples=[])
    for scale in scales:
        seen = F.interpolate(pictures, scale_factor=scale, mode='bilinear')
        shape = tuple(seen.shape[2:])
        for flip in (False, True)[:flips]:
            turned = seen.flip(-1) if flip else seen
            data['inputs'].append(list(turned))
            data['data_samples'].append(
                [sample(size, labels, shape, flip) for _ in range(images)]
            )
    return data


def scores(model, data):
    with torch.no_grad():
        merged = model.test_step(copy.deepcopy(data))
    return torch.stack([one.seg_logits.data for one in merged])


@pytest.mark.parametrize('labels', [(1, 1, 0, 1), None])
@pytest.mark.parametrize('head', [tiny.cam_head(), tiny.seam_head()])
def test_no_step_is_the_plain_cam(head, labels):
    model, data = built(head, steps=0), views(labels, images=2)
    plain = CAMTTAModel(model.module).eval()
    found = scores(model, data)
    assert torch.allclose(found, scores(plain, data), atol=1e-5)
    assert found[:, 1:].amax() > 0.9
    climbed = scores(built(head, steps=3), data)
    assert not torch.allclose(found, climbed, atol=1e-2)


def test_a_sum_of_scales_by_hand(monkeypatch):
    model, data = built(steps=3), views(flips=1)
    model.steps = 3
    calls = []
    single = adversarial_cam.climb

    def spy(images, cams, classes, divisors, steps):
        out = single(images, cams, classes, divisors, steps)
        calls.append((steps, tuple(images.shape), classes.tolist(), out))
        return out

    monkeypatch.setattr(adversarial_cam, 'climb', spy)
    found = scores(model, data)[0]
    # At scale 0.5 two maps, else four.
    assert [call[:3] for call in calls] == [
        (1, (1, 3, 12, 16), [0, 2]),
        (3, (1, 3, 24, 32), [0, 2]),
        (3, (1, 3, 36, 48), [0, 2]),
    ]
    total = 0
    for call in calls:
        total = total + F.interpolate(
            call[3][None], (24, 32), mode='bilinear', align_corners=False
        )
    total = total[0]
    expected = total / (total.amax((1, 2), keepdim=True) + 1e-5)
    assert torch.allclose(found[[1, 3]], expected, atol=1e-5)
    assert found[2].count_nonzero() == 0
    assert (found[0] == 0.3).all()


def test_flips_climb_together(monkeypatch):
    model, data = built(steps=3), views()
    shapes = []
    single = adversarial_cam.climb

    def spy(images, *args):
        shapes.append(tuple(images.shape))
        # The second is the mirror image, and the maps lie on one another.
        maps = args[0](images[None])[0][0]
        assert torch.allclose(images[0], images[1].flip(-1))
        assert maps.shape[:2] == (2, 3)
        return single(images, *args)

    monkeypatch.setattr(adversarial_cam, 'climb', spy)
    scores(model, data)
    assert shapes == [(2, 3, 12, 16), (2, 3, 24, 32), (2, 3, 36, 48)]
    # An image whose mirror image is itself has a symmetric CAM.
    for inputs in data['inputs']:
        inputs[0] = (inputs[0] + inputs[0].flip(-1)) / 2
    found = scores(model, data)
    assert torch.allclose(found, found.flip(-1), atol=1e-3)


def test_classes_in_one_batch_are_as_one_after_the_other():
    data = views((1, 1, 1, 1), images=2)
    together = scores(built(steps=5), data)
    alone = scores(built(steps=5, class_batch=1), data)
    assert torch.allclose(together, alone, atol=1e-4)


def test_absent_classes_are_0():
    data = views((1, 0, 1, 0))
    found = scores(built(steps=3), data)[0]
    assert [m.amax().item() > 0 for m in found] == [True, False, True, False]
    nothing = scores(built(steps=3), views((1, 0, 0, 0)))[0]
    assert nothing[1:].count_nonzero() == 0


def test_the_network_is_left_alone_and_bytes_repeat():
    model, data = built(steps=3), views()
    backbone = model.module.backbone
    norm = nn.BatchNorm2d(backbone.conv.out_channels)
    backbone.conv = nn.Sequential(backbone.conv, norm)
    model.module.train()
    before = copy.deepcopy(model.state_dict())
    first = scores(model, data)
    assert torch.equal(first, scores(model, data))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    for parameter in model.parameters():
        assert parameter.grad is None and parameter.requires_grad
    assert all(module.training for module in model.module.modules())


def test_errors():
    for options, text in (
        (dict(steps=-1), 'steps >= 0'),
        (dict(class_batch=0), 'class_batch >= 1'),
    ):
        with pytest.raises(ValueError, match=text):
            built(**options)
    with pytest.raises(ValueError, match='AdversarialCAMTTAModel sums the'):
        built(tiny.fcn_head())
    polar = dict(
        type='mmseg_wsss.PolarHead',
        in_channels=8,
        num_classes=4,
        loss_decode=dict(type='mmseg_wsss.SpatialBCE'),
    )
    for head in (tiny.sipe_head(), polar):
        with pytest.raises(ValueError, match='climbs on the CAM of one'):
            built(head)
    data = views()
    data['data_samples'][1][0].set_metainfo(dict(img_padding_size=(0, 2)))
    with pytest.raises(ValueError, match='was padded by'):
        scores(built(), data)


@pytest.mark.usefixtures('on_cpu')
def test_metrics_and_writer(tiny_root, tmp_path):
    work_dir = tmp_path / 'work'
    cfg = tiny.config(tiny_root, tiny.cam_head(), work_dir)
    cfg.tta_model = dict(type='mmseg_wsss.AdversarialCAMTTAModel', steps=2)
    cfg.test_evaluator = [
        *cfg.test_evaluator,
        dict(
            type='mmseg_wsss.PseudoLabelWriter',
            label_dir=str(work_dir / 'labels'),
            cam_dir=str(work_dir / 'cams'),
        ),
    ]
    use_tta(cfg)
    metrics = Runner.from_cfg(cfg).test()
    assert metrics['written'] == 6
    assert metrics['OC_image_rate'] == 0
