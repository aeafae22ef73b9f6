"""Segmentors that make their batch the current one, without any hook."""

from __future__ import annotations

from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS

from ...structures import forward_context


class WeakSupervisionMixin:
    """Open a batch context around a segmentor's forward.

    Put it before any MMSeg segmentor class. Losses and heads then find the
    image labels and the images of the batch, also without a Runner.
    Parameters and their names do not change.
    """

    def forward(self, inputs, data_samples=None, mode: str = 'tensor'):
        """Run the segmentor's forward with its batch as the current one."""
        with forward_context(self, inputs, data_samples):
            return super().forward(inputs, data_samples, mode)


@MODELS.register_module()
class WSSSEncoderDecoder(WeakSupervisionMixin, EncoderDecoder):
    """EncoderDecoder whose losses can ask for the image labels."""
