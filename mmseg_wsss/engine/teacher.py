"""The teacher: a moving average of the segmentor in training."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce_params, get_world_size
from mmengine.model import BaseAveragedModel
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..structures import forward_context


class Teacher:
    """An averaged copy of a segmentor, in eval mode and without gradient.

    The average is one of MMEngine's: it copies the student after its first
    step and averages from then on. On several ranks floating buffers, such as
    the statistics of batch norms, are averaged over the ranks after each
    update, as each rank's student has its own; averaging is linear, so this
    is the average of the mean statistics.

    Args:
        ema: Config of an averaged model of MMEngine, without ``model``.
        student: The segmentor out of any wrapper, without forward hooks of
            other objects, which deepcopy would copy too.

    Raises:
        ValueError: If ``ema`` builds no averaged model.
    """

    def __init__(self, ema: dict, student: nn.Module):
        average = MODELS.build(dict(ema), default_args=dict(model=student))
        if not isinstance(average, BaseAveragedModel):
            raise ValueError(
                'ema must be an averaged model of MMEngine, such as dict('
                "type='ExponentialMovingAverage', momentum=0.001), got "
                f'{type(average).__name__}'
            )
        self.average = average.eval()

    @property
    def module(self) -> nn.Module:
        """The averaged segmentor."""
        return self.average.module

    def copy_from(self, student: nn.Module) -> None:
        """Restart the average from the student's weights and buffers."""
        self.module.load_state_dict(student.state_dict())
        self.average.steps.zero_()

    def update(self, student: nn.Module) -> None:
        """Update the average with the student; call it on all ranks."""
        self.average.update_parameters(student)
        if get_world_size() > 1:
            statistics = [
                buffer
                for buffer in self.module.buffers()
                if buffer.is_floating_point()
            ]
            if statistics:
                all_reduce_params(statistics, op='mean')

    @torch.no_grad()
    def probabilities(self, inputs: Tensor) -> Tensor:
        """Predict a batch at its own size, neither resized nor cropped.

        Args:
            inputs: Normalised images (N, 3, H, W), on the student's device.

        Returns:
            Tensor: Probabilities (N, C, H, W), float32: the softmax of the
            logits, or [1 - p, p] of a one-channel head.
        """
        size = tuple(inputs.shape[2:])
        metas = [
            dict(
                ori_shape=size,
                img_shape=size,
                pad_shape=size,
                padding_size=[0, 0, 0, 0],
            )
            for _ in inputs
        ]
        with forward_context(self.module, inputs):
            logits = self.module.encode_decode(inputs, metas).float()
        if logits.shape[1] > 1:
            return logits.softmax(1)
        object_ = logits.sigmoid()
        return torch.cat([1 - object_, object_], dim=1)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the average's state, with the number of its steps, on CPU."""
        return {
            name: value.cpu()
            for name, value in self.average.state_dict().items()
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Load the state of a teacher of the same segmentor.

        Raises:
            RuntimeError: If the segmentor differs.
        """
        self.average.load_state_dict(state)
