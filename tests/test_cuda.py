"""What is computed on a GPU is what is computed on a CPU.

The suite's other tests make their tensors on the CPU; those that train or
run a tool take a GPU by themselves where there is one.
"""

import pytest
import torch
import torch.nn.functional as F

from mmseg_wsss.models.losses import (
    FSL,
    BinomialISL,
    GAPLoss,
    OCRLoss,
    background_consistency,
    balanced_mean,
    correspondence_loss,
    feature_similarity_loss,
    foreground_consistency,
    ocr_loss,
    pair_affinity_loss,
)
from mmseg_wsss.models.losses.affinity_loss import affinity_terms
from mmseg_wsss.models.losses.displacement_loss import displacement_terms
from mmseg_wsss.pseudo_labels.affinity import (
    WalkGraph,
    boundary_affinity,
    pair_offsets,
)
from mmseg_wsss.pseudo_labels.kmeans import kmeans
from mmseg_wsss.pseudo_labels.pairs import pair_labels
from mmseg_wsss.pseudo_labels.pixel_adaptive import pixel_adaptive_refine
from mmseg_wsss.pseudo_labels.random_walk import random_walk

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='needs a GPU'
)
OFFSETS = pair_offsets(3)
IMAGE_LABELS = torch.tensor(
    [[1, 1, 0, 1, 0], [1, 0, 0, 0, 1], [0, 0, 1, 0, 0]]
)


def maps(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


def masks(*shape):
    return maps(*shape) > 0.3


def left_half(*shape):
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[..., : shape[-1] // 2] = True
    return mask


def pairs():
    label = torch.randint(
        0, 3, (2, 12, 14), generator=torch.Generator().manual_seed(0)
    )
    return pair_labels(label, OFFSETS)


def ocr_with_prior(logits, labels, valid, prior):
    return ocr_loss(logits, labels, valid, prior).mean()


def fsl(logits, images):
    return feature_similarity_loss(logits.sigmoid(), images).sum()


def csd_foreground(student, teacher, mask):
    return foreground_consistency(teacher, student, mask).sum()


def csd_background(student, teacher, mask):
    return background_consistency(teacher, student, mask).sum()


def psa(boundary, background, foreground, negative):
    affinity = boundary_affinity(boundary.sigmoid(), OFFSETS)
    return sum(affinity_terms(affinity, background, foreground, negative))


def irn(displacement, background, foreground):
    terms = displacement_terms(displacement, OFFSETS, background, foreground)
    return sum(terms)


def stego(code, other_code, features, other_features):
    return correspondence_loss(
        features, other_features, code, other_code, shift=0.1
    ).sum()


def walk(scores, affinity):
    graph = WalkGraph(OFFSETS, affinity.sigmoid(), None, 4)
    return random_walk(scores, graph, beta=8, steps=64)


def adaptive(scores, images):
    return pixel_adaptive_refine(scores.softmax(1), images)


# Name: function, its inputs. The first of a loss takes the gradient.
LOSSES = {
    'ocr': (
        ocr_with_prior,
        lambda: (
            maps(3, 5, 33, 31) * 3,
            IMAGE_LABELS,
            masks(3, 33, 31),
            maps(5, 5).sigmoid(),
        ),
    ),
    'fsl': (fsl, lambda: (maps(2, 3, 40, 36), maps(2, 3, 40, 36).sigmoid())),
    'csd foreground': (
        csd_foreground,
        lambda: (
            maps(2, 5, 8, 8),
            maps(2, 5, 8, 8, seed=1),
            left_half(2, 64, 64),
        ),
    ),
    'csd background': (
        csd_background,
        lambda: (
            maps(2, 5, 8, 8),
            maps(2, 5, 8, 8, seed=1),
            left_half(2, 64, 64),
        ),
    ),
    'affinity': (psa, lambda: (maps(2, 1, 12, 14), *pairs())),
    'displacement': (irn, lambda: (maps(2, 2, 12, 14), *pairs()[:2])),
    'balanced': (
        balanced_mean,
        lambda: (
            maps(3, 12, 14),
            IMAGE_LABELS.repeat(1, 34)[:, :168].view(3, 12, 14),
        ),
    ),
    'pair affinity': (
        pair_affinity_loss,
        lambda: (
            maps(3, 15, 15).sigmoid(),
            IMAGE_LABELS.repeat(1, 3).view(3, 3, 5),
        ),
    ),
    'stego': (
        stego,
        lambda: (
            maps(2, 6, 20),
            maps(2, 6, 30, seed=1),
            maps(2, 16, 20, seed=2),
            maps(2, 16, 30, seed=3),
        ),
    ),
}
MAPS = {
    'walk': (
        walk,
        lambda: (maps(3, 48, 56).sigmoid(), maps(len(OFFSETS), 12, 14)),
    ),
    'adaptive': (
        adaptive,
        lambda: (maps(2, 4, 24, 24), maps(2, 3, 24, 24).sigmoid()),
    ),
}


def on(device, inputs):
    return [x.to(device) for x in inputs]


@pytest.mark.parametrize('name', LOSSES)
def test_losses_and_gradients_are_those_of_the_cpu(name):
    function, inputs = LOSSES[name]
    found = {}
    for device in ('cpu', 'cuda'):
        first, *others = on(device, inputs())
        first.requires_grad_()
        loss = function(first, *others)
        loss.backward()
        assert loss.device.type == first.grad.device.type == device
        found[device] = loss.detach().cpu(), first.grad.cpu()
    assert found['cpu'][1].abs().sum() > 0
    for a, b in zip(*found.values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('name', MAPS)
def test_maps_are_those_of_the_cpu(name):
    function, inputs = MAPS[name]
    cpu, cuda = (function(*on(d, inputs())) for d in ('cpu', 'cuda'))
    assert cuda.is_cuda
    torch.testing.assert_close(cpu, cuda.cpu(), rtol=1e-4, atol=1e-6)


def test_clusters_are_those_of_the_cpu():
    points = maps(300, 8)
    points[:150] += 3
    cpu, cuda = (kmeans(points.to(d), 4) for d in ('cpu', 'cuda'))
    assert cuda.centroids.is_cuda
    torch.testing.assert_close(cpu.assignment, cuda.assignment.cpu())
    torch.testing.assert_close(
        cpu.centroids, cuda.centroids.cpu(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_ocr_under_autocast(dtype):
    """Computed in float32 from half precision logits."""
    weight = maps(5, 8, 1, 1).cuda().requires_grad_()
    inputs = maps(3, 8, 33, 31).cuda()
    label = torch.zeros(3, 33, 31, dtype=torch.long).cuda()
    loss = OCRLoss(threshold=0.2)
    labels = IMAGE_LABELS.cuda()
    with torch.autocast('cuda', dtype):
        logits = F.conv2d(inputs, weight)
        assert logits.dtype == dtype
        value = loss(logits, label, image_labels=labels)
    assert value.dtype == torch.float32
    value.backward()
    exact = ocr_loss(logits.detach().double(), labels).mean()
    torch.testing.assert_close(value.double(), exact, rtol=1e-5, atol=1e-6)
    assert weight.grad.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('loss', [BinomialISL(), FSL(), GAPLoss()], ids=repr)
def test_cam_losses_under_autocast(loss, dtype):
    weight = maps(4, 8, 1, 1).cuda().requires_grad_()
    inputs = maps(2, 8, 16, 16).cuda()
    images = maps(2, 3, 64, 64).sigmoid().cuda()
    labels = torch.tensor([[1, 0, 1, 0], [0, 1, 0, 0]]).cuda()
    with torch.autocast('cuda', dtype):
        logits = F.conv2d(inputs, weight)
        value = loss(logits, None, image_labels=labels, images=images)
    assert value.dtype == torch.float32 and value.isfinite()
    value.backward()
    assert weight.grad.isfinite().all() and weight.grad.abs().sum() > 0
