"""Patches compared with texts: numbers, a loop, invariances."""

import pytest
import torch

from mmseg_wsss.pseudo_labels.text_similarity import (
    self_attention,
    similarity_maps,
)


def vectors(*size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*size, generator=generator, dtype=torch.float64)


def test_attention_against_a_loop():
    parts = [vectors(2, 3, 5, 4, seed=k) for k in range(3)]
    found = self_attention(*parts)
    for n in range(2):
        for head in range(3):
            total = torch.zeros(5, 4).double()
            for x in (part[n, head] for part in parts):
                for i in range(5):
                    logits = torch.stack([x[i] @ x[j] / 2 for j in range(5)])
                    for j, weight in enumerate(logits.softmax(0)):
                        total[i] += weight * parts[2][n, head, j] / 3
            torch.testing.assert_close(found[n, head], total)


def test_maps_against_a_loop():
    patches, image, texts = vectors(6, 4), vectors(4), vectors(3, 4, seed=1)
    found = similarity_maps(patches, image, texts)
    unit = [t / t.norm() for t in texts]
    logits = torch.stack([2 * image @ t / image.norm() for t in unit])
    weights = logits.softmax(0) / logits.softmax(0).mean()
    scores = torch.empty(3, 6).double()
    for i, patch in enumerate(patches):
        cosines = torch.stack([patch @ t / patch.norm() for t in unit])
        scores[:, i] = cosines - (weights * cosines).mean()
    low, high = scores.min(1, True).values, scores.max(1, True).values
    expected = (scores - low) / (high - low)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_what_all_texts_share_is_taken_away():
    """A direction that all texts have does not tell patches apart."""
    shared = torch.tensor([0.0, 0, 0, 1]).double()
    texts = torch.eye(4).double()[:3] + shared
    image = vectors(4)
    image[:3] = 0.2  # as close to each
    patches = torch.eye(4).double()
    found = similarity_maps(patches, image, texts)
    for c in range(3):
        assert found[c].argmax() == c
        others = [k for k in range(3) if k != c]
        torch.testing.assert_close(found[c, others[0]], found[c, others[1]])
        assert found[c, 3] == pytest.approx(1 / 3)


def test_invariances():
    patches, image, texts = vectors(6, 4), vectors(4), vectors(3, 4, seed=1)
    found = similarity_maps(patches, image, texts)
    scaled = similarity_maps(3 * patches, 5 * image, 7 * texts)
    torch.testing.assert_close(scaled, found)
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(
        similarity_maps(patches, image, texts[order]), found[order]
    )
    assert found.min() >= 0 and found.max() <= 1
    same = similarity_maps(patches[:1].repeat(6, 1), image, texts)
    assert same.abs().max() < 1e-6
