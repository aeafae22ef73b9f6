"""Losses on a device: no wait for a value, a bounded number of operations.

Meta tensors take the path of a GPU and hold no values: whatever reads one,
such as ``item``, ``nonzero`` or a mask as an index, raises an error.
"""

import re
from contextlib import nullcontext

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_wsss import compat
from mmseg_wsss.models.losses import (
    FSL,
    BinomialISL,
    GAPLoss,
    OCRLoss,
    background_consistency,
    balanced_mean,
    correspondence_loss,
    foreground_consistency,
    pair_affinity_loss,
    pooling_loss,
    token_contrast,
    under_fitting_loss,
)
from mmseg_wsss.models.losses.affinity_loss import WEIGHTS, affinity_terms
from mmseg_wsss.models.losses.displacement_loss import displacement_terms
from mmseg_wsss.models.losses.pooling_loss import rank_pooling
from mmseg_wsss.models.losses.seam_loss import (
    cross_equivariance,
    equivariance,
    low_scores,
)
from mmseg_wsss.models.losses.sipe_loss import prototype_consistency
from mmseg_wsss.models.losses.spatial_bce import (
    polar_loss,
    share_divergence,
    share_thresholds,
)
from mmseg_wsss.pseudo_labels import affinity_product, pixel_adaptive_refine
from tests.processes import ROOT

META = torch.device('meta')
OLD_TORCH = compat._release(torch.__version__) < (2, 6)
IMAGES = torch.rand(2, 3, 64, 64, device=META)


class Launches(TorchDispatchMode):
    """Count operations that are no views: each is a kernel or more."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += not function.is_view
        return function(*args, **(kwargs or {}))


def logits(classes=21, size=32, images=2):
    return torch.randn(
        images, classes, size, size, device=META, requires_grad=True
    )


def labels(images=2, classes=21):
    return torch.ones(images, classes, device=META)


def in_head(loss, classes=21, **kwargs):
    def call():
        z = logits(classes)
        seg_label = torch.zeros(2, 32, 32, dtype=torch.long, device=META)
        return loss(
            z, seg_label, image_labels=labels(), background_index=0, **kwargs
        )

    return call


def consistency(function):
    def call():
        mask = torch.zeros(2, 64, 64, dtype=torch.bool, device=META)
        return function(logits(20), logits(20), mask).mean()

    return call


def seam():
    one, two = logits(20), logits(20)
    total = equivariance(one, two) + low_scores(one)
    return total + cross_equivariance(one, two)


def sipe():
    valid = torch.ones(2, 1, 32, 32, device=META)
    cam, side, deep = logits(20), logits(64), logits(64)
    return prototype_consistency(cam, labels(2, 20), side, deep, valid)


def rank_pooled():
    pooled = rank_pooling(logits(20))[:, :, None, None]
    return pooling_loss(pooled, labels(2, 20))


def contrast():
    tokens = torch.randn(2, 12, 20, 64, device=META, requires_grad=True)
    return token_contrast(tokens, labels(2, 20))


def spatial_bce():
    scores, shares = logits(20).sigmoid(), torch.rand(2, 20, device=META)
    polar = polar_loss(scores, share_thresholds(scores, shares))
    return polar.mean() + share_divergence(scores, shares).mean()


def under_fitting():
    return under_fitting_loss(logits(1)).mean()


def weclip():
    label = torch.zeros(2, 32, 32, dtype=torch.long, device=META)
    affinity = torch.rand(2, 64, 64, device=META, requires_grad=True)
    pairs = pair_affinity_loss(affinity, label[:, :8, :8])
    return balanced_mean(logits(1)[:, 0], label) + pairs


PAIRS = torch.ones(2, 3, 32, 32, dtype=torch.bool, device=META)


def psa():
    affinity = logits(3).sigmoid()
    terms = affinity_terms(affinity, PAIRS, PAIRS, PAIRS)
    return sum(w * t for w, t in zip(WEIGHTS, terms, strict=True))


def irn():
    offsets = [(0, 1), (1, 0), (1, 1)]
    return sum(displacement_terms(logits(2), offsets, PAIRS, PAIRS))


def stego():
    features = torch.rand(2, 384, 121, device=META)
    one, two = logits(70, 11).flatten(2), logits(70, 11).flatten(2)
    return correspondence_loss(features, features, one, two, 0.2).mean()


def product():
    return affinity_product(
        logits(20).flatten(2), logits(64).flatten(2), block=256
    )[0].mean()


def refined():
    images = torch.rand(2, 3, 32, 32, device=META)
    return pixel_adaptive_refine(logits(21).detach(), images).mean()


# Bounds are what was counted (torch 2.14.1), and a tenth more.
CASES = {
    'GAP': (in_head(GAPLoss(), 20), 17),
    'OCR': (in_head(OCRLoss()), 69),
    'ISL': (in_head(BinomialISL(), 20), 37),
    'FSL': (
        in_head(FSL(), 20, images=IMAGES),
        93,
    ),
    'CSD, foreground': (consistency(foreground_consistency), 27),
    'CSD, background': (consistency(background_consistency), 37),
    'SEAM': (seam, 40),
    'SIPE': (sipe, 157),
    'GWRP': (rank_pooled, 22 + OLD_TORCH),
    'MCTformer+': (contrast, 45),
    'PMM': (under_fitting, 20),
    'Spatial-BCE': (spatial_bce, 87),
    'WeCLIP': (weclip, 78),
    'PSA': (psa, 60),
    'IRN': (irn, 165),
    'STEGO': (stego, 76),
    "SEAM's product": (product, 180),
    'PAMR': (refined, 950),
}


def launches(call):
    with Launches() as counter:
        loss = call()
        if loss.requires_grad:
            loss.backward()
    assert loss.device == META
    return counter.count


@pytest.fixture(autouse=True)
def _no_autocast(monkeypatch):
    """There is none on meta tensors."""
    monkeypatch.setattr(torch, 'autocast', lambda *_, **__: nullcontext())


@pytest.mark.parametrize('name', CASES)
def test_nothing_waits(name):
    if name == 'IRN' and OLD_TORCH:
        pytest.skip('checkpoint() fails on meta tensors before torch 2.6')
    call, most = CASES[name]
    assert launches(call) <= most


@pytest.mark.skipif(
    torch.__version__.split('+')[0] != '2.14.1', reason='counted on 2.14.1'
)
def test_the_page_has_the_counts():
    page = (ROOT / 'docs' / 'speed_gpu.md').read_text()
    (line,) = re.findall('^GAP .*?[.]$', page, re.M | re.S)
    found = dict(re.findall(r'([^;]+?)\s(\d+)(?:[;.])', line))
    found = {' '.join(k.split()): int(v) for k, v in found.items()}
    assert found == {name: launches(call) for name, (call, _) in CASES.items()}


def test_a_wait_is_an_error():
    for wait in (
        lambda: logits().sum().item(),
        lambda: (logits() > 0).nonzero(),
        lambda: logits()[logits() > 0],
        lambda: bool(logits().sum() > 0),
    ):
        with pytest.raises((RuntimeError, NotImplementedError)):
            wait()
