import pytest
import torch
from mmseg.structures import SegDataSample

from mmseg_wsss import GAPLoss, ImageLevelLoss, batch_context, set_image_labels
from mmseg_wsss.models.losses.base import LossInputs


class Spy(ImageLevelLoss):
    """Keeps what it was given."""

    default_name = 'loss_spy'
    shown = ('labels_from',)

    def compute(self, inputs, **kwargs):
        self.inputs, self.kwargs = inputs, kwargs
        return inputs.logits.sum()


def samples(labels, *background):
    made = []
    for row in labels:
        made.append(SegDataSample())
        set_image_labels(made[-1], row, *background)
    return made


LABELS = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])


def test_weight_name_and_repr():
    loss = Spy(loss_weight=0.5)
    assert loss(torch.ones(1, 2, 3, 3), image_labels=LABELS) == 9
    assert loss.loss_name == 'loss_spy'
    assert Spy(loss_name='loss_mine').loss_name == 'loss_mine'
    assert repr(loss) == "Spy(labels_from='batch', loss_weight=0.5)"


def test_a_loss_without_compute_cannot_be_built():
    class Nothing(ImageLevelLoss):
        pass

    with pytest.raises(TypeError, match='compute'):
        Nothing()


@pytest.mark.parametrize('background', [0, 1, None])
def test_labels_and_background_come_with_the_batch(background):
    loss = Spy()
    with batch_context(samples(LABELS, background)):
        loss(torch.randn(2, 3, 4, 4))
        assert torch.equal(loss.inputs.image_labels, LABELS)
        assert loss.inputs.background_index == background


def test_a_call_overrides_the_batch():
    loss = Spy()
    with batch_context(samples(1 - LABELS, None)):
        loss(torch.randn(2, 3, 4, 4), image_labels=LABELS, background_index=2)
        assert torch.equal(loss.inputs.image_labels, LABELS)
        assert loss.inputs.background_index == 2


def test_samples_of_two_kinds_in_a_batch():
    loss = Spy()
    mixed = [*samples(LABELS, 0), *samples(LABELS, None)]
    with batch_context(mixed):
        loss(torch.randn(4, 3, 2, 2))
        with pytest.raises(ValueError, match=r'background_index \[0, None\]'):
            _ = loss.inputs.background_index


def test_no_labels_names_the_hook_and_the_loss():
    with pytest.raises(RuntimeError, match=r'GAPLoss.*WeakSupervisionHook'):
        GAPLoss()(torch.randn(1, 2, 3, 3))


def test_labels_from_the_mask():
    loss = Spy(labels_from='mask')
    mask = torch.tensor([[[0, 2], [255, 0]]])
    loss(torch.randn(1, 3, 2, 2), mask)
    assert loss.inputs.image_labels.tolist() == [[1, 0, 1]]
    loss(torch.randn(1, 3, 2, 2), mask + 1, background_index=None)
    assert loss.inputs.image_labels.tolist() == [[0, 1, 0]]
    loss(torch.randn(1, 3, 2, 2), mask + 1)
    assert loss.inputs.image_labels.tolist() == [[1, 1, 0]]
    loss(torch.randn(1, 3, 2, 2))
    with pytest.raises(ValueError, match='needs a label map'):
        _ = loss.inputs.image_labels
    loss(torch.randn(1, 3, 2, 2), mask)
    assert loss.inputs.valid.tolist() == [[[True, True], [False, True]]]
    with pytest.raises(ValueError, match='labels_from must be one of'):
        Spy(labels_from='tags')


def test_half_precision_and_autocast():
    loss = Spy()
    for dtype in (torch.half, torch.bfloat16, torch.float, torch.double):
        with torch.autocast('cpu', torch.bfloat16):
            loss(torch.randn(1, 2, 2, 2).to(dtype), image_labels=LABELS)
        expected = max(dtype, torch.float, key=lambda d: d.itemsize)
        assert loss.inputs.logits.dtype == expected


def test_what_a_head_passes_arrives():
    loss = Spy()
    weight = torch.ones(1, 2, 2)
    loss(torch.randn(1, 2, 2, 2), None, weight, views=3, image_labels=LABELS)
    assert loss.kwargs['views'] == 3
    assert torch.equal(loss.kwargs['weight'], weight)


def inputs(channels, background):
    logits = torch.arange(2.0 * channels).view(2, channels, 1, 1)
    return LossInputs('X', logits, None, 255, LABELS, background)


def test_foreground_of_both_kinds_of_heads():
    head = inputs(3, 0).foreground()
    assert head.logits.flatten().tolist() == [1, 2, 4, 5]
    assert head.background.flatten().tolist() == [0, 3]
    assert torch.equal(head.labels, LABELS[:, 1:])
    cam = inputs(2, 1).foreground()
    assert cam.logits.flatten().tolist() == [0, 1, 2, 3]
    assert cam.background.flatten().tolist() == [0, 0]
    assert torch.equal(cam.labels, LABELS[:, ::2])
    without = inputs(3, None).foreground()
    assert without.logits.shape == (2, 3, 1, 1)
    assert torch.equal(without.labels, LABELS)


@pytest.mark.parametrize(('channels', 'background'), [(4, 0), (2, None)])
def test_channels_that_do_not_fit(channels, background):
    with pytest.raises(ValueError, match=f'{channels} channels'):
        inputs(channels, background).foreground()
