"""Functions that the tools on a config's images share."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger, print_log

from ..compat import find_steps, walk_dicts
from ..io.atomic import read_json, write_json
from ..io.provenance import SOURCE, file_identity, settings_hash
from ..utils import local_device
from .command_line import exit_on_error, read_config
from .launch import start_gloo

# One rank may have to wait for another's last images.
TIMEOUT = timedelta(days=7).total_seconds()
SHOWN = 10
REPAIR = 'Fix them, or remove them from the list of images'
# Options of transforms that name the output of other tools.
FILES = ('checkpoint', 'centroids')
FOLDERS = {
    'cam_dir': 'set of CAMs',
    'label_dir': 'set of labels',
    'feature_dir': 'set of features',
}


@exit_on_error()
def start_tool(args: argparse.Namespace) -> Config:
    """Start the ranks of a tool that needs no Runner, and its log.

    Args:
        args: Parsed arguments of ``config_parser``.

    Returns:
        Config: The config that the command line names.

    Raises:
        SystemExit: If the launcher's environment variables are not set, or
            the config cannot be read.
    """
    if args.launcher != 'none':
        start_gloo(args.launcher, TIMEOUT)
    cfg = read_config(args)
    MMLogger.get_instance('mmseg_wsss', log_level=cfg.get('log_level', 'INFO'))
    return cfg


def read_pipeline(cfg: Config, name: str) -> list[dict]:
    """Return a list of transforms of a config, checked to load no masks.

    Args:
        cfg: The config.
        name: Key of the list.

    Returns:
        list[dict]: The transforms' settings.

    Raises:
        ValueError: If there is none, or one loads masks.
    """
    pipeline = cfg.get(name)
    if not isinstance(pipeline, list) or not pipeline:
        lists = [key for key in cfg if key.endswith('_pipeline')]
        raise ValueError(
            f'{cfg.filename} has no list of transforms named {name}: add one, '
            f'or choose with --pipeline among {lists}'
        )
    if find_steps(pipeline, 'LoadAnnotations'):
        raise ValueError(
            f'{name} loads masks (LoadAnnotations): refiners work without; '
            'remove it'
        )
    return pipeline


def describe(pipeline: list[dict], classes: list[str]) -> dict:
    """Return what a pipeline's output is made from, for source.json.

    Args:
        pipeline: The transforms' settings.
        classes: Names of the classes in use.

    Returns:
        dict: Hash of the settings, identities of checkpoints and centroids,
        and the origin of folders of CAMs, labels and features. Image labels
        count by that of the CAMs; a change of their file alone does not.

    Raises:
        ValueError: If a file is missing.
    """
    # The device makes no difference.
    steps = [{k: v for k, v in s.items() if k != 'device'} for s in pipeline]
    source = {'pipeline': settings_hash(steps=steps, classes=classes)}
    for position, step in enumerate(pipeline):
        for key in FILES:
            if step.get(key):
                identity = file_identity(step[key])
                source[f'{key} (step {position})'] = identity
        for key, what in FOLDERS.items():
            made = Path(step.get(key, '')).parent / SOURCE
            if step.get(key) and made.is_file():
                name = f'{what} (step {position})'
                source[name] = read_json(made)
                source[name].pop('tool', None)
    return source


def describe_checkpoints(settings: dict) -> dict:
    """Return the identities of the checkpoint files in a config's part."""
    files = (str(n.get('checkpoint') or '') for n in walk_dicts(settings))
    return {
        f'checkpoint {file}': file_identity(file)
        for file in files
        if Path(file).is_file()
    }


def report_failures(out_dir: Path, failures: dict[str, str]) -> None:
    """Write ``failures.json`` and log the first failures, on rank 0.

    Args:
        out_dir: Where it is written.
        failures: Errors by image name; may be empty.
    """
    if not is_main_process():
        return
    write_json(out_dir / 'failures.json', failures)
    if not failures:
        return
    more = len(failures) - SHOWN
    log_failures(
        failures,
        (f'{more} more of them, ' if more > 0 else '')
        + f'see {out_dir / "failures.json"}. Fix them and run the same '
        'command again: it does only what is missing',
    )


def log_failures(failures: dict[str, str], ending: str) -> None:
    """Log the first failures by image name, their number, and an ending."""
    for stem, error in list(failures.items())[:SHOWN]:
        print_log(f'  {stem}: {error}', logger='current')
    text = f'{len(failures)} images failed, {ending}'
    print_log(text, logger='current')


def choose_device(name: str | None) -> str:
    """Return the device that a tool's network runs on.

    Args:
        name: A device, or None for this rank's GPU, or the CPU where there
            is none.

    Returns:
        str: The device.

    Raises:
        ValueError: If there is no such device.
    """
    if name is None and torch.cuda.is_available():
        name = local_device()
    try:
        torch.empty(1, device=name or 'cpu')
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f'--device {name}: {error}') from error
    return name or 'cpu'
