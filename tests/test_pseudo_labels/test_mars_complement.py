import pytest
import torch

from mmseg_wsss.pseudo_labels import (
    certain_mask,
    complement_batch,
    complement_label,
    pixel_adaptive_refine,
    teacher_label,
)


def test_only_biased_pixels_are_filled():
    label = torch.tensor([[[0, 254], [255, 254]]])
    teacher = torch.tensor([[[3, 2], [1, 0]]])
    assert complement_label(label, teacher).tolist() == [[[0, 2], [255, 0]]]
    assert label[0, 0, 1] == 254
    small = label.to(torch.uint8)
    assert complement_label(small, teacher).dtype == torch.uint8
    with pytest.raises(ValueError, match='must be'):
        complement_label(label, teacher[0])


def test_certain_mask_by_hand():
    # Three classes, background first; the image has class 2 only.
    probabilities = torch.tensor([[[0.9, 0.1], [0.05, 0.6], [0.05, 0.3]]])
    probabilities = probabilities[:, :, None]
    biased = torch.tensor([[[True, True]]])
    labels = torch.tensor([[1.0, 0.0, 1.0]])
    mask = certain_mask(probabilities, labels, biased)
    assert mask.dtype == torch.float32
    assert mask.flatten().tolist() == pytest.approx([0.05, 0.3])
    # No background in the data set: class 0 is one like the others.
    mask = certain_mask(probabilities, labels, biased, background_index=None)
    assert mask.flatten().tolist() == pytest.approx([0.9, 0.3])
    # Nothing but background: the teacher cannot be sure of any foreground.
    labels = torch.tensor([[1.0, 0.0, 0.0]])
    assert certain_mask(probabilities, labels, biased).sum() == 0


@pytest.mark.parametrize('background', [0, 3, None])
def test_certain_mask_against_a_loop(background):
    torch.manual_seed(0)
    probabilities = torch.randn(2, 4, 5, 3).softmax(1)
    labels = torch.tensor([[1.0, 1, 0, 1], [1, 0, 1, 0]])
    biased = torch.rand(2, 5, 3) < 0.5
    expected = torch.ones(2, 5, 3)
    for n in range(2):
        tags = [k for k in range(4) if labels[n, k] and k != background]
        for y in range(5):
            for x in range(3):
                if biased[n, y, x]:
                    expected[n, y, x] = max(
                        probabilities[n, k, y, x] for k in tags
                    )
    given = labels.clone()
    mask = certain_mask(probabilities, labels, biased, background)
    assert torch.equal(mask, expected)
    assert torch.equal(labels, given)


def test_certain_mask_refuses_what_does_not_fit():
    probabilities = torch.full((1, 3, 2, 2), 1 / 3)
    biased = torch.ones(1, 2, 2, dtype=torch.bool)
    with pytest.raises(ValueError, match='background included'):
        certain_mask(probabilities, torch.ones(1, 2), biased)
    with pytest.raises(ValueError, match='bool mask'):
        certain_mask(probabilities, torch.ones(1, 3), biased.float())
    with pytest.raises(ValueError, match='background_index'):
        certain_mask(probabilities, torch.ones(1, 3), biased, 3)


def two_halves():
    """A picture of two colours, with one wrong pixel in each half."""
    images = torch.full((1, 3, 16, 16), 0.2)
    images[..., 8:] = 0.8
    images += torch.rand(images.shape, generator=torch.manual_seed(0)) / 100
    right = torch.full((16, 16), 0.1)
    right[:, 8:] = 0.8
    right[4, 4], right[4, 12] = 0.6, 0.3
    other = torch.full((16, 16), 0.15)
    probabilities = torch.stack([1 - right - other, right, other])
    expected = torch.zeros(1, 16, 16, dtype=torch.long)
    expected[..., 8:] = 1
    return probabilities[None], images, expected


def test_refiners_repair_single_pixels():
    probabilities, images, expected = two_halves()
    plain = teacher_label(probabilities, images, None)
    assert (plain != expected).sum() == 2
    for refine, options in (
        ('local', {}),
        ('local', dict(iterations=20)),
        ('crf', {}),
    ):
        if refine == 'crf':
            pytest.importorskip('pydensecrf')
        label = teacher_label(probabilities, images, refine, **options)
        assert label.dtype == torch.long
        assert torch.equal(label, expected), (refine, options)


@pytest.mark.parametrize('refine', [None, 'local', 'crf'])
def test_only_candidates_are_chosen(refine):
    if refine == 'crf':
        pytest.importorskip('pydensecrf')
    probabilities, images, _ = two_halves()
    candidates = torch.tensor([[True, False, True]])
    label = teacher_label(probabilities, images, refine, candidates=candidates)
    assert set(label.unique().tolist()) == {0, 2}
    assert (label[..., 10:] == 2).float().mean() > 0.8


def test_classes_that_cannot_win_are_left_out_exactly():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 3, 12, 12, generator=generator)
    logits = torch.randn(3, 6, 12, 12, generator=generator) * 2
    logits[0, 2:] -= 9
    logits[1] = 0
    probabilities = logits.softmax(1)
    assert (probabilities.amax((2, 3)) < 1 / 6).any()
    refined = pixel_adaptive_refine(probabilities, images)
    label = teacher_label(probabilities, images)
    best = refined.gather(1, label[:, None])[:, 0]
    assert torch.allclose(best, refined.amax(1), atol=1e-6)
    assert (label != refined.argmax(1)).float().mean() < 0.01
    assert label[1].max() == 0
    # Rounding may put all classes below 1 / C.
    even = torch.full((3, 21, 12, 12), 1 / 21, dtype=torch.bfloat16)
    assert even.float().max() < 1 / 21
    assert teacher_label(even, images).max() == 0


def test_unknown_refiner():
    probabilities, images, _ = two_halves()
    with pytest.raises(ValueError, match='refine must be one of'):
        teacher_label(probabilities, images, 'random')
    with pytest.raises(ValueError, match="dilation: only refine='local'"):
        teacher_label(probabilities, images, None, dilation=3)
    with pytest.raises(ValueError, match='need 1 images'):
        teacher_label(probabilities, images.repeat(2, 1, 1, 1))
    none = torch.zeros(1, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match=r'shape \(1, 3\)'):
        teacher_label(probabilities, images, candidates=none[:, :2])
    with pytest.raises(ValueError, match='without a candidate'):
        teacher_label(probabilities, images, candidates=none)


def batch():
    """Labels, probabilities, images and image labels of two images."""
    generator = torch.manual_seed(0)
    label = torch.zeros(2, 6, 5, dtype=torch.long)
    label[:, :2], label[:, 4:] = 254, 255
    probabilities = torch.rand(2, 4, 6, 5, generator=generator).softmax(1)
    images = torch.rand(2, 3, 6, 5, generator=generator)
    return label, probabilities, images, torch.tensor([[1, 0, 1, 0]] * 2)


@pytest.mark.parametrize('background', [0, None])
@pytest.mark.parametrize('restrict', [False, True])
def test_a_batch_against_a_loop(restrict, background):
    label, probabilities, images, labels = batch()
    labels = labels - torch.tensor([1, 0, 0, 0]) * (background is None)
    filled, weights = complement_batch(
        label,
        probabilities,
        images,
        labels,
        None,
        restrict_to_labels=restrict,
        background_index=background,
    )
    choices = [0, 2] if background == 0 else [2]
    choices = choices if restrict else [0, 1, 2, 3]
    for n in range(2):
        for y in range(6):
            for x in range(5):
                p = probabilities[n, :, y, x].tolist()
                if label[n, y, x] == 254:
                    assert filled[n, y, x] == max(choices, key=p.__getitem__)
                    assert weights[n, y, x] == pytest.approx(p[2])
                else:
                    assert filled[n, y, x] == label[n, y, x]
                    assert weights[n, y, x] == 1
    assert (label[:, :2] == 254).all()


def test_a_batch_without_image_labels():
    label, probabilities, images, _ = batch()
    filled, weights = complement_batch(label, probabilities, images)
    assert weights is None and filled[:, :2].max() < 4
    with pytest.raises(ValueError, match='needs image_labels'):
        complement_batch(label, probabilities, images, restrict_to_labels=True)
