"""What the tools' command lines share."""

import argparse

import pytest
from mmengine.config import Config

from mmseg_wsss.jobs.command_line import (
    add_folder_arguments,
    add_workers_argument,
    named_folders,
    named_values,
    number_of_workers,
)


def test_folder_arguments():
    parser = argparse.ArgumentParser()
    add_folder_arguments(parser, 'labels', 'start anew')
    help_text = ' '.join(parser.format_help().split())
    assert 'where to write (default: WORK_DIR/labels)' in help_text
    assert '--overwrite start anew' in help_text
    args = parser.parse_args([])
    assert args.out_dir is None and args.overwrite is False
    args = parser.parse_args(['--out-dir', 'x', '--overwrite'])
    assert args.out_dir == 'x' and args.overwrite is True


def test_workers_are_those_asked_for_or_the_config_s():
    parser = argparse.ArgumentParser()
    add_workers_argument(parser)
    cfg = Config(dict(test_dataloader=dict(num_workers=3)))
    assert number_of_workers(parser.parse_args([]), cfg) == 3
    args = parser.parse_args(['--num-workers', '0'])
    assert number_of_workers(args, cfg) == 0
    cfg = Config(dict(test_dataloader=dict()))
    assert number_of_workers(parser.parse_args([]), cfg) == 0


def test_named_values_keep_their_order():
    pairs = named_values('--x', ['b=1', 'a=2=3'])
    assert list(pairs.items()) == [('b', '1'), ('a', '2=3')]
    for item in ('gap=', '=x', 'gap'):
        with pytest.raises(SystemExit, match='--x takes NAME=VALUE'):
            named_values('--x', [item])
    with pytest.raises(SystemExit, match='twice'):
        named_values('--x', ['a=1', 'a=2'])


def test_named_folders_exist(tmp_path):
    assert named_folders('--x', [f'a={tmp_path}']) == {'a': tmp_path}
    with pytest.raises(SystemExit, match='--x a: there is no folder'):
        named_folders('--x', [f'a={tmp_path}/none'])
