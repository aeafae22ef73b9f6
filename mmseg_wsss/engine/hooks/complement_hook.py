"""A hook that completes debiased labels while a segmentor trains (MARS)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from mmengine.logging import print_log
from mmengine.runner import BaseLoop
from mmseg.registry import HOOKS
from torch import Tensor, nn

from ...compat import unwrap
from ...datasets.training_labels import leaf_datasets
from ...models.decode_heads.cam_head import CAMHead
from ...models.pixel_weight_sampler import PixelWeightSampler
from ...pseudo_labels.mars_complement import complement_batch, teacher_label
from ...structures import (
    common_background_index,
    rgb_images,
    stack_image_labels,
)
from ...structures.labels import BIASED_LABEL
from ..teacher import Teacher
from .online_labels_hook import OnlineLabelsHook, relabelled

STATE = 'complement_teacher'


@HOOKS.register_module()
class ComplementHook(OnlineLabelsHook):
    """Fill the biased pixels of each training batch by a teacher.

    MARS (ICCV 2023), Sec. 3.4, see
    :mod:`mmseg_wsss.pseudo_labels.mars_complement`; for any segmentor whose
    losses are sums over pixels::

        model = dict(decode_head=dict(
            sampler=dict(type='mmseg_wsss.PixelWeightSampler'),
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)))
        custom_hooks = [
            dict(type='mmseg_wsss.WeakSupervisionHook'),
            dict(type='mmseg_wsss.ComplementHook')]

    Before the segmentor's forward the teacher, in eval mode, predicts the
    images with biased pixels (254) of the same augmented batch. Its labels
    replace 254, and W of Eq. 6 becomes the sample's pixel weights; samples
    are copied before they change. Heads without the sampler learn from the
    completed labels unweighted.

    Memory: one copy of the weights, and with the local refiner 192 bytes per
    pixel of one image. Time: ``benchmarks/complement_step.py``.

    The teacher is saved in checkpoints, under 'complement_teacher', and
    resumed; the model that is validated and saved is the student. All ranks
    have the same teacher.

    Args:
        ema (dict): Averaged model of MMEngine. The default is DHR's, by the
            paper's first author: a decay of 0.999, buffers averaged too. It
            averages over about 1000 steps; use a larger momentum or
            ``dict(type='MomentumAnnealingEMA', ...)`` for short trainings,
            and ``interval=k`` with gradients accumulated over k iterations.
        refine (str, optional): 'local', 'crf' or None, see
            :func:`mmseg_wsss.pseudo_labels.teacher_label`. The paper says
            "e.g. CRF". Defaults to 'local'.
        weighted (bool): Weight the losses by W. False is row 2 of the paper's
            Table 6. Defaults to True.
        restrict_to_labels (bool): Fill with the image's labels and the
            background only. Defaults to False, the paper's.

    Raises:
        ValueError: If an option is out of range.
        ImportError: If pydensecrf is missing for 'crf'.
    """

    def __init__(
        self,
        ema: dict | None = None,
        refine: str | None = 'local',
        weighted: bool = True,
        restrict_to_labels: bool = False,
    ):
        super().__init__()
        # Check the settings on one pixel.
        one = torch.ones(1, 2, 1, 1)
        teacher_label(one, torch.zeros(1, 3, 1, 1), refine)
        self.ema = ema or dict(
            type='ExponentialMovingAverage',
            momentum=0.001,
            update_buffers=True,
        )
        self.refine = refine
        self.weighted = weighted
        self.restrict_to_labels = restrict_to_labels
        self.teacher: Teacher | None = None
        self._restored = False

    def before_run(self, runner) -> None:
        """Copy the segmentor, before other hooks register on it."""
        # A test calls this too, and has built no training loop.
        if self.teacher is None and isinstance(runner._train_loop, BaseLoop):
            self.teacher = Teacher(self.ema, unwrap(runner.model))
            self._restored = False

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Resume the teacher."""
        if self.teacher is None or not runner._resume:
            return
        if STATE in checkpoint:
            self.teacher.load_state_dict(checkpoint[STATE])
            self._restored = True
        else:
            print_log(
                f'the checkpoint holds no {STATE}: the teacher of '
                "ComplementHook starts from the student's weights, which "
                'are less steady than an average',
                logger='current',
                level=logging.WARNING,
            )

    def before_train(self, runner) -> None:
        """Copy the student's weights to the teacher; register on it."""
        segmentor = unwrap(runner.model)
        _check_masks(runner.train_dataloader.dataset)
        if self.weighted:
            _check_samplers(segmentor)
        if not self._restored:
            self.teacher.copy_from(segmentor)
        super().before_train(runner)

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        """Update the teacher."""
        self.teacher.update(unwrap(runner.model))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Save the teacher."""
        if self.teacher is not None:
            checkpoint[STATE] = self.teacher.state_dict()

    def relabel(
        self, segmentor: nn.Module, inputs: Tensor, samples: list
    ) -> list:
        """Fill the biased pixels of a batch."""
        label = _stack_labels(samples, inputs)
        index = (label == BIASED_LABEL).flatten(1).any(1).nonzero().flatten()
        if len(index):
            # In eval mode the images of a batch do not affect each other.
            filled, weights = self._fill(
                label[index],
                inputs[index],
                [samples[i] for i in index.tolist()],
                segmentor.data_preprocessor,
            )
            for position, i in enumerate(index.tolist()):
                weight = None if weights is None else weights[position]
                samples[i] = relabelled(samples[i], filled[position], weight)
        return samples

    def _fill(self, label, inputs, samples, preprocessor):
        """Return labels (M, H, W) without 254, and W or None."""
        image_labels = None
        if self.weighted or self.restrict_to_labels:
            image_labels = stack_image_labels(samples)
        probabilities = self.teacher.probabilities(inputs)
        with torch.autocast(inputs.device.type, enabled=False):
            filled, weights = complement_batch(
                label,
                probabilities,
                rgb_images(inputs, preprocessor),
                image_labels,
                self.refine,
                restrict_to_labels=self.restrict_to_labels,
                background_index=common_background_index(samples),
            )
        return filled, weights if self.weighted else None


def _stack_labels(samples: Sequence, inputs: Tensor) -> Tensor:
    """Stack label maps (N, H, W) of the inputs' size, in a new tensor."""
    size = inputs.shape[2:]
    for sample in samples:
        found = 'gt_sem_seg' in sample and sample.gt_sem_seg.data.shape[-2:]
        if found != size:
            raise ValueError(
                f'ComplementHook needs label maps of the size {tuple(size)} '
                'of the batch, the sample of '
                f'{sample.get("img_path", "an image")} has '
                f'{tuple(found) if found else "none"}: put dict(type='
                "'LoadAnnotations') into the training pipeline, before the "
                'steps that change the size of the image'
            )
    return torch.stack([s.gt_sem_seg.data for s in samples]).squeeze(1)


def _check_masks(dataset) -> None:
    """Check that no data set reads 254 as 253."""
    for leaf in leaf_datasets(dataset):
        if getattr(leaf, 'reduce_zero_label', False):
            raise ValueError(
                'ComplementHook finds biased pixels by their label 254, which '
                'a data set with reduce_zero_label=True reads as 253: use one '
                'that keeps class 0'
            )


def _check_samplers(segmentor: nn.Module) -> None:
    """Check that heads have the sampler that passes W to their losses."""
    heads = {
        name: isinstance(head.sampler, PixelWeightSampler)
        for name, head in segmentor.named_modules()
        if hasattr(head, 'sampler')
        and hasattr(head, 'loss_decode')
        and not isinstance(head, CAMHead)  # it learns image labels
    }
    if not any(heads.values()):
        raise ValueError(
            'ComplementHook(weighted=True) has pixel weights for the losses, '
            'but no head reads them: add '
            "sampler=dict(type='mmseg_wsss.PixelWeightSampler') to "
            f'{", ".join(heads) or "the head"}, or set weighted=False'
        )
    without = [name for name, has in heads.items() if not has]
    if without:
        print_log(
            f'{", ".join(without)} of the segmentor has no '
            'PixelWeightSampler: biased pixels count there in full',
            logger='current',
            level=logging.WARNING,
        )
