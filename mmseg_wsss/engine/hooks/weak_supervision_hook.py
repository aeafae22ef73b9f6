"""A hook that passes image labels to every head and loss of a segmentor."""

from __future__ import annotations

from contextvars import Token
from functools import partial

from mmengine.hooks import Hook
from mmseg.registry import HOOKS
from torch import nn

from ...compat import unwrap
from ...datasets.batch_count import check_batch_count
from ...datasets.training_checks import (
    check_label_files,
    check_label_values,
    check_training_data,
)
from ...structures import enter_batch, leave_batch, rgb_images
from ..loss_calls import LossCalls, check_losses_are_built

FORWARD = ('inputs', 'data_samples', 'mode')
BATCHES_TO_CHECK = 50


@HOOKS.register_module()
class WeakSupervisionHook(Hook):
    """Set each batch as the current one while the segmentor processes it.

    Any loss of any head can then read the image labels and the images; no
    type and no parameter name changes. Use it as
    ``custom_hooks=[dict(type='mmseg_wsss.WeakSupervisionHook')]``.

    It also checks the data and the model:

    * before training: ``check_losses_are_built``, ``check_batch_count``,
      ``check_training_data``, ``check_label_files`` of the validation;
    * in the first 50 batches: ``check_label_values``; after the first
      iteration: :class:`~mmseg_wsss.engine.loss_calls.LossCalls`;
    * before a test: ``check_label_files``,
      :meth:`PseudoLabelWriter.check_model`.

    Args:
        allow_masks (bool): Do not warn about ground-truth masks, for a fully
            supervised upper bound. Defaults to False.
    """

    priority = 'VERY_HIGH'

    def __init__(self, allow_masks: bool = False):
        self.allow_masks = allow_masks
        self._handles: list = []
        self._segmentor: nn.Module | None = None
        self._tokens: list[Token] = []
        self._to_check = 0
        self._calls: LossCalls | None = None

    def before_train(self, runner) -> None:
        """Register on the segmentor, and check the training data."""
        self._attach(runner.model)
        self._to_check = BATCHES_TO_CHECK
        check_losses_are_built(runner.cfg.get('model', {}), self._segmentor)
        check_batch_count(runner.train_dataloader)
        check_training_data(
            runner.train_dataloader.dataset, self._segmentor, self.allow_masks
        )
        if runner.val_loop is not None:
            check_label_files(runner.val_dataloader.dataset, self._segmentor)
        self._calls = LossCalls(self._segmentor)

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        """Check after the first iteration that every loss was called."""
        if self._calls is not None:
            self._calls.check()
            self._calls = None

    def before_val(self, runner) -> None:
        """Register on the segmentor, for validation without training."""
        self._attach(runner.model)

    def before_test(self, runner) -> None:
        """Register on the segmentor; check writers against the model."""
        for metric in runner.test_loop.evaluator.metrics:
            if hasattr(metric, 'check_model'):
                metric.check_model(runner.model)
        self._attach(runner.model)
        check_label_files(runner.test_dataloader.dataset, self._segmentor)

    def after_run(self, runner) -> None:
        """Remove what was registered."""
        self._detach()

    def _attach(self, model: nn.Module) -> None:
        segmentor = unwrap(model)
        if segmentor is self._segmentor:
            return
        self._detach()
        self._segmentor = segmentor
        self._handles = [
            segmentor.register_forward_pre_hook(self._enter, with_kwargs=True),
            segmentor.register_forward_hook(self._leave, always_call=True),
        ]

    def _detach(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self._segmentor = [], None

    def _enter(self, segmentor, args, kwargs) -> None:
        call = {**dict(zip(FORWARD, args, strict=False)), **kwargs}
        samples = call.get('data_samples')
        preprocessor = getattr(segmentor, 'data_preprocessor', None)
        images = partial(rgb_images, call['inputs'], preprocessor)
        self._tokens.append(enter_batch(samples, images, segmentor))
        learns = segmentor.training and call.get('mode') == 'loss'
        if learns and self._to_check:
            self._to_check -= 1
            check_label_values(segmentor, samples)

    def _leave(self, segmentor, args, output) -> None:
        if self._tokens:  # empty if an earlier pre-hook failed
            leave_batch(self._tokens.pop())
