"""What the tools' command lines share."""

import argparse

import pytest
from mmengine.config import Config

from mmseg_wsss.jobs.command_line import (
    add_folder_arguments,
    add_workers_argument,
    config_parser,
    named_folders,
    named_values,
    number_of_workers,
    read_config,
)


def test_folder_arguments():
    parser = argparse.ArgumentParser()
    add_folder_arguments(parser, 'labels', 'start over')
    help_text = ' '.join(parser.format_help().split())
    assert 'where to write (default: WORK_DIR/labels)' in help_text
    assert '--overwrite start over' in help_text
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


CONFIG = """
epochs = 3
batch_size = 2
train_pipeline = [dict(type='Resize')]
refine_pipeline = [dict(type='X', alpha=2)]
train_cfg = dict(max_epochs=epochs)
train_dataloader = dict(batch_size=batch_size, dataset=train_pipeline)
"""


def read_with(tmp_path, *options, **more):
    (tmp_path / 'c.py').write_text(CONFIG)
    parser = config_parser('')
    words = [str(tmp_path / 'c.py'), '--cfg-options', *options]
    return read_config(parser.parse_args(words), **more)


def test_ranks_wait_as_long_as_a_tool_says(tmp_path):
    cfg = read_with(tmp_path, 'load_from=x', timeout=9)
    assert cfg.env_cfg.dist_cfg.timeout == 9
    own = 'env_cfg.dist_cfg.timeout=7'
    assert read_with(tmp_path, own, timeout=9).env_cfg.dist_cfg.timeout == 7
    assert 'env_cfg' not in read_with(tmp_path, 'load_from=x')


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('epochs=5', 'used its value already.*mean train_cfg.max_epochs'),
        ('batch_size=5', 'mean train_dataloader.batch_size'),
        (
            'train_pipeline.0.scale=3',
            'nothing reads the option train_pipeline',
        ),
        ('train_dataloder.batch_size=1', 'mean train_dataloader.batch_size'),
        ('data_root=x', 'no such part'),
        ('quux.a=1', 'nothing reads the option quux.a'),
    ],
)
def test_options_that_nothing_reads(tmp_path, option, said):
    with pytest.raises(SystemExit, match=f'^error: --cfg-options: .*{said}'):
        read_with(tmp_path, option)


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('refine_pipeline.7.alpha=1', 'Index 7 exceeds'),
        ('refine_pipeline.x.alpha=1', 'option refine_pipeline.x.alpha has no'),
        ('refine_pipeline.x=1', 'option refine_pipeline.x has no'),
        ('train_cfg.max_epochs.x=1', 'train_cfg.max_epochs.x has no place'),
    ],
)
def test_options_that_do_not_fit(tmp_path, option, said):
    with pytest.raises(SystemExit, match=f'^error: --cfg-options: .*{said}'):
        read_with(tmp_path, 'train_cfg.max_epochs=2', option)


def test_options_that_are_read(tmp_path):
    cfg = read_with(
        tmp_path,
        *('train_cfg.max_epochs=5', 'refine_pipeline.0.alpha=3'),
        *('randomness.seed=1', 'load_from=x.pth', 'visualizer.name=x'),
    )
    assert cfg.train_cfg.max_epochs == 5 and cfg.randomness.seed == 1
    assert cfg.refine_pipeline[0].alpha == 3
