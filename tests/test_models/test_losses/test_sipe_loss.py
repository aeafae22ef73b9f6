"""SIPE's consistency: numbers, a loop, routes of gradients, padding."""

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss import SIPELoss, batch_context, set_image_labels
from mmseg_wsss.models.losses import prototype_consistency
from tests import tiny

LABELS = torch.tensor([[1.0, 1, 0, 1], [1, 0, 1, 0]])  # the background first


def inputs(dtype=torch.float32, seed=0):
    """Raw CAM of 3 classes, labels, features, a mask of all cells."""
    rng = torch.Generator().manual_seed(seed)
    cam, side, deep = (
        torch.randn(2, c, 4, 5, generator=rng, dtype=dtype) for c in (3, 6, 7)
    )
    valid = torch.ones(2, 1, 4, 5, dtype=dtype)
    return cam, LABELS[:, 1:].to(dtype), side, deep, valid


# -------------------------------------------------------------------- by hand
def test_by_hand():
    cam = torch.tensor([3.0, 1.0, -1.0]).view(1, 1, 1, 3)
    features = torch.tensor([[1.0, 1, 0], [0, 0, 1]]).view(1, 2, 1, 3)
    ones, valid = torch.ones(1, 1), torch.ones(1, 1, 1, 3)
    # m = 1, 1/3, 0; its background 0, 2/3, 1. Structures: the first two cells
    # and the last: IoU of the class 4/3 / (2 + 4/3 - 4/3) = 2/3 against
    # half of 2/3 / (2 + 5/3 - 2/3). M = 1, 1, 0; background 0, 0, 1.
    expected = (2 / 3 + 2 / 3) / 6
    found = prototype_consistency(cam, ones, features, features, valid)
    assert found.item() == pytest.approx(expected, abs=1e-5)


def test_against_a_loop():
    cam, labels, side, deep, valid = inputs()
    total = 0.0
    for n in range(2):
        raw = cam[n].flatten(1).double().clamp(min=0)
        m = torch.stack([row / (row.max() + 1e-5) for row in raw])
        m = torch.cat([1 - m.max(0, keepdim=True).values, m])
        y = torch.cat([torch.ones(1), labels[n]]).double()
        m = m * y[:, None]
        e, f = deep[n].flatten(1).double(), side[n].flatten(1).double()
        e, length = e / e.norm(dim=0), f.norm(dim=0)
        similar = (e.T @ e).clamp(min=0)
        best = []
        for i in range(20):
            ious = []
            for k in range(4):
                shared = float(similar[i] @ m[k])
                union = float(similar[i].sum() + m[k].sum()) - shared
                ious.append(shared / union * (1 if k else 0.5))
            best.append(ious.index(max(ious)))
        for k in range(4):
            cells = [i for i in range(20) if best[i] == k and y[k]]
            plane = torch.zeros(20, dtype=torch.double)
            if cells:
                prototype = f[:, cells].mean(1)
                plane = (prototype @ f / length / prototype.norm()).clamp(0)
                plane = plane / (plane.max() + 1e-5)
            total += (m[k] - plane).abs().sum().item()
    found = prototype_consistency(cam, labels, side, deep, valid)
    assert found.item() == pytest.approx(total / (2 * 4 * 20), rel=1e-4)


def test_gradcheck():
    cam, labels, side, deep, valid = inputs(torch.float64)
    valid[0, :, :, 4] = 0
    torch.autograd.gradcheck(
        lambda a, f: prototype_consistency(a, labels, f, deep, valid),
        (cam.requires_grad_(), side.requires_grad_()),
    )


# ----------------------------------------------------------------- properties
def test_gradients_reach_cam_and_side_features_only():
    cam, labels, side, deep, valid = inputs()
    tensors = [t.requires_grad_() for t in (cam, side, deep)]
    prototype_consistency(cam, labels, side, deep, valid).backward()
    assert tensors[0].grad.any() and tensors[1].grad.any()
    assert tensors[2].grad is None


def test_scale_of_the_inputs_does_not_matter():
    cam, labels, side, deep, valid = inputs()
    expected = prototype_consistency(cam, labels, side, deep, valid)
    for a, b, c in ((20, 1, 1), (1, 20, 1), (1, 1, 20)):
        scaled = a * cam, labels, b * side, c * deep, valid
        found = prototype_consistency(*scaled)
        assert found.item() == pytest.approx(expected.item(), rel=1e-3)


def test_padding_does_not_count():
    cam, labels, side, deep, valid = inputs()
    cut = [x[..., :3, :4] for x in (cam, side, deep, valid)]
    expected = prototype_consistency(cut[0], labels, cut[1], cut[2], cut[3])
    valid[:, :, 3] = valid[:, :, :, 4] = 0
    found = prototype_consistency(cam, labels, side, deep, valid)
    assert torch.allclose(found, expected, atol=1e-6)
    for tensor in (cam, side, deep):  # whatever is there
        tensor[:, :, 3], tensor[..., 4] = 9.0, -9.0
    again = prototype_consistency(cam, labels, side, deep, valid)
    assert torch.allclose(again, expected, atol=1e-6)


def test_images_count_alike():
    cam, labels, side, deep, valid = inputs()
    valid[0, :, 1:] = 0
    tensors = cam, labels, side, deep, valid
    single = [
        prototype_consistency(*(t[n : n + 1] for t in tensors)) for n in (0, 1)
    ]
    both = prototype_consistency(*tensors)
    assert both.item() == pytest.approx(sum(single).item() / 2, rel=1e-5)


def test_nothing_but_padding_is_zero():
    cam, labels, side, deep, valid = inputs()
    cam.requires_grad_(), side.requires_grad_()
    loss = prototype_consistency(cam, labels, side, deep, 0 * valid)
    loss.backward()
    assert loss == 0
    assert not cam.grad.any() and not side.grad.any()


def test_no_class_and_negative_cams_are_finite():
    cam, labels, side, deep, valid = inputs()
    cam = -cam.abs()
    tensors = [t.requires_grad_() for t in (cam, side)]
    loss = prototype_consistency(cam, 0 * labels, side, deep, valid)
    grads = torch.autograd.grad(loss, tensors)
    assert torch.isfinite(loss)
    assert all(torch.isfinite(g).all() for g in grads)
    # The background is 1 everywhere, the seeds are all cells.
    prototype = side.mean((2, 3))[..., None, None]
    plane = torch.cosine_similarity(side, prototype, dim=1).relu()
    plane = plane / plane.amax((1, 2), keepdim=True)
    expected = (1 - plane).mean() / 4
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


def test_inputs_keep_their_values():
    tensors = inputs()
    before = [t.clone() for t in tensors]
    prototype_consistency(*tensors)
    for a, b in zip(before, tensors, strict=True):
        assert torch.equal(a, b)


# ---------------------------------------------------------------- as a module
def call(loss, cam, side, deep, **kwargs):
    return loss(
        cam,
        image_labels=LABELS,
        background_index=0,
        side_features=side,
        deep_features=deep,
        **kwargs,
    )


def test_module_is_the_function():
    cam, labels, side, deep, valid = inputs()
    expected = prototype_consistency(cam, labels, side, deep, valid)
    assert torch.equal(call(SIPELoss(), cam, side, deep), expected)
    doubled = call(SIPELoss(loss_weight=2.0), cam, side, deep)
    assert torch.equal(doubled, 2 * expected)


def test_module_reads_the_batchs_padding():
    cam, labels, side, deep, valid = inputs()
    samples = [SegDataSample(), SegDataSample()]
    samples[1].set_metainfo(
        dict(img_shape=(33, 64), padding_size=(0, 16, 0, 31))
    )
    valid[1, :, 3] = valid[1, :, :, 4] = 0  # 33 of 64 rows: 3 of 4 cells
    expected = prototype_consistency(cam, labels, side, deep, valid)
    with batch_context(samples):
        found = call(SIPELoss(), cam, side, deep)
    assert torch.equal(found, expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    cam, _, side, deep, _ = inputs()
    exact = call(SIPELoss(), cam, side, deep)
    cam = cam.to(dtype).requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        loss = call(SIPELoss(), cam, side, deep.to(dtype))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=0.05)
    loss.backward()
    assert cam.grad.any() and torch.isfinite(cam.grad).all()


def segmentor(*losses):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmseg_wsss.WSSSEncoderDecoder',
            data_preprocessor=dict(
                type='SegDataPreProcessor',
                mean=[120.0] * 3,
                std=[60.0] * 3,
                size=(32, 32),
            ),
            backbone=dict(type='TinyBackbone'),
            decode_head=tiny.sipe_head(dropout_ratio=0.0, loss_decode=losses),
            test_cfg=dict(mode='whole'),
        )
    )
    model.init_weights()
    return model.train()


def batch(model, size=(32, 32)):
    torch.manual_seed(1)
    samples = [SegDataSample() for _ in LABELS]
    for sample, labels in zip(samples, LABELS, strict=True):
        set_image_labels(sample, labels)
    images = [
        torch.randint(0, 256, (3, *size), dtype=torch.uint8) for _ in samples
    ]
    data = dict(inputs=images, data_samples=samples)
    return model.data_preprocessor(data, True)


GAP = dict(type='mmseg_wsss.GAPLoss')
SIPE = dict(type='mmseg_wsss.SIPELoss')


def gradients(*losses):
    model = segmentor(*losses)
    found = model(**batch(model), mode='loss')
    sum(v for k, v in found.items() if 'loss' in k).backward()
    return {name: p.grad for name, p in model.named_parameters()}


def test_gradients_of_a_network():
    grads = gradients(SIPE)
    assert all(g.any() for g in grads.values())


def test_weight_zero_is_the_plain_network():
    plain, zero = gradients(GAP), gradients(GAP, {**SIPE, 'loss_weight': 0.0})
    for name, grad in plain.items():
        if 'sides' in name:
            assert grad is None and not zero[name].any()
        else:
            assert torch.equal(grad, zero[name]), name


def test_the_preprocessors_padding_does_not_count():
    model = segmentor(SIPE)
    model.backbone.conv.bias.data.fill_(0)
    padded = batch(model, (32, 20))
    value = model(**padded, mode='loss')['decode.loss_sipe']
    maps = model(padded['inputs'], mode='tensor')
    cam, side, deep = (x[..., :5] for x in maps)
    valid = torch.ones(2, 1, 8, 5)
    expected = prototype_consistency(cam, LABELS[:, 1:], side, deep, valid)
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)


def test_hfpl_losses_get_the_raw_cam():
    losses = [
        dict(type='mmseg_wsss.BinomialISL'),
        dict(type='mmseg_wsss.FSL', upsample=2),
        SIPE,
    ]
    model = segmentor(*losses)
    found = model(**batch(model), mode='loss')
    assert {f'decode.loss_{k}' for k in ('isl', 'fsl', 'sipe')} <= set(found)
    assert all(torch.isfinite(v).all() for v in found.values())


def test_errors():
    cam, _, side, deep, _ = inputs()
    with pytest.raises(ValueError, match='loss_decode of a SIPEHead'):
        call(SIPELoss(), cam, side, None)
    other = batch_context([SegDataSample()])
    with other, pytest.raises(ValueError, match='maps of 2 images'):
        call(SIPELoss(), cam, side, deep)
