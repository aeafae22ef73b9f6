"""The hook that brings image labels to every head and loss of a segmentor."""

from __future__ import annotations

import logging
from contextvars import Token
from functools import partial

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmseg.registry import HOOKS
from torch import nn

from ...datasets.training_labels import (
    LabelStatistics,
    ground_truth_folder,
    label_losing_transform,
    label_statistics,
    wrapper_transforms,
)
from ...structures import enter_batch, leave_batch, rgb_images
from ...structures.labels import BIASED_LABEL, MAX_CLASSES

BATCHES_TO_CHECK = 50


def unwrap(model: nn.Module) -> nn.Module:
    """Return the segmentor inside DDP and test-time-augmentation wrappers."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


@HOOKS.register_module()
class WeakSupervisionHook(Hook):
    """Make each batch the current one while the segmentor handles it.

    It registers forward hooks on the unwrapped segmentor, so that any loss of
    any head can ask for the image labels and the images. No type and no
    parameter name changes. When training starts it also

    * reads all image labels once, which finds a wrong one before hours pass,
      and names the classes that no image has;
    * gives the co-occurrence counts to losses that await them
      (``OCRLoss(prior='auto')``);
    * warns if the training masks look like ground truth.

    In the first 50 batches it refuses labels with biased pixels (254) that no
    ComplementHook has filled; on a GPU the loss would die of an assert.

    Use it as ``custom_hooks=[dict(type='mmseg_wsss.WeakSupervisionHook')]``.

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

    def before_train(self, runner) -> None:
        """Register on the model, read the labels, look at the masks."""
        self._attach(runner.model)
        self._to_check = BATCHES_TO_CHECK
        dataset = runner.train_dataloader.dataset
        folder = ground_truth_folder(dataset)
        if folder and not self.allow_masks:
            print_log(
                f'THE TRAINING MASKS COME FROM {folder}, WHICH LOOKS LIKE '
                'GROUND TRUTH. Weak training reads image labels and pseudo '
                'labels only. Point data_prefix.seg_map_path at pseudo '
                'labels, or set WeakSupervisionHook(allow_masks=True) for a '
                'fully supervised run.',
                logger='current',
                level=logging.WARNING,
            )
        mixing = label_losing_transform(dataset)
        if mixing:
            raise ValueError(
                f'{mixing} mixes images but keeps the image labels of one: '
                'classes that are there would count as absent. Remove it, or '
                'use a transform that unites the labels and has '
                'merges_image_labels = True'
            )
        statistics = label_statistics(dataset)
        if statistics is not None:
            self._report(statistics)
        self._set_priors(statistics)
        self._check_views(dataset)

    def before_val(self, runner) -> None:
        """Register on the model, for validation without training."""
        self._attach(runner.model)

    def before_test(self, runner) -> None:
        """Register on the model; refuse to write an augmentation's scores."""
        metrics = runner.test_loop.evaluator.metrics
        model = runner.model
        while is_model_wrapper(model):
            model = model.module
        writes = any(type(m).__name__ == 'PseudoLabelWriter' for m in metrics)
        unmerged = isinstance(model, BaseTTAModel) and not getattr(
            model, 'merges_scores', False
        )
        if writes and unmerged:
            raise ValueError(
                'PseudoLabelWriter writes seg_logits, which under '
                f"{type(model).__name__} are the last augmentation's only. "
                'For a CAM network set '
                "tta_model=dict(type='mmseg_wsss.CAMTTAModel'), else test "
                'without --tta'
            )
        self._attach(runner.model)

    def after_run(self, runner) -> None:
        """Leave the model as it was."""
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

    def _enter(self, module, args, kwargs) -> None:
        inputs = kwargs['inputs'] if 'inputs' in kwargs else args[0]
        positional = args[1] if len(args) > 1 else None
        data_samples = kwargs.get('data_samples', positional)
        preprocessor = getattr(module, 'data_preprocessor', None)
        images = partial(rgb_images, inputs, preprocessor)
        self._tokens.append(enter_batch(data_samples, images, module))
        mode = kwargs.get('mode', args[2] if len(args) > 2 else 'tensor')
        if self._to_check and module.training and mode == 'loss':
            self._to_check -= 1
            _refuse_biased(module, data_samples)

    def _leave(self, module, args, output) -> None:
        if self._tokens:  # none if a hook in front of ours failed
            leave_batch(self._tokens.pop())

    def _report(self, statistics: LabelStatistics) -> None:
        empty = statistics.classes_without_image()
        print_log(
            f'image labels of {statistics.num_images} training images read',
            logger='current',
        )
        if empty:
            print_log(
                f'no training image has the class {", ".join(empty)}: it '
                'cannot be learned. Check the label file, the image list and '
                'the class names.',
                logger='current',
                level=logging.WARNING,
            )

    def _check_views(self, dataset) -> None:
        steps = {type(step).__name__ for step in wrapper_transforms(dataset)}
        pasted = {'CSDCopyPaste', 'PackWSSSInputs'} <= steps
        for name, module in self._segmentor.named_modules():
            if getattr(module, 'awaits_paste_views', False) and not pasted:
                raise ValueError(
                    f'{name} learns from pasted views, and none reach it from '
                    'the training data: wrap the data set in dict(type='
                    "'mmseg_wsss.CSDDataset', dataset=..., pipeline=[dict("
                    "type='mmseg_wsss.CSDCopyPaste'), dict(type='mmseg_wsss."
                    "PackWSSSInputs')]), as configs/csd do"
                )

    def _set_priors(self, statistics: LabelStatistics | None) -> None:
        for name, module in self._segmentor.named_modules():
            if not getattr(module, 'awaits_cooccurrence', False):
                continue
            if statistics is None:
                raise ValueError(
                    f"{name} has prior='auto', but the training pipeline "
                    'loads no image labels to count: put '
                    "dict(type='mmseg_wsss.LoadImageLabels', ann_file=..., "
                    'classes=...) into it, or give the prior an array'
                )
            module.set_cooccurrence(statistics.counts, statistics.num_images)


def _refuse_biased(segmentor: nn.Module, data_samples) -> None:
    """Refuse the label 254, unless it is a class."""
    if getattr(segmentor, 'num_classes', 0) > MAX_CLASSES:
        return
    for sample in data_samples or ():
        if 'gt_sem_seg' not in sample:
            continue
        if (sample.gt_sem_seg.data == BIASED_LABEL).any():
            raise ValueError(
                f'{sample.get("img_path", "an image")} has biased pixels '
                f'(label {BIASED_LABEL}), and nothing fills them: add dict('
                "type='mmseg_wsss.ComplementHook') to custom_hooks, or, to "
                "leave them out, dict(type='mmseg_wsss.IgnoreBiased') to the "
                "training pipeline, behind dict(type='LoadAnnotations')"
            )
