"""IRN's displacement branch."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmseg_wsss.models.decode_heads.irn_displacement import (
    IRNDisplacementHead,
)
from mmseg_wsss.models.decode_heads.irn_head import IRNHead
from mmseg_wsss.models.losses.affinity_loss import AffinityLoss
from mmseg_wsss.models.losses.displacement_loss import displacement_terms
from mmseg_wsss.pseudo_labels.affinity import boundary_affinity, pair_offsets
from mmseg_wsss.pseudo_labels.pairs import pair_labels, reduce_label
from tests.test_configs import ROOT
from tests.test_models.test_decode_heads.test_affinity_head import (
    halves,
    samples,
)
from tests.test_models.test_decode_heads.test_irn_head import CHANNELS, feats


def head(**options):
    torch.manual_seed(0)
    defaults = dict(num_classes=3, radius=3, walk_radius=2)
    return IRNDisplacementHead(CHANNELS, **(defaults | options))


def test_training():
    irn, inputs, batch = head(), feats(), samples(halves())
    losses = irn.loss(inputs, batch, {})
    masks = pair_labels(reduce_label(halves(), 4, 3), pair_offsets(3))
    logits, field = irn(inputs)
    assert logits.shape == (2, 1, 12, 12) and field.shape == (2, 2, 12, 12)
    affinity = boundary_affinity(logits.sigmoid(), pair_offsets(3))
    expected = AffinityLoss()(affinity, *masks)
    assert torch.equal(losses['loss_affinity'], expected['loss_affinity'])
    terms = displacement_terms(field, pair_offsets(3), *masks[:2])
    assert torch.equal(losses['loss_displacement'], sum(terms) / 2)
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(p.grad is not None for p in irn.parameters())


def test_semantic_labels_are_those_of_the_boundaries_alone():
    irn = head().eval()
    alone = IRNHead(CHANNELS, num_classes=3, radius=3, walk_radius=2).eval()
    missing, unexpected = alone.load_state_dict(irn.state_dict(), strict=False)
    assert not missing and all('displacement' in k for k in unexpected)
    graph, other = irn.walk_graph(feats(1)), alone.walk_graph(feats(1))
    assert torch.equal(graph.affinity, other.affinity)
    assert torch.equal(graph.gate, other.gate)


def test_mean_displacement():
    irn, inputs = head(), feats()
    assert irn.mean_displacement.tolist() == [0, 0]
    mean = irn(inputs)[1].mean((0, 2, 3)).detach()
    assert torch.allclose(irn.mean_displacement, 0.01 * mean, atol=1e-6)
    for _ in range(1000):
        irn.mean_displacement.lerp_(mean, 0.01)
    irn.eval()
    kept = irn.mean_displacement.clone()
    field = irn.displacement(inputs)
    assert torch.equal(irn.mean_displacement, kept)
    assert torch.allclose(field.mean((0, 2, 3)), torch.zeros(2), atol=1e-4)
    assert 'mean_displacement' in irn.state_dict()


def test_two_features_and_the_published_channels():
    small = IRNDisplacementHead([4, 6], num_classes=3, num_fine=1)
    assert [m[0].out_channels for m in small.displacement_reduce] == [256] * 2
    logits, field = small([torch.randn(1, 4, 8, 8), torch.randn(1, 6, 4, 4)])
    assert logits.shape == (1, 1, 8, 8) and field.shape == (1, 2, 8, 8)
    with torch.device('meta'):
        irn = IRNDisplacementHead([64, 256, 512, 1024, 2048], num_classes=21)
    widths = [m[0].out_channels for m in irn.displacement_reduce]
    assert widths == [64, 128, 256, 256, 256]
    assert irn.boundary_fuse.in_channels == 160
    assert irn.displacement_coarse[0].in_channels == 768
    assert irn.displacement_fuse[0][0].in_channels == 448


@pytest.mark.parametrize('value', [0, 4])
def test_wrong_split(value):
    with pytest.raises(ValueError, match='num_fine'):
        head(num_fine=value)


def test_ten_times_the_rate():
    cfg = Config.fromfile(ROOT / 'irn' / 'irn-displacement_r50_voc12.py')
    model = nn.ModuleDict(dict(decode_head=head()))
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    rates = {
        id(p): group['lr']
        for group in wrapper.optimizer.param_groups
        for p in group['params']
    }
    for name, parameter in model.named_parameters():
        rate = 1.0 if 'displacement' in name else 0.1
        assert rates[id(parameter)] == pytest.approx(rate), name
