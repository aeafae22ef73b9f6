import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss.models.decode_heads.affinity_head import AffinityHead
from mmseg_wsss.models.losses.affinity_loss import AffinityLoss
from mmseg_wsss.pseudo_labels.affinity import embedding_affinity, pair_offsets
from mmseg_wsss.pseudo_labels.pairs import pair_labels
from tests.test_configs import ROOT


def samples(label):
    """A batch of confident labels (N, H, W)."""
    return [
        SegDataSample(gt_sem_seg=PixelData(data=one[None])) for one in label
    ]


def halves(n=2, size=48):
    """Labels: background left, class 2 right, an uncertain strip between."""
    label = torch.zeros(n, size, size, dtype=torch.long)
    label[..., size // 2 :] = 2
    label[..., size // 2 - 4 : size // 2] = 255
    return label


def head(**options):
    torch.manual_seed(0)
    out = AffinityHead([6, 10], 3, (4, 8), radius=3, **options)
    out.init_weights()
    return out


def feats(n=2):
    torch.manual_seed(1)
    return [torch.randn(n, 6, 6, 6), torch.randn(n, 10, 3, 3)]


def test_embedding():
    affinity_head, inputs = head(), feats()
    out = affinity_head(inputs)
    fine = F.elu(affinity_head.reduce[0](inputs[0]))
    coarse = F.elu(affinity_head.reduce[1](inputs[1]))
    coarse = F.interpolate(coarse, size=(6, 6), mode='bilinear')
    expected = affinity_head.fuse(torch.cat([fine, coarse], 1))
    assert torch.equal(out, F.elu(expected))
    names = {name for name, _ in affinity_head.named_parameters()}
    assert names == {'reduce.0.weight', 'reduce.1.weight', 'fuse.weight'}
    # The finest feature need not come first.
    turned = AffinityHead([10, 6], 3, (8, 4), in_index=[1, 0])
    assert turned(inputs).shape == (2, 12, 6, 6)


def test_training():
    affinity_head, inputs = head(), [x.requires_grad_() for x in feats()]
    losses = affinity_head.loss(inputs, samples(halves()), {})
    affinity = embedding_affinity(affinity_head(inputs), pair_offsets(3))
    label = torch.tensor([0, 0, 0, 2, 2, 2]).expand(2, 6, 6)
    masks = pair_labels(label, pair_offsets(3))
    expected = AffinityLoss()(affinity, *masks)
    assert torch.equal(losses['loss_affinity'], expected['loss_affinity'])
    assert set(losses) == {
        'loss_affinity',
        'affinity_bg',
        'affinity_fg',
        'affinity_neg',
    }
    losses['loss_affinity'].backward()
    for p in (*affinity_head.parameters(), *inputs):
        assert p.grad.abs().sum() > 0


def test_detach():
    inputs = [x.requires_grad_() for x in feats()]
    batch = samples(halves())
    losses = head(detach=True).loss(inputs, batch, {})
    losses['loss_affinity'].backward()
    assert all(x.grad is None for x in inputs)


def test_learning():
    affinity_head, batch = head(), samples(halves())
    label = torch.tensor([0, 0, 0, 2, 2, 2]).expand(2, 1, 6, 6)
    inputs = feats()
    inputs[0] = inputs[0] + label
    optimizer = torch.optim.SGD(affinity_head.parameters(), 0.5, 0.9)
    values = []
    for _ in range(20):
        losses = affinity_head.loss(inputs, batch, {})
        optimizer.zero_grad()
        losses['loss_affinity'].backward()
        optimizer.step()
        values.append(losses['loss_affinity'].item())
    assert values[-1] < 0.7 * values[0]


def test_uncertain_batch_and_autocast():
    affinity_head = head()
    batch = samples(torch.full((2, 48, 48), 255))
    losses = affinity_head.loss(feats(), batch, {})
    assert all(value == 0 for value in losses.values())
    losses['loss_affinity'].backward()
    assert all(p.grad.count_nonzero() == 0 for p in affinity_head.parameters())
    with torch.autocast('cpu', torch.bfloat16):
        losses = affinity_head.loss(feats(), samples(halves()), {})
    losses['loss_affinity'].backward()
    assert losses['loss_affinity'].dtype == torch.float32
    assert all(p.grad.isfinite().all() for p in affinity_head.parameters())


def test_walk_graph():
    affinity_head = head(walk_radius=2).eval()
    inputs = feats(1)
    graph = affinity_head.walk_graph(inputs)
    assert graph.offsets == pair_offsets(2) and graph.stride == 8
    assert graph.gate is None and not graph.affinity.requires_grad
    expected = embedding_affinity(affinity_head(inputs), graph.offsets)[0]
    assert torch.equal(graph.affinity, expected.detach())
    # An image and its mirror image have mirrored graphs.
    flipped = [x.flip(-1) for x in inputs]
    both = affinity_head.walk_graph(inputs, flipped).affinity
    assert torch.allclose(both, graph.affinity, atol=1e-5)
    with pytest.raises(ValueError, match='batch of 2'):
        affinity_head.walk_graph(feats(2))


def test_a_bare_tensor_of_features():
    single = AffinityHead([6], 3, (4,))
    x = feats()[0]
    assert torch.equal(single(x), single([x]))


def test_refusals():
    affinity_head, batch = head(), samples(halves())
    with pytest.raises(RuntimeError, match=r'make_pseudo_labels\.py'):
        affinity_head.predict(feats(), [{}], {})
    with pytest.raises(ValueError, match=r'grid of \(6, 6\).*stride=4'):
        head(stride=4).loss(feats(), batch, {})
    with pytest.raises(ValueError, match='LoadAnnotations'):
        affinity_head.loss(feats(), [SegDataSample()] * 2, {})
    for options, message in (
        (dict(reduced_channels=(4,)), 'reduced_channels needs 2'),
        (dict(stride=0), 'stride must be at least 1'),
        (dict(radius=1), 'radius must be above 1'),
    ):
        options = dict(reduced_channels=(4, 8)) | options
        with pytest.raises(ValueError, match=message):
            AffinityHead([6, 10], 3, **options)


@pytest.mark.parametrize('name', ['affinity_mobilenetv2', 'affinity_r38'])
def test_config(name):
    cfg = Config.fromfile(ROOT / '_base_' / 'models' / f'{name}.py')
    init_default_scope('mmseg')
    if 'r38' in name:
        cfg.model.backbone.base_channels = 4
        channels = [c // 16 for c in cfg.model.decode_head.in_channels]
        cfg.model.decode_head.in_channels = channels
    model = MODELS.build(cfg.model).train()
    images = torch.randn(2, 3, 44, 60)
    label = halves(size=60)[:, :44]
    losses = model(images, samples(label), mode='loss')
    losses['decode.loss_affinity'].backward()
    for parameter in model.parameters():
        assert (parameter.grad is not None) == parameter.requires_grad
    graph = model.eval().decode_head.walk_graph(model.extract_feat(images[:1]))
    assert graph.affinity.shape == (34, 6, 8)


def test_schedule():
    path = ROOT / '_base_' / 'schedules' / 'psa_sgd_8e.py'
    cfg = Config.fromfile(path)
    assert cfg.val_cfg is None
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler[0].end == 8
    model = nn.ModuleDict(
        dict(backbone=nn.Conv2d(1, 1, 1), decode_head=head())
    )
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    groups = {
        id(p): (group['lr'], group['weight_decay'], group['momentum'])
        for group in wrapper.optimizer.param_groups
        for p in group['params']
    }
    for name, parameter in model.named_parameters():
        rate, decay = 0.1, 5e-4
        if name.startswith('decode_head'):
            rate = 1
        elif name.endswith('bias'):
            rate, decay = 0.2, 0
        assert groups[id(parameter)] == pytest.approx((rate, decay, 5e-4))
