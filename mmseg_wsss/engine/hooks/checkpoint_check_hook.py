"""A hook that compares a checkpoint with the model and the data."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmengine.runner.checkpoint import CheckpointLoader
from mmseg.registry import HOOKS
from torch import Tensor, nn

from ...compat import is_type, unwrap
from ...io.checkpoints import (
    check_classes,
    check_weights,
    compare_weights,
    compared_tensors,
    cut_prefix,
    example,
)


@HOOKS.register_module()
class CheckpointCheckHook(Hook):
    """Check that a checkpoint belongs to the model and the data set.

    ``tools/test.py`` and ``tools/make_cams.py`` add it with ``strict=True``:
    MMEngine loads what fits and logs the rest, so a network with random parts
    would write files. ``tools/train.py`` adds it with ``strict=False``: what
    was loaded is logged in one line, also of each part with an ``init_cfg``
    of pretrained weights, and a resumed schedule is compared.

    Args:
        strict (bool): Raise if a weight that prediction uses is missing, has
            another shape or is not finite, or if the classes differ.
            Defaults to True.
    """

    priority = 'VERY_LOW'  # after hooks that change the checkpoint

    def __init__(self, strict: bool = True):
        self.strict = strict

    def before_train(self, runner) -> None:
        """Compare what parts of the model were initialised from with them.

        Raises:
            ValueError: If less than a quarter of such a part is in its file.
        """
        # Other weights have taken their place.
        replaced = ('_resume', '_load_from')
        if self.strict or any(getattr(runner, k, None) for k in replaced):
            return
        for name, module in unwrap(runner.model).named_modules():
            init_cfg = getattr(module, 'init_cfg', None)
            init_weights = getattr(type(module), 'init_weights', None)
            if (
                init_weights is BaseModule.init_weights  # no names translated
                and isinstance(init_cfg, Mapping)
                and is_type(init_cfg, 'Pretrained')
            ):
                check_pretrained(name, module, init_cfg)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Compare, before the weights are loaded.

        Raises:
            ValueError: If the checkpoint does not fit.
        """
        weights = checkpoint.get('state_dict', checkpoint)
        model = unwrap(runner.model)
        if not self.strict:
            log_fit('checkpoint', model, weights)
            if getattr(runner, '_resume', False):
                check_schedule(runner, checkpoint)
            return
        check_weights(model, weights, 'the checkpoint')
        dataset = runner.test_dataloader.dataset
        metainfo = getattr(dataset, 'metainfo', {})
        check_classes(checkpoint, metainfo, 'the checkpoint')


def log_fit(
    where: str, model: nn.Module, weights: Mapping[str, Tensor]
) -> int:
    """Log in one line how many tensors of a model are in a state dict.

    Returns:
        int: Their number.
    """
    missing, other, _ = compare_weights(model, weights)
    count = len(compared_tensors(model))
    fit = count - len(missing) - len(other)
    print_log(
        f'{where}: {fit} of {count} tensors of the model fit, {len(missing)} '
        f'are missing{example(missing)}, {len(other)} have another shape'
        f'{example(other)}',
        logger='current',
    )
    return fit


def check_pretrained(name: str, module: nn.Module, init_cfg: Mapping) -> None:
    """Compare a module with the checkpoint of its ``init_cfg``.

    Args:
        name: The module's name in the model.
        module: The module.
        init_cfg: Its ``dict(type='Pretrained', ...)``.

    Raises:
        ValueError: If less than a quarter of the module's tensors is in the
            checkpoint.
    """
    file, prefix = init_cfg['checkpoint'], init_cfg.get('prefix') or ''
    stored = CheckpointLoader.load_checkpoint(file, map_location='cpu')
    weights = stored.get('state_dict', stored)
    start = prefix and f'{prefix.rstrip(".")}.'
    count = len(compared_tensors(module))
    inside = cut_prefix(weights, start)
    fit = log_fit(f'{name}, from {file}', module, inside)
    if fit * 4 < count:
        raise ValueError(
            f'{fit} of {count} tensors of {name} are in {file}, whose tensors '
            f'are called {", ".join(list(weights)[:3])}, ...: the others '
            'start from nothing. Take the file of this network; if its names '
            "have a part in front, set it as prefix='backbone.' in init_cfg; "
            'or set init_cfg=None'
        )


def check_schedule(runner, checkpoint: dict) -> None:
    """Check that a resumed schedule ends where the training ends.

    MMEngine resumes the stored schedule: with more epochs in the config the
    learning rate would be that of its end, often 0.

    Raises:
        ValueError: If the ends differ, or if the run is made longer than its
            schedule.
    """
    schedulers = runner.param_schedulers
    stored = checkpoint.get('param_schedulers')
    if not isinstance(schedulers, list) or not isinstance(stored, list):
        return
    what = (
        'the learning rate would stay at its end. Resume with the old '
        'max_epochs or max_iters or, if only the batch size or the number of '
        'ranks differs, with the old ones; or start a new schedule from the '
        'weights: no --resume, and --cfg-options load_from=CHECKPOINT'
    )
    for new, old in zip(schedulers, stored, strict=False):
        end = getattr(new, 'end', None)
        if end is not None and old.get('end', end) != end:
            raise ValueError(
                f'the schedule of the run to resume ends at {old["end"]}, '
                f"this config's at {end} (epochs or iterations): {what}"
            )
    hub = checkpoint.get('message_hub') or {}
    info = hub.get('runtime_info') or {}
    old = info.get('max_epochs'), info.get('max_iters')
    if None in old:
        return
    now = runner.max_epochs, runner.max_iters
    # A warm-up alone never lasted as long as the run.
    if lasts(schedulers, *old) and not lasts(schedulers, *now):
        raise ValueError(
            f'the run to resume was made for {old[1]} iterations, this config '
            f'trains {now[1]}, and its schedule is over before: {what}'
        )


def lasts(schedulers: list, epochs: int, iterations: int) -> bool:
    """Return whether a schedule lasts as long as a run."""
    return any(
        s.end >= (epochs if s.by_epoch else iterations) for s in schedulers
    )
