import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmseg_wsss.models.decode_heads.irn_head import IRNHead
from mmseg_wsss.models.losses.affinity_loss import AffinityLoss
from mmseg_wsss.pseudo_labels.affinity import boundary_affinity, pair_offsets
from mmseg_wsss.pseudo_labels.pairs import pair_labels, reduce_label
from tests.test_configs import ROOT
from tests.test_models.test_decode_heads.test_affinity_head import (
    halves,
    samples,
)

CHANNELS = [4, 6, 8, 10]
SIZES = [12, 12, 6, 3]


def head(**options):
    torch.manual_seed(0)
    defaults = dict(num_classes=3, radius=3, walk_radius=2)
    return IRNHead(CHANNELS, **(defaults | options))


def feats(n=2):
    torch.manual_seed(1)
    return [
        torch.randn(n, c, s, s) for c, s in zip(CHANNELS, SIZES, strict=True)
    ]


def test_training():
    irn, inputs, batch = head(), feats(), samples(halves())
    losses = irn.loss(inputs, batch, {})
    label = reduce_label(halves(), 4, 3)
    masks = pair_labels(label, pair_offsets(3))
    logits = irn(inputs)
    assert logits.shape == (2, 1, 12, 12)
    affinity = boundary_affinity(logits.sigmoid(), pair_offsets(3))
    expected = AffinityLoss()(affinity, *masks)
    assert torch.equal(losses['loss_affinity'], expected['loss_affinity'])
    losses['loss_affinity'].backward()
    assert all(p.grad is not None for p in irn.parameters())


def test_gradients_stay_out_of_the_backbone():
    for detach in (True, False):
        inputs = [x.requires_grad_() for x in feats()]
        irn = head(detach=detach)
        losses = irn.loss(inputs, samples(halves()), {})
        sum(v for k, v in losses.items() if 'loss' in k).backward()
        assert all((x.grad is None) == detach for x in inputs)
        assert all(p.grad is not None for p in irn.parameters())


def test_learning():
    irn, batch = head(), samples(halves())
    label = reduce_label(halves(), 4, 3)
    inputs = feats()
    edge = (label == 0).float() - (label.roll(-1, -1) == 0).float()
    inputs[0] = inputs[0] * 0.1 + edge[:, None]
    optimizer = torch.optim.SGD(irn.parameters(), 0.02, 0.9)
    values = []
    for _ in range(20):
        losses = irn.loss(inputs, batch, {})
        total = losses['loss_affinity']
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        values.append(total.item())
    assert values[-1] < 0.7 * values[0]


def test_walk_graph():
    irn = head().eval()
    inputs = feats(1)
    graph = irn.walk_graph(inputs)
    boundary = irn(inputs).float().sigmoid().detach()
    assert boundary.shape == (1, 1, 12, 12)
    assert boundary.min() > 0 and boundary.max() < 1
    assert graph.offsets == pair_offsets(2) and graph.stride == 4
    assert torch.equal(graph.gate, 1 - boundary[0, 0])
    expected = boundary_affinity(boundary, graph.offsets)[0]
    assert torch.equal(graph.affinity, expected)
    assert not graph.affinity.requires_grad
    # An image and its mirror image have mirrored graphs.
    flipped = [x.flip(-1) for x in inputs]
    both = irn.walk_graph(inputs, flipped)
    assert torch.allclose(both.affinity, graph.affinity, atol=1e-5)
    assert torch.allclose(both.gate, graph.gate, atol=1e-5)
    with pytest.raises(ValueError, match='batch of 2'):
        irn.walk_graph(feats(2))


def test_logits_are_averaged_over_both_images():
    irn = head().eval()
    one, two = feats(1), [x[:1] for x in feats(2)]
    logit = [irn(x).detach() for x in (one, two)]
    expected = ((logit[0] + logit[1].flip(-1)) / 2).sigmoid()
    gate = irn.walk_graph(one, two).gate
    assert torch.allclose(gate, 1 - expected[0, 0])


def test_uncertain_batch_and_autocast():
    irn = head()
    batch = samples(torch.full((2, 48, 48), 255))
    losses = irn.loss(feats(), batch, {})
    assert all(value == 0 for value in losses.values())
    sum(losses.values()).backward()
    assert all(p.grad.count_nonzero() == 0 for p in irn.parameters())
    with torch.autocast('cpu', torch.bfloat16):
        losses = irn.loss(feats(), samples(halves()), {})
    assert all(value.dtype == torch.float32 for value in losses.values())
    sum(losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in irn.parameters())


def test_refusals():
    with pytest.raises(RuntimeError, match='RandomWalk'):
        head().predict(feats(), [{}], {})
    with pytest.raises(ValueError, match=r'grid of \(12, 12\).*stride=8'):
        head(stride=8).loss(feats(), samples(halves()), {})


@pytest.mark.parametrize('name', ['irn_mobilenetv2', 'irn_r50'])
def test_config(name):
    cfg = Config.fromfile(ROOT / '_base_' / 'models' / f'{name}.py')
    init_default_scope('mmseg')
    cfg.model.backbone.pop('init_cfg', None)
    model = MODELS.build(cfg.model).train()
    before = {k: v.clone() for k, v in model.backbone.state_dict().items()}
    images = torch.randn(2, 3, 42, 61)
    losses = model(images, samples(halves(size=61)[:, :42]), mode='loss')
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(p.grad is not None for p in model.decode_head.parameters())
    assert all(p.grad is None for p in model.backbone.parameters())
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(value, before[key])
    # What MMSeg's MobileNetV2 cannot freeze DDP has to be told of.
    trained = any(p.requires_grad for p in model.backbone.parameters())
    assert trained == cfg.get('find_unused_parameters', False)
    graph = model.eval().decode_head.walk_graph(model.extract_feat(images[:1]))
    assert graph.affinity.shape == (34, 11, 16)


def test_checkpoint_of_version_0_1():
    irn = head()
    stored = dict(irn.state_dict(), mean_displacement=torch.zeros(2))
    missing, unexpected = head().load_state_dict(stored, strict=False)
    assert not missing and unexpected == ['mean_displacement']


def test_schedule():
    path = ROOT / '_base_' / 'schedules' / 'irn_sgd_3e.py'
    cfg = Config.fromfile(path)
    assert cfg.val_cfg is None
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler[0].end == 3
    model = nn.ModuleDict(dict(decode_head=head()))
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    for group in wrapper.optimizer.param_groups:
        assert (group['lr'], group['weight_decay']) == (0.1, 1e-4)
        assert group['momentum'] == 1e-4
