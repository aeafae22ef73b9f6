"""A hook that compares a checkpoint with the model and the data."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmseg.registry import HOOKS
from torch import Tensor, nn

from ...compat import unwrap

# What prediction does not use, or what counts and normalises.
NOT_COMPARED = ('auxiliary_head.', 'data_preprocessor.')


def compare_weights(
    model: nn.Module, weights: Mapping[str, Tensor]
) -> tuple[list[str], list[str], list[str]]:
    """Compare a model's parameters and buffers with stored ones.

    Args:
        model: The model, out of any wrapper.
        weights: A state dict; a prefix ``module.`` is ignored.

    Returns:
        tuple: Names that the state dict lacks, names of another shape, and
        names that are not finite. Auxiliary heads are not compared.
    """
    stored = {name.removeprefix('module.'): x for name, x in weights.items()}
    missing, other, broken = [], [], []
    for name, value in model.state_dict().items():
        if name.startswith(NOT_COMPARED) or name.endswith('_tracked'):
            continue
        if name not in stored:
            missing.append(name)
        elif stored[name].shape != value.shape:
            other.append(name)
        elif not torch.isfinite(stored[name]).all():
            broken.append(name)
    return missing, other, broken


@HOOKS.register_module()
class CheckpointCheckHook(Hook):
    """Check that a checkpoint belongs to the model and the data set.

    ``tools/test.py`` and ``tools/make_cams.py`` add it with ``strict=True``:
    MMEngine loads what fits and logs the rest, so a network with random parts
    would write files. ``tools/train.py`` adds it with ``strict=False``: what
    was loaded is logged in one line, and a resumed schedule is compared.

    Args:
        strict (bool): Raise if a weight that prediction uses is missing, has
            another shape or is not finite, or if the classes differ.
            Defaults to True.
    """

    priority = 'VERY_LOW'  # after hooks that change the checkpoint

    def __init__(self, strict: bool = True):
        self.strict = strict

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Compare, before the weights are loaded.

        Raises:
            ValueError: If the checkpoint does not fit.
        """
        weights = checkpoint.get('state_dict', checkpoint)
        model = unwrap(runner.model)
        missing, other, broken = compare_weights(model, weights)
        if not self.strict:
            count = len(model.state_dict())
            print_log(
                f'checkpoint: {count - len(missing) - len(other)} of {count} '
                f'tensors of the model fit, {len(missing)} are missing'
                f'{_example(missing)}, {len(other)} have another shape'
                f'{_example(other)}',
                logger='current',
            )
            if getattr(runner, '_resume', False):
                check_schedule(runner, checkpoint)
            return
        for names, what in (
            (missing, 'are missing'),
            (other, 'have another shape'),
            (broken, 'hold NaN or infinite values'),
        ):
            if names:
                raise ValueError(
                    f'the checkpoint does not fit the model: {len(names)} '
                    f'tensors {what}{_example(names)}. Is it of this config, '
                    'and did its training succeed?'
                )
        meta = checkpoint.get('meta') or {}
        stored = (meta.get('dataset_meta') or {}).get('classes')
        check_classes(stored, runner.test_dataloader.dataset)


def _example(names: list[str]) -> str:
    return f' (e.g. {names[0]})' if names else ''


def check_classes(stored, dataset) -> None:
    """Check that a checkpoint's classes are those of a data set.

    Args:
        stored: Class names in the checkpoint's order, or None.
        dataset: The data set.

    Raises:
        ValueError: If the same classes stand in another order, or if their
            number differs.
    """
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    if not stored or not classes or tuple(stored) == tuple(classes):
        return
    if len(stored) != len(classes) or set(stored) == set(classes):
        raise ValueError(
            f'the checkpoint was trained with the classes {tuple(stored)}, '
            f'the data set has {tuple(classes)}: give it the same classes in '
            'the same order'
        )


def check_schedule(runner, checkpoint: dict) -> None:
    """Check that a resumed schedule ends where the config's ends.

    MMEngine resumes the stored schedule: with more epochs in the config the
    learning rate would be that of its end, often 0.

    Raises:
        ValueError: If the ends differ.
    """
    schedulers = runner.param_schedulers
    stored = checkpoint.get('param_schedulers')
    if not isinstance(schedulers, list) or not isinstance(stored, list):
        return
    for new, old in zip(schedulers, stored, strict=False):
        end = getattr(new, 'end', None)
        if end is not None and old.get('end', end) != end:
            raise ValueError(
                f'the schedule of the run to resume ends at {old["end"]}, '
                f"this config's at {end} (epochs or iterations): the learning "
                'rate would stay at its end. Resume with the old max_epochs, '
                'or start a new schedule from the weights: no --resume, and '
                '--cfg-options load_from=CHECKPOINT'
            )
