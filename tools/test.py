"""Test a trained model with the evaluators of its config.

python tools/test.py CONFIG CHECKPOINT
"""

import argparse
from pathlib import Path

from mmseg_wsss.compat import find_steps
from mmseg_wsss.engine.hooks import CheckpointCheckHook
from mmseg_wsss.io.provenance import claim_folder
from mmseg_wsss.jobs.command_line import (
    config_parser,
    exit_on_error,
    keep_config_file,
    read_config,
    use_tta,
)
from mmseg_wsss.jobs.launch import exit_process
from mmseg_wsss.jobs.run_errors import exit_on_run_error

from mmengine.registry import RUNNERS
from mmengine.runner import Runner


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__.splitlines()[0])
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out', help='folder for the predicted label maps as PNG'
    )
    parser.add_argument(
        '--show', action='store_true', help='show the predictions'
    )
    parser.add_argument('--show-dir', help='folder for pictures')
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds per shown picture'
    )
    parser.add_argument(
        '--tta', action='store_true', help='test-time augmentation'
    )
    return parser.parse_args()


def paint(cfg, args: argparse.Namespace) -> None:
    """Enable the visualisation hook of the config."""
    hook = cfg.default_hooks.get('visualization')
    if hook is None:
        raise SystemExit(
            '--show and --show-dir need default_hooks.visualization='
            "dict(type='SegVisualizationHook') in the config"
        )
    hook['draw'] = True
    if args.show:
        hook['show'] = True
        hook['wait_time'] = args.wait_time
    if args.show_dir:
        cfg.visualizer['save_dir'] = args.show_dir


def write_predictions(cfg, folder: str) -> None:
    """Set the config's IoUMetric to write label maps into a folder.

    Those of an earlier test are replaced, other files never.
    """
    metrics = find_steps(cfg.test_evaluator, 'IoUMetric')
    if not metrics:
        raise SystemExit('--out needs an IoUMetric in test_evaluator')
    metrics[0]['output_dir'] = folder
    metrics[0]['keep_results'] = True
    with exit_on_error():
        claim_folder(Path(folder), 'test.py')


def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    cfg.load_from, cfg.resume = args.checkpoint, False
    if args.show or args.show_dir:
        paint(cfg, args)
    if args.tta:
        use_tta(cfg)
    if args.out:
        write_predictions(cfg, args.out)
    keep_config_file(cfg)
    if 'runner_type' in cfg:
        runner = RUNNERS.build(cfg)
    else:
        runner = Runner.from_cfg(cfg)
    runner.register_hook(CheckpointCheckHook())
    with exit_on_error():
        runner.call_hook('before_run')  # an EMAHook loads after it
        runner.load_or_resume()
    with exit_on_run_error(cfg.work_dir, 'The same command starts again'):
        runner.test()
    exit_process()


if __name__ == '__main__':
    main()
