"""Every formula compiles as one graph, with the values it has eagerly.

aot_eager traces forward and backward as inductor does. inductor, by
COMPILE_BACKEND=inductor, compiles them too and takes minutes.
"""

import os

import pytest
import torch

from mmseg_wsss.models.losses import (
    background_consistency,
    balanced_mean,
    correspondence_loss,
    feature_similarity_loss,
    foreground_consistency,
    ocr_loss,
    pair_affinity_loss,
    pooling_loss,
    prototype_consistency,
    token_contrast,
    under_fitting_loss,
)
from mmseg_wsss.models.losses.affinity_loss import affinity_terms
from mmseg_wsss.models.losses.base import ClassLogits
from mmseg_wsss.models.losses.displacement_loss import displacement_terms
from mmseg_wsss.models.losses.isl import importance_sampling_loss
from mmseg_wsss.models.losses.seam_loss import (
    cross_equivariance,
    equivariance,
    low_scores,
)
from mmseg_wsss.models.losses.spatial_bce import (
    polar_loss,
    share_divergence,
)

BACKEND = os.environ.get('COMPILE_BACKEND', 'aot_eager')
LABELS = torch.tensor([[1.0, 0, 1], [0, 1, 0]])
WITH_BACKGROUND = torch.cat([torch.ones(2, 1), LABELS], 1)
MASK = torch.zeros(2, 16, 16, dtype=torch.bool)
MASK[:, 4:12, 4:12] = True
LABEL = torch.arange(64).reshape(1, 8, 8).repeat(2, 1, 1) % 4
PAIRS = torch.rand(3, 2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
OFFSETS = [(0, 1), (1, -1), (1, 0), (1, 1)]


def isl(logits):
    background = torch.zeros_like(logits[:, :1])
    inputs = ClassLogits(logits, LABELS, background)
    return importance_sampling_loss(inputs)


def sipe(logits):
    side = logits.roll(1, 1)
    valid = torch.ones_like(logits[:, :1])
    return prototype_consistency(logits, LABELS, side, logits, valid)


# A function of logits (2, 3, 8, 8) each.
CASES = {
    'OCR': lambda z: ocr_loss(torch.cat([z[:, :1], z], 1), WITH_BACKGROUND),
    'GAP': lambda z: pooling_loss(z, LABELS),
    'ISL': isl,
    'FSL': lambda z: feature_similarity_loss(
        z.sigmoid(), torch.linspace(0, 1, 384).reshape(2, 3, 8, 8)
    ),
    'CSD, foreground': lambda z: foreground_consistency(
        z.detach().roll(1, 0), z, MASK
    ),
    'CSD, background': lambda z: background_consistency(
        z.detach().roll(1, 0), z, MASK
    ),
    'SEAM, ER': lambda z: equivariance(z.detach().roll(1, 0), z),
    'SEAM, ECR': lambda z: cross_equivariance(z.detach().roll(1, 0), z),
    'SEAM, min-pool': low_scores,
    'SIPE': sipe,
    'Spatial-BCE': lambda z: polar_loss(z.sigmoid(), LABELS / 2 + 0.1),
    'Spatial-BCE, shares': lambda z: share_divergence(z.sigmoid(), LABELS),
    'PMM': lambda z: under_fitting_loss(z.square().mean(1)),
    'WeCLIP, balanced': lambda z: balanced_mean(z.square().mean(1), LABEL),
    'WeCLIP, pairs': lambda z: pair_affinity_loss(
        z.flatten(2).transpose(1, 2) @ z.flatten(2), LABEL
    ),
    'MCTformer+': lambda z: token_contrast(z.flatten(2)[:, None], LABELS),
    'PSA': lambda z: sum(
        affinity_terms(z.sigmoid()[:, :1] * PAIRS[0], *PAIRS > 0.5)
    ),
    'IRN': lambda z: sum(
        displacement_terms(z[:, :2], OFFSETS, PAIRS[1] > 0.5, PAIRS[2] > 0.5)
    ),
    'STEGO': lambda z: correspondence_loss(
        *2 * [z.detach().flatten(2)],
        z.flatten(2),
        z.flatten(2).roll(1, 0),
        0.2,
    ),
}


def with_gradient(function, logits):
    logits = logits.clone().requires_grad_()
    torch.manual_seed(0)
    loss = function(logits)
    loss.mean().backward()
    return loss.detach(), logits.grad


@pytest.mark.skipif(
    not hasattr(torch.compiler, 'is_compiling'),
    reason='torch 2.1 does not say whether it compiles',
)
@pytest.mark.parametrize('name', CASES)
def test_one_graph_equals_eager(name):
    torch._dynamo.reset()
    logits = torch.randn(
        2, 3, 8, 8, generator=torch.Generator().manual_seed(1)
    )
    compiled = torch.compile(CASES[name], fullgraph=True, backend=BACKEND)
    for a, b in zip(
        with_gradient(compiled, logits),
        with_gradient(CASES[name], logits),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
