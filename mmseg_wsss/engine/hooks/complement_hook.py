"""The hook that completes debiased labels while a segmentor trains (MARS)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop
from mmengine.structures import PixelData
from mmseg.registry import HOOKS
from torch import Tensor, nn

from ...datasets.training_labels import leaf_datasets
from ...models.pixel_weight_sampler import PixelWeightSampler
from ...pseudo_labels.mars_complement import (
    certain_mask,
    complement_label,
    teacher_label,
)
from ...structures import rgb_images, set_pixel_weights, stack_image_labels
from ...structures.labels import BIASED_LABEL, IGNORE_LABEL
from ..teacher import Teacher
from .weak_supervision_hook import unwrap

STATE = 'complement_teacher'


@HOOKS.register_module()
class ComplementHook(Hook):
    """Let a teacher fill the biased pixels of each training batch.

    MARS (ICCV 2023), Sec. 3.4; equations and open points are in
    :mod:`mmseg_wsss.pseudo_labels.mars_complement`. It works with any
    segmentor and any loss of single pixels::

        model = dict(decode_head=dict(
            sampler=dict(type='mmseg_wsss.PixelWeightSampler'),
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)))
        custom_hooks = [
            dict(type='mmseg_wsss.WeakSupervisionHook'),
            dict(type='mmseg_wsss.ComplementHook')]

    Before the segmentor's forward the teacher predicts the same augmented
    batch, in eval mode. Its best classes take the place of the label 254,
    and W of Eq. 6 becomes the sample's pixel weights. All heads then learn
    from the completed labels; those with the sampler are weighted. Samples
    are copied before they change.

    Cost: the teacher's memory, one copy of the weights, and of each image
    with a biased pixel one forward without gradient and the refinement; the
    other images of a batch cost nothing (``benchmarks/complement_step.py``).
    Images are refined one after another, the DenseCRF on one core of the CPU;
    the local refiner stores 192 bytes per pixel of the current one.

    The teacher is saved in checkpoints, under 'complement_teacher', and
    resumed. The student is what is validated and kept as the model; EMAHook
    may average it once more. On several ranks the teachers are the same.

    Args:
        ema (dict): Averaged model of MMEngine that makes the teacher. The
            default is DHR's, by the paper's first author: a decay of 0.999
            and averaged buffers, thus batch norms' statistics. Its memory is
            1000 steps: for short trainings take a larger momentum, or
            ``dict(type='MomentumAnnealingEMA', ...)``, whose memory grows.
            Where gradients are accumulated over k iterations add
            ``interval=k``.
        refine (str, optional): 'local', 'crf' or None, see
            :func:`mmseg_wsss.pseudo_labels.teacher_label`. The paper says
            "e.g. CRF". Defaults to 'local'.
        refine_params (dict | str, optional): Settings of the refiner.
        weighted (bool): Give W to the losses. False is row 2 of the paper's
            Table 6. Defaults to True.
        restrict_to_labels (bool): Let the teacher choose among the image's
            labels and the background only. Defaults to False, the paper's.
        begin (int): First iteration that completes labels; before it biased
            pixels are ignored. W starts near 1 / C by itself, so that only
            ``weighted=False`` needs it. Defaults to 0.
        background_index (int, optional): The background's class index, None
            if there is none. Defaults to 0.

    Raises:
        ValueError: If an option is out of range.
        ImportError: If pydensecrf is missing for 'crf'.
    """

    priority = 'VERY_HIGH'

    def __init__(
        self,
        ema: dict | None = None,
        refine: str | None = 'local',
        refine_params: Mapping | str | None = None,
        weighted: bool = True,
        restrict_to_labels: bool = False,
        begin: int = 0,
        background_index: int | None = 0,
    ):
        if begin < 0:
            raise ValueError(f'begin must be at least 0, got {begin}')
        # Wrong settings show on one pixel, before hours pass.
        one = torch.ones(1, 2, 1, 1)
        teacher_label(one, torch.zeros(1, 3, 1, 1), refine, refine_params)
        self.ema = ema or dict(
            type='ExponentialMovingAverage',
            momentum=0.001,
            update_buffers=True,
        )
        self.refine = refine
        self.refine_params = refine_params
        self.weighted = weighted
        self.restrict_to_labels = restrict_to_labels
        self.begin = begin
        self.background_index = background_index
        self.teacher: Teacher | None = None
        self._restored = False
        self._iteration = 0
        self._handle = None

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
        """Give the teacher the student's first weights; register on it."""
        segmentor = unwrap(runner.model)
        _check_masks(runner.train_dataloader.dataset)
        if self.weighted:
            _check_samplers(segmentor)
        if not self._restored:
            self.teacher.restart(segmentor)
        self._detach()
        # In front of WeakSupervisionHook's, which passes the samples on.
        self._handle = segmentor.register_forward_pre_hook(
            self._complement, with_kwargs=True, prepend=True
        )

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Note the iteration."""
        self._iteration = runner.iter

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        """Average the student in."""
        self.teacher.follow(unwrap(runner.model))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Save the teacher."""
        if self.teacher is not None:
            checkpoint[STATE] = self.teacher.state_dict()

    def after_run(self, runner) -> None:
        """Leave the model as it was."""
        self._detach()

    def _detach(self) -> None:
        if self._handle is not None:
            self._handle.remove()
        self._handle = None

    def _complement(self, segmentor, args, kwargs):
        names = ('inputs', 'data_samples', 'mode')
        call = {**dict(zip(names, args, strict=False)), **kwargs}
        if not segmentor.training or call.get('mode') != 'loss':
            return None
        call['data_samples'] = self._completed(
            call['inputs'], call['data_samples'], segmentor.data_preprocessor
        )
        return (), call

    def _completed(
        self, inputs: Tensor, samples: Sequence, preprocessor: nn.Module
    ) -> list:
        """Return the samples, those with biased pixels replaced."""
        samples = list(samples)
        label = _stack_labels(samples, inputs)
        biased = label == BIASED_LABEL
        index = biased.flatten(1).any(1).nonzero().flatten()
        if not len(index):
            return samples
        label, biased = label[index], biased[index]
        weights = [None] * len(index)
        if self._iteration < self.begin:
            label = label.masked_fill(biased, IGNORE_LABEL)
        else:
            chosen = [samples[i] for i in index.tolist()]
            # In eval mode a picture does not see the others of its batch.
            label, weights = self._ask_teacher(
                inputs[index], chosen, label, biased, preprocessor
            )
        for i, filled, weight in zip(
            index.tolist(), label, weights, strict=True
        ):
            samples[i] = samples[i].new()
            samples[i].gt_sem_seg = PixelData(data=filled[None])
            if weight is not None:
                set_pixel_weights(samples[i], weight)
        return samples

    def _ask_teacher(self, inputs, samples, label, biased, preprocessor):
        """Complement labels (M, H, W); the weights are M maps or None."""
        probabilities = self.teacher.probabilities(inputs)
        image_labels = candidates = None
        if self.weighted or self.restrict_to_labels:
            image_labels = stack_image_labels(samples)
        with torch.autocast(inputs.device.type, enabled=False):
            if self.restrict_to_labels:
                candidates = image_labels > 0
                if self.background_index is not None:
                    candidates[:, self.background_index] = True
            best = teacher_label(
                probabilities,
                rgb_images(inputs, preprocessor),
                self.refine,
                self.refine_params,
                candidates,
            )
            weights = [None] * len(samples)
            if self.weighted:
                weights = certain_mask(
                    probabilities, image_labels, biased, self.background_index
                )
        return complement_label(label, best), weights


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
    """Refuse data sets that read 254 as 253."""
    for leaf in leaf_datasets(dataset):
        if getattr(leaf, 'reduce_zero_label', False):
            raise ValueError(
                'ComplementHook finds biased pixels by their label 254, which '
                'a data set with reduce_zero_label=True reads as 253: use one '
                'that keeps class 0'
            )


def _check_samplers(segmentor: nn.Module) -> None:
    """Find the heads that would not learn with W."""
    heads = {
        name: isinstance(head.sampler, PixelWeightSampler)
        for name, head in segmentor.named_modules()
        if hasattr(head, 'sampler') and hasattr(head, 'loss_decode')
    }
    if not any(heads.values()):
        raise ValueError(
            'ComplementHook(weighted=True) has pixel weights for the losses, '
            'but no head takes them: add '
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
