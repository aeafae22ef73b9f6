import pytest
import torch
from torch import nn

from mmseg_wsss import FSL, GAPLoss, OCRLoss
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


@pytest.mark.parametrize('kind', ['FSL', 'mmseg_wsss.FSL', FSL])
def test_a_loss_that_a_head_leaves_out_is_named(kind):
    """As Mask2Former's head does."""
    losses = [dict(type='CrossEntropyLoss'), dict(type=kind)]
    config = dict(decode_head=dict(type='Head', loss_decode=losses))
    message = r'model\.decode_head\.loss_decode\.1 is FSL, but'
    with pytest.raises(ValueError, match=message):
        check_losses_are_built(config, Segmentor())
    losses[1]['type'] = 'OCRLoss'  # which it has
    check_losses_are_built(config, Segmentor())
    check_losses_are_built({}, Segmentor())


class OtherHead(nn.Module):
    """Has no losses, as Mask2Former's head."""


@pytest.mark.parametrize('in_list', [False, True])
@pytest.mark.parametrize('lost', ['decode_head', 'auxiliary_head'])
def test_a_loss_that_another_head_has_does_not_count(lost, in_list):
    losses = [dict(type='GAPLoss'), dict(type='OCRLoss')]
    heads, config = {}, {}
    for name in ('decode_head', 'auxiliary_head'):
        head = OtherHead() if name == lost else Head()
        settings = dict(type='Head', loss_decode=losses)
        heads[name] = nn.ModuleList([head]) if in_list else head
        config[name] = [settings] if in_list else settings
    place = rf'model\.{lost}{".0" if in_list else ""}\.loss_decode\.0'
    with pytest.raises(ValueError, match=f'{place} is GAPLoss'):
        check_losses_are_built(config, nn.ModuleDict(heads))


def test_a_segmentor_with_heads_elsewhere():
    """Names of a config's heads need not be those of modules."""
    losses = [dict(type='GAPLoss'), dict(type='OCRLoss')]
    config = dict(cfg=dict(head=dict(type='Head', loss_decode=losses)))
    check_losses_are_built(config, Segmentor())
    losses.append(dict(type='FSL'))
    with pytest.raises(ValueError, match=r'loss_decode\.2 is FSL'):
        check_losses_are_built(config, Segmentor())
