"""Command-line arguments that the tools share, and the config they name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config, DictAction

from ..compat import load_config
from .config_options import check_options, merge_options, tool_keys
from .launch import check_local_device, prepare_launch
from .run_errors import describe_error, find_sentence


class OptionsAction(DictAction):
    """The action of ``--cfg-options``: what is no key=value is an error."""

    def __call__(self, parser, namespace, values, option_string=None):
        """Read the words, or exit with a usage error."""
        try:
            for word in values:
                if not word.partition('=')[0] or '=' not in word:
                    raise ValueError(f'got {word!r}')
            super().__call__(parser, namespace, values, option_string)
        except (ValueError, AssertionError) as error:
            parser.error(
                f'{option_string} takes key=value, without blanks around =, '
                f'in quotes where the shell would change it: {error}'
            )


def config_parser(doc: str) -> argparse.ArgumentParser:
    """Build a parser with MMSeg's arguments of every tool on a config."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        help='settings that override the config, key=value; nested keys with '
        "dots. data_root=DIR moves every path below the config's data_root",
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how ranks were started',
    )
    # torchrun passes the rank in one of two spellings.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser


def add_folder_arguments(
    parser: argparse.ArgumentParser,
    default: str,
    overwrite: str = 'replace existing files',
) -> None:
    """Add the arguments of a tool that fills a folder.

    Args:
        parser: The tool's parser.
        default: The folder's name below the work dir, for the help.
        overwrite: What ``--overwrite`` does, for the help.
    """
    parser.add_argument(
        '--out-dir', help=f'where to write (default: WORK_DIR/{default})'
    )
    parser.add_argument('--overwrite', action='store_true', help=overwrite)


def add_workers_argument(
    parser: argparse.ArgumentParser,
    what: str = 'worker processes of each rank',
) -> None:
    """Add ``--num-workers``, which :func:`number_of_workers` reads."""
    parser.add_argument(
        '--num-workers',
        type=int,
        help=f"{what} (default: those of the config's test_dataloader)",
    )


def number_of_workers(args: argparse.Namespace, cfg: Config) -> int:
    """Return the worker processes asked for, else those of the test images.

    Args:
        args: Parsed arguments of :func:`add_workers_argument`.
        cfg: The config.
    """
    if args.num_workers is not None:
        return args.num_workers
    return cfg.test_dataloader.get('num_workers', 0)


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Exit with a one-line message where the block finds wrong input.

    Raises:
        SystemExit: For a ValueError, OSError or ImportError, or a list of
            images that is missing; exit code 1.
    """
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        text = ' '.join(str(error).split())
        if isinstance(error, OSError):
            text = describe_error(error)
        raise SystemExit(f'error: {text}') from error
    except AssertionError as error:
        sentence = find_sentence(error)
        if sentence is None:
            raise
        raise SystemExit(f'error: {sentence}') from error


@exit_on_error()
def read_config(
    args: argparse.Namespace, timeout: float | None = None
) -> Config:
    """Read the config that a command line names.

    Args:
        args: Parsed arguments of :func:`config_parser`.
        timeout: Seconds that ranks wait for one another, where the config
            does not say; the backend's if None.

    Returns:
        Config: With overrides, launcher and ``work_dir`` set: the command
        line's, else the config's, else ``work_dirs/<config name>``.

    Raises:
        SystemExit: If the config cannot be read, the ranks that were asked
            for cannot be started, or nothing reads an option.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    check_local_device(args.launcher)
    cfg = load_config(args.config)
    options = dict(args.cfg_options or {})
    known = tool_keys(cfg, getattr(args, 'pipeline', None))
    if 'data_root' not in cfg:
        known.remove('data_root')
    try:
        check_options(cfg, options, known)
        if 'data_root' in options and cfg.get('data_root'):
            move_paths(cfg, cfg.data_root, options['data_root'])
        merge_options(cfg, options)
    except ValueError as error:
        raise ValueError(f'--cfg-options: {error}') from error
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    own = cfg.get('env_cfg', {}).get('dist_cfg', {})
    if timeout is not None and 'timeout' not in own:
        cfg.merge_from_dict({'env_cfg.dist_cfg.timeout': timeout})
    prepare_launch(cfg, args.launcher)
    return cfg


def keep_config_file(cfg: Config) -> None:
    """Set the name under which a Runner writes a config into its work dir.

    A config of that folder would be replaced by what the tool made of it:
    with ``--tta`` in it, resumed from a checkpoint, ... The next run would
    read that. So the Runner then writes ``last_run.py``.

    Args:
        cfg: The config, right before the Runner is built.
    """
    written = Path(cfg.work_dir) / Path(cfg.filename).name
    if written.resolve() == Path(cfg.filename).resolve():
        object.__setattr__(cfg, '_filename', 'last_run.py')


def named_values(option: str, items: Sequence[str]) -> dict[str, str]:
    """Split the NAME=VALUE items of an option.

    Args:
        option: The option's name, for the error.
        items: What the command line has.

    Returns:
        dict[str, str]: Values by name, in their order.

    Raises:
        SystemExit: If an item is something else, or a name occurs twice.
    """
    pairs = {}
    for item in items:
        name, _, value = item.partition('=')
        if not name or not value:
            raise SystemExit(f'{option} takes NAME=VALUE, got {item!r}')
        if name in pairs:
            raise SystemExit(f'{option} names {name!r} twice')
        pairs[name] = value
    return pairs


def named_folders(option: str, items: Sequence[str]) -> dict[str, Path]:
    """Split the NAME=DIR items of an option; the folders must exist.

    Args:
        option: The option's name, for the error.
        items: What the command line has.

    Returns:
        dict[str, Path]: Folders by name, in their order.

    Raises:
        SystemExit: If an item is something else, or there is no such folder.
    """
    folders = {
        name: Path(at) for name, at in named_values(option, items).items()
    }
    for name, folder in folders.items():
        if not folder.is_dir():
            raise SystemExit(f'{option} {name}: there is no folder {folder}')
    return folders


def use_tta(cfg: Config) -> None:
    """Set a config to test with its ``tta_pipeline`` and ``tta_model``.

    Args:
        cfg: The config; its test pipeline and its model change.

    Raises:
        SystemExit: If it lacks one of the two.
    """
    if not ('tta_model' in cfg and 'tta_pipeline' in cfg):
        raise SystemExit(
            '--tta needs tta_model and tta_pipeline in the config, see '
            'configs/cam for CAM networks and MMSeg for others'
        )
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model


def move_paths(node: object, old: str, new: str) -> object:
    """Replace a leading folder in every string of a config, in place.

    Args:
        node: A config, dict, list, tuple or leaf.
        old: The folder to replace, e.g. ``'data/VOCdevkit/VOC2012'``.
        new: The folder to replace it by.

    Returns:
        The node; a new one for strings and tuples.
    """
    if isinstance(node, str):
        old, new = old.rstrip('/'), new.rstrip('/')
        if node == old or node.startswith(old + '/'):
            return new + node[len(old) :]
        return node
    if isinstance(node, Config | dict):
        for key in list(node.keys()):
            node[key] = move_paths(node[key], old, new)
    elif isinstance(node, list):
        node[:] = [move_paths(item, old, new) for item in node]
    elif isinstance(node, tuple):
        return tuple(move_paths(item, old, new) for item in node)
    return node
