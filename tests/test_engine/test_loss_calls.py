import pytest
import torch
from torch import nn

from mmseg_wsss import GAPLoss, OCRLoss
from mmseg_wsss.engine.loss_calls import LossCalls, check_losses_are_built


class Head(nn.Module):
    """Calls the first of its losses only, as DDRNet's head does."""

    def __init__(self):
        super().__init__()
        self.loss_decode = nn.ModuleList([GAPLoss(), OCRLoss()])


class Segmentor(nn.Module):
    def __init__(self):
        super().__init__()
        self.decode_head = Head()


CALL = dict(
    logits=torch.randn(1, 2, 3, 3), image_labels=torch.tensor([[1.0, 1.0]])
)


def test_a_loss_that_nobody_calls_is_named():
    segmentor = Segmentor()
    calls = LossCalls(segmentor)
    segmentor.decode_head.loss_decode[0](**CALL)
    with pytest.raises(ValueError, match=r'OCRLoss \(decode_head.*Head does'):
        calls.check()


def test_all_called():
    segmentor = Segmentor()
    calls = LossCalls(segmentor)
    for loss in segmentor.decode_head.loss_decode:
        loss(**CALL)
    calls.check()
    assert not segmentor.decode_head.loss_decode[0]._forward_pre_hooks


@pytest.mark.parametrize('name', ['FSL', 'mmseg_wsss.FSL'])
def test_a_loss_that_a_head_leaves_out_is_named(name):
    """As Mask2Former's head does."""
    losses = [dict(type='CrossEntropyLoss'), dict(type=name)]
    config = dict(decode_head=dict(type='Head', loss_decode=losses))
    message = rf'model\.decode_head\.loss_decode\.1 is {name}, but'
    with pytest.raises(ValueError, match=message):
        check_losses_are_built(config, Segmentor())
    losses[1]['type'] = 'OCRLoss'  # which it has
    check_losses_are_built(config, Segmentor())
    check_losses_are_built({}, Segmentor())
