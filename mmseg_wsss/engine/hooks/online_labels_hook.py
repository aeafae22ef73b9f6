"""The base class of hooks that make or change labels while training."""

from __future__ import annotations

from abc import ABC, abstractmethod

from mmengine.hooks import Hook
from mmengine.structures import PixelData
from torch import Tensor, nn

from ...compat import unwrap
from ...structures import set_pixel_weights
from .weak_supervision_hook import FORWARD


class OnlineLabelsHook(Hook, ABC):
    """Replace the label maps of each training batch before the forward.

    The segmentor's heads and losses get the new samples; those of the data
    loader do not change. The iteration is in ``iteration``.
    """

    priority = 'VERY_HIGH'

    def __init__(self):
        self.iteration = 0
        self._handle = None

    @abstractmethod
    def relabel(
        self, segmentor: nn.Module, inputs: Tensor, samples: list
    ) -> list:
        """Return the samples that the segmentor learns from.

        Args:
            segmentor: The segmentor, out of any wrapper, in training mode.
            inputs: Normalised images (N, 3, H, W).
            samples: N samples; change copies of them, see ``relabelled``.
        """

    def before_train(self, runner) -> None:
        """Register on the segmentor."""
        self.detach()
        # Before WeakSupervisionHook's, which passes the samples on.
        self._handle = unwrap(runner.model).register_forward_pre_hook(
            self._relabel, with_kwargs=True, prepend=True
        )

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Store the iteration."""
        self.iteration = runner.iter

    def after_run(self, runner) -> None:
        """Remove the forward hook."""
        self.detach()

    def detach(self) -> None:
        """Remove the forward hook, if there is one."""
        if self._handle is not None:
            self._handle.remove()
        self._handle = None

    def _relabel(self, segmentor, args, kwargs):
        call = {**dict(zip(FORWARD, args, strict=False)), **kwargs}
        if not segmentor.training or call.get('mode') != 'loss':
            return None
        samples = self.relabel(
            segmentor, call['inputs'], list(call['data_samples'])
        )
        return (), {**call, 'data_samples': samples}


def relabelled(sample, label: Tensor, weights: Tensor | None = None):
    """Return a copy of a sample with another label map.

    Args:
        sample (SegDataSample): The sample.
        label: Classes (H, W), integer.
        weights: Pixel weights (H, W), or None.

    Returns:
        SegDataSample: The copy; its other fields are shared.
    """
    copied = sample.new()
    copied.gt_sem_seg = PixelData(data=label[None])
    if weights is not None:
        set_pixel_weights(copied, weights)
    return copied
