"""Train a segmentor or a CAM network from a config.

python tools/train.py configs/ocr_deeplab_voc.py
"""

import argparse

from mmseg_wsss.compat import is_type
from mmseg_wsss.datasets.batch_count import (
    check_batch_count,
    check_length,
    split_batch,
)
from mmseg_wsss.engine.hooks import (
    CheckpointCheckHook,
    ResumedValidationHook,
    StopOnNaNHook,
)
from mmseg_wsss.engine.hooks.stop_on_nan_hook import DivergedError
from mmseg_wsss.jobs.command_line import (
    config_parser,
    exit_on_error,
    keep_config_file,
    read_config,
)
from mmseg_wsss.jobs.launch import exit_process, start_ranks
from mmseg_wsss.jobs.run_errors import exit_on_run_error

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.registry import RUNNERS
from mmengine.runner import Runner, find_latest_checkpoint

HOW = 'With --resume the training continues from its last checkpoint'


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__.splitlines()[0])
    parser.add_argument(
        '--resume',
        action='store_true',
        help='resume from the newest checkpoint in the work dir',
    )
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision'
    )
    parser.add_argument(
        '--split-batch',
        action='store_true',
        help="the config's batch size is that of all GPUs together, not of "
        'each',
    )
    return parser.parse_args()


def resume(cfg: Config, options: dict) -> None:
    """Set a config to resume the newest checkpoint of its work dir.

    MMEngine alone takes the ``load_from`` of the config, which the training
    began with. That of the command line is resumed, as in MMSeg.
    """
    last = options.get('load_from') or find_latest_checkpoint(cfg.work_dir)
    if last is not None:
        cfg.resume, cfg.load_from = True, last


def check_precision(cfg: Config) -> None:
    """Check that the device can train in the precision of a config.

    Raises:
        ValueError: If it asks for AmpOptimWrapper, and there is no GPU.
    """
    wrapper = cfg.get('optim_wrapper') or {}
    if is_type(wrapper, 'AmpOptimWrapper') and get_device() == 'cpu':
        raise ValueError(
            'mixed precision (--amp, AmpOptimWrapper) needs a GPU, and none '
            "was found: leave --amp out, or set optim_wrapper.type='"
            "OptimWrapper'"
        )


def train(cfg: Config) -> None:
    """Train with the checks that every run gets."""
    if 'runner_type' in cfg:
        runner = RUNNERS.build(cfg)
    else:
        runner = Runner.from_cfg(cfg)
    if cfg.get('resume'):
        runner.register_hook(ResumedValidationHook())
    runner.register_hook(CheckpointCheckHook(strict=False))
    if not any(isinstance(hook, StopOnNaNHook) for hook in runner.hooks):
        runner.register_hook(StopOnNaNHook())
    if runner.train_loop is not None:
        # Before MMEngine builds schedules of 0 steps.
        check_batch_count(runner.train_loop.dataloader)
        check_length(runner.train_loop)
    try:
        runner.train()
    except DivergedError as error:
        raise SystemExit(f'error: {error}') from error


def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    if args.resume:
        resume(cfg, args.cfg_options or {})
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    with exit_on_error():
        check_precision(cfg)
    if args.split_batch:
        start_ranks(cfg)
        with exit_on_error():
            split_batch(cfg, get_world_size())
    keep_config_file(cfg)
    with exit_on_run_error(cfg.work_dir, HOW):
        train(cfg)
    exit_process()


if __name__ == '__main__':
    main()
