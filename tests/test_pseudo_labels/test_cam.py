import pytest
import torch

from mmseg_wsss.pseudo_labels import (
    background_score,
    label_from_scores,
    normalise_cam,
)


def test_normalise_by_hand():
    cam = torch.tensor(
        [[[-1.0, 2.0], [4.0, 0.0]], [[-3.0, -1.0], [0.0, -2.0]]]
    )
    scores = normalise_cam(cam)
    assert torch.allclose(
        scores[0], torch.tensor([[0, 0.5], [1, 0]]), atol=1e-5
    )
    assert scores[1].count_nonzero() == 0


def test_background_scores():
    cam = torch.tensor([[[0.2, 0.9]], [[0.5, 0.1]]])
    assert background_score(cam, 0.3).tolist() == [[[pytest.approx(0.3)] * 2]]
    power = background_score(cam, alpha=2)
    assert power.flatten().tolist() == pytest.approx([0.25, 0.01])


def test_label_considers_candidates_only():
    scores = torch.tensor([[[0.3, 0.3]], [[0.9, 0.1]], [[0.5, 0.6]]])
    labels = torch.tensor([1.0, 0.0, 1.0])
    assert label_from_scores(scores, labels).tolist() == [[2, 2]]
    with pytest.raises(ValueError, match='image_labels must be'):
        label_from_scores(scores, labels[:2])
    with pytest.raises(ValueError, match='without any candidate'):
        label_from_scores(scores, torch.zeros(3))


def test_min_max_by_hand():
    cam = torch.tensor([[[1.0, 2.0], [3.0, 5.0]], [[-1.0, 0.0], [1.0, 4.0]]])
    scores = normalise_cam(cam, 'min_max')
    expected = torch.tensor([[0.0, 0.25], [0.5, 1.0]])
    assert torch.allclose(scores[0], expected, atol=1e-4)
    # Where the positive part reaches 0 both modes agree.
    assert torch.allclose(scores[1], normalise_cam(cam)[1], atol=1e-4)
    flat = normalise_cam(torch.stack([torch.ones(2, 2), -cam[0]]), 'min_max')
    assert flat.count_nonzero() == 0
    with pytest.raises(ValueError, match='mode must be'):
        normalise_cam(cam, 'mean')
