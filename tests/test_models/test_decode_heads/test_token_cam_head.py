"""MCTformer's head: numbers, gradients, prediction, a whole run."""

import pytest
import torch
from mmengine.runner import Runner
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss import TokenCAMHead, TokenFeatures
from mmseg_wsss.models.decode_heads.token_cam_head import fuse_cam
from mmseg_wsss.pseudo_labels import normalise_cam
from tests import tiny

K, D, LAYERS = 3, 12, 4


def head(**options):
    torch.manual_seed(0)
    built = TokenCAMHead(D, **{'num_classes': K + 1, **options})
    built.init_weights()
    return built


def features(height=4, width=5, n=2, attention=True, gradient=False):
    torch.manual_seed(0)
    total = K + height * width
    maps = torch.randn(LAYERS, n, total, total).softmax(-1)
    maps = [one.requires_grad_(gradient) for one in maps]
    return TokenFeatures(
        torch.randn(n, D, height, width, requires_grad=gradient),
        torch.randn(n, LAYERS, K, D, requires_grad=gradient),
        maps if attention else None,
    )


# ----------------------------------------------------------------------- fuse
def test_by_hand():
    cam = torch.tensor([2.0, 1.0]).view(1, 1, 1, 2)
    cross = torch.tensor([[[0.25, 0.75]]])
    affinity = torch.tensor([[[0.9, 0.1], [0.5, 0.5]]])
    identity = torch.eye(2)[None]
    coarse = fuse_cam(cam, cross, identity).flatten()
    assert torch.allclose(coarse, torch.tensor([0.5, 0.75]))
    fine = fuse_cam(cam, cross, affinity)
    assert torch.allclose(fine.flatten(), torch.tensor([0.525, 0.625]))
    scaled = normalise_cam(fine, 'min_max').flatten()
    assert torch.allclose(scaled, torch.tensor([0.0, 1.0]), atol=2e-4)
    root = fuse_cam(cam, cross, identity, 'sqrt').flatten()
    assert torch.allclose(root, torch.tensor([0.7071, 0.8660]), atol=1e-4)


def test_negative_logits_count_nothing():
    cam = torch.tensor([-2.0, 1.0]).view(1, 1, 1, 2)
    cross, affinity = torch.ones(1, 1, 2), torch.eye(2)[None]
    assert fuse_cam(cam, cross, affinity).flatten().tolist() == [0, 1]


@pytest.mark.parametrize('fusion', ['product', 'sqrt'])
def test_the_order_of_the_patches_does_not_matter(fusion):
    """A flip of the patches is a flip of the map."""
    torch.manual_seed(0)
    cam, cross = torch.randn(2, K, 3, 4), torch.rand(2, K, 3, 4)
    affinity = torch.rand(2, 3, 4, 3, 4)
    fine = fuse_cam(cam, cross.flatten(2), affinity.view(2, 12, 12), fusion)
    flipped = fuse_cam(
        cam.flip(-1),
        cross.flip(-1).flatten(2),
        affinity.flip(2).flip(4).reshape(2, 12, 12),
        fusion,
    )
    assert torch.allclose(flipped.flip(-1), fine, atol=1e-6)
    # Rows and columns differ: the affinity is not symmetric.
    turned = affinity.view(2, 12, 12).transpose(1, 2)
    other = fuse_cam(cam, cross.flatten(2), turned, fusion)
    assert not torch.allclose(other, fine, atol=1e-3)


def test_root_has_a_finite_gradient_where_the_map_is_zero():
    cam = torch.tensor([-2.0, 1.0, 0.0]).view(1, 1, 1, 3)
    cross = torch.tensor([[[0.25, 0.25, 0.5]]], requires_grad=True)
    fuse_cam(cam, cross, torch.eye(3)[None], 'sqrt').sum().backward()
    # d sqrt(c P) / dc = sqrt(P / c) / 2
    assert cross.grad.flatten().tolist() == [0, 1, 0]


# ----------------------------------------------------------------------- head
@torch.no_grad()
def test_against_a_loop():
    built, inputs = head(), features(n=1)
    out = built(inputs)
    weight, bias = built.conv_seg.weight, built.conv_seg.bias
    cam = torch.nn.functional.conv2d(inputs.patches, weight, bias, padding=1)
    assert torch.allclose(out.cam, cam, atol=1e-6)
    assert torch.allclose(out.token_logits, inputs.tokens[:, -1].mean(-1))
    flat = cam[0].relu().flatten(1)
    for k in range(K):
        coarse = [
            sum(float(t[0, k, K + j]) for t in inputs.attention[-3:])
            * float(flat[k, j])
            for j in range(20)
        ]
        for i in range(20):
            fine = sum(
                float(t[0, K + i, K + j]) * coarse[j]
                for t in inputs.attention
                for j in range(20)
            )
            found = float(out.fused[0, k].flatten()[i])
            assert found == pytest.approx(fine, rel=1e-4, abs=1e-7)


def test_number_of_layers_of_class_tokens():
    inputs = features()
    maps = [head(cross_layers=n)(inputs).fused for n in (1, 3, 4)]
    assert not torch.allclose(maps[0], maps[1])
    assert torch.equal(head(cross_layers=9)(inputs).fused, maps[2])


def test_initial_weights_are_mmsegs():
    built = TokenCAMHead(200, K + 1)
    built.init_weights()
    assert built.conv_seg.weight.shape == (K, 200, 3, 3)
    assert built.conv_seg.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert not built.conv_seg.bias.any()


def test_gradient_routes():
    built, inputs = head(), features(gradient=True)
    out = built(inputs)
    out.token_logits.sum().backward(retain_graph=True)
    assert inputs.tokens.grad[:, -1].abs().sum() > 0
    assert not inputs.tokens.grad[:, :-1].any()
    assert inputs.patches.grad is None
    assert built.conv_seg.weight.grad is None
    inputs.tokens.grad = None
    out.cam.sum().backward(retain_graph=True)
    assert inputs.patches.grad.abs().sum() > 0
    assert inputs.tokens.grad is None
    # The fused map takes the patch map without gradient.
    inputs.patches.grad = built.conv_seg.weight.grad = None
    out.fused.sum().backward()
    assert inputs.patches.grad is None and built.conv_seg.weight.grad is None
    assert inputs.attention[0].grad.abs().sum() > 0


def test_prediction_is_the_fused_map_of_predicted_tokens():
    built = head(background_threshold=0.4).eval()
    inputs = features(n=1)
    inputs.tokens[:, -1] = torch.tensor([1.0, -1.0, 2.0])[:, None]
    with torch.no_grad():
        scores = built.predict(inputs, [dict(img_shape=(32, 40))], {})
        fused = built(inputs).fused
    fused = 1000 * built.upsample(fused, (32, 40))
    expected = normalise_cam(fused, 'min_max')
    assert scores.shape == (1, K + 1, 32, 40)
    assert torch.allclose(scores[:, 1], expected[:, 0], atol=1e-6)
    assert torch.allclose(scores[:, 3], expected[:, 2], atol=1e-6)
    assert not scores[:, 2].any()
    assert torch.allclose(scores[:, 0], torch.tensor(0.4))


@pytest.mark.parametrize('size', [1e-4, 1, 1e4])
def test_scores_of_small_maps_reach_zero_and_one(size):
    """The authors' epsilon is 1e-8."""
    torch.manual_seed(0)
    cam = size * (0.1 + torch.rand(1, K, 4, 5))
    scores = head().scores(cam, torch.ones(1, K))[:, 1:]
    lowest, highest = cam.amin((2, 3), True), cam.amax((2, 3), True)
    expected = (cam - lowest) / (highest - lowest)
    assert torch.allclose(scores, expected, atol=5e-4)


def test_losses_of_a_batch():
    built, inputs = head(), features()
    labels = torch.tensor([[1.0, 1, 0, 0], [1, 0, 0, 1]])
    cam, others = built.criterion_inputs(built(inputs))
    values = [
        loss(cam, image_labels=labels, **others) for loss in built.loss_decode
    ]
    for value, logits in zip(
        values, (cam.mean((2, 3)), inputs.tokens[:, -1].mean(-1)), strict=True
    ):
        expected = torch.nn.functional.multilabel_soft_margin_loss(
            logits, labels[:, 1:]
        )
        assert torch.allclose(value, expected)


def test_autocast_keeps_the_attention_in_float32():
    built, inputs = head().eval(), features()
    exact = built(inputs)
    halved = inputs._replace(attention=[t.bfloat16() for t in inputs[2]])
    with torch.autocast('cpu', torch.bfloat16):
        out = built(halved)
    assert out.cam.dtype == torch.bfloat16
    assert out.fused.dtype == torch.float32
    assert torch.allclose(out.fused, exact.fused, atol=0.02, rtol=0.1)


def test_a_data_set_without_background():
    built = head(background_index=None, num_classes=K)
    assert built(features()).cam.shape[1] == K


def test_errors():
    with pytest.raises(ValueError, match='cross_layers must be >= 1'):
        head(cross_layers=0)
    with pytest.raises(ValueError, match='fusion'):
        head(fusion='sum')
    with pytest.raises(ValueError, match='set num_tokens=5'):
        head(num_classes=6)(features())
    with pytest.raises(ValueError, match='MultiTokenViT'):
        head()([torch.rand(1, D, 4, 4)])
    maps = [torch.rand(2, 3, 23, 23) for _ in range(LAYERS)]
    with pytest.raises(ValueError, match="attention='mean'"):
        head()(features()._replace(attention=maps))
    built = head()
    with pytest.raises(ValueError, match='eval mode'):
        built.activation(built(features(attention=False)))


# ----------------------------------------------------------------------- runs
def config(tiny_root, work_dir, **options):
    pytest.importorskip('mmpretrain')
    cfg = tiny.config(tiny_root, tiny.token_head(**options), work_dir)
    cfg.model.backbone = dict(tiny.TOKEN_VIT)
    return cfg


@pytest.mark.parametrize('tta', [False, True])
def test_val_and_flips(tiny_root, tmp_path, tta):
    cfg = config(tiny_root, tmp_path / 'work')
    if tta:
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        cfg.tta_model = dict(type='mmseg_wsss.CAMTTAModel', module=cfg.model)
        cfg.model = cfg.tta_model
        runner = Runner.from_cfg(cfg)
    else:
        runner = Runner.from_cfg(cfg)
        runner.train()
        scalars = runner.message_hub.log_scalars
        assert 'train/decode.loss_token' in scalars
        assert 'train/decode.loss_gap' in scalars
    metrics = runner.test()
    assert 0 <= metrics['mIoU'] <= 100
    assert metrics['OC_image_rate'] == 0


def test_csd_compares_patch_maps(tiny_root, tmp_path):
    pytest.importorskip('mmpretrain')
    cfg = tiny.csd_config(tiny_root, tmp_path / 'work', fg_weight=1.0)
    losses = cfg.model.decode_head.loss_decode
    losses.append(dict(type='mmseg_wsss.TokenLoss'))
    cfg.model.decode_head = tiny.token_head(loss_decode=losses)
    cfg.model.backbone = dict(tiny.TOKEN_VIT)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    values = runner.message_hub.get_scalar(
        'train/decode.loss_csd'
    )._log_history
    assert values[0].max() > 0


def tta_model(kind, **options):
    """A network with random weights, and a function of its scores."""
    pytest.importorskip('mmpretrain')
    torch.manual_seed(0)
    module = dict(
        type='mmseg_wsss.WSSSEncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[0.0] * 3, std=[255.0] * 3
        ),
        backbone=dict(tiny.TOKEN_VIT),
        decode_head=tiny.token_head(candidates='all'),
        test_cfg=dict(mode='whole'),
    )
    model = MODELS.build(
        dict(type=f'mmseg_wsss.{kind}', module=module, **options)
    )
    model.eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))

    def scores(image, flips):
        data = dict(inputs=[], data_samples=[])
        for flip in flips:
            meta = dict(ori_shape=(24, 40), img_shape=(24, 40), flip=flip)
            meta['flip_direction'] = 'horizontal'
            sample = SegDataSample(metainfo=meta)
            data['inputs'].append([image.flip(2) if flip else image])
            data['data_samples'].append([sample])
        with torch.no_grad():
            return model.test_step(data)[0].seg_logits.data

    return scores


IMAGE = torch.randint(
    *(0, 256, (3, 24, 40)),
    dtype=torch.uint8,
    generator=torch.Generator().manual_seed(0),
)


def test_with_its_flip_an_image_and_its_mirror_have_mirrored_maps():
    scores, image = tta_model('CAMTTAModel'), IMAGE
    both = scores(image, (False, True))
    mirrored = scores(image.flip(2), (False, True)).flip(2)
    assert torch.allclose(both, mirrored, atol=1e-5)
    one = scores(image, (False,))
    assert not torch.allclose(one, scores(image.flip(2), (False,)).flip(2))


def test_a_climb_follows_the_patch_map_and_sums_fused_maps():
    plain = tta_model('CAMTTAModel')(IMAGE, (False, True))
    still = tta_model('AdversarialCAMTTAModel', steps=0)(IMAGE, (False, True))
    assert torch.allclose(still, plain, atol=1e-5)
    climbed = tta_model('AdversarialCAMTTAModel', steps=1)
    climbed = climbed(IMAGE, (False, True))
    assert torch.isfinite(climbed).all()
    assert not torch.allclose(climbed, plain, atol=1e-3)
