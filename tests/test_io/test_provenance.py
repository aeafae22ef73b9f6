"""Provenance of files and folders."""

import os
import shutil
from argparse import Namespace

import pytest
from mmengine.config import Config

from mmseg_wsss.io.provenance import (
    LABELS,
    changed_names,
    check_source,
    file_identity,
    identity,
    save_source,
)
from mmseg_wsss.jobs.tool_setup import describe
from tests.processes import load_tool


@pytest.mark.parametrize('compute', [file_identity, identity])
def test_copy_of_a_file_is_the_same_file(tmp_path, compute):
    """Another place and date make no other file, another byte does."""
    weights = tmp_path / 'weights.pth'
    weights.write_bytes(b'0' * 100)
    (tmp_path / 'scratch').mkdir()
    copy = shutil.copyfile(weights, tmp_path / 'scratch' / 'other_name.pth')
    os.utime(copy, (0, 0))
    assert compute(copy) == compute(weights)
    copy.write_bytes(b'0' * 99 + b'1')
    assert compute(copy) != compute(weights)


def test_large_file_is_read_in_blocks(tmp_path):
    """Blocks that differ anywhere change the identity."""
    large = tmp_path / 'weights.pth'
    large.write_bytes(bytes(3 * 2**20))
    before = file_identity(large)
    with open(large, 'r+b') as content:
        content.seek(2**21)
        content.write(b'1')
    after = file_identity(large)
    assert before['size'] == after['size']
    assert before['sha256'] != after['sha256']


def test_missing_file():
    """The error names the file."""
    with pytest.raises(ValueError, match=r'there is no file missing\.pth'):
        file_identity('missing.pth')


def test_files_of_another_tool(tmp_path):
    """They are not replaced; a record without a tool may be any tool's."""
    ours = {'tool': 'make_cams.py', 'pipeline': 'a'}
    other = {**ours, 'tool': 'make_pseudo_labels.py'}
    save_source(tmp_path, ours)
    check_source(tmp_path, ours)
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r'files of make_cams\.py'):
            check_source(tmp_path, other, overwrite)
    save_source(tmp_path, {'pipeline': 'a'})
    check_source(tmp_path, other)


def test_record_of_version_0_1(tmp_path):
    """Folders with a date in place of a hash are compared by size."""
    weights = tmp_path / 'weights.pth'
    weights.write_bytes(b'0' * 100)
    old = dict(path='/elsewhere/weights.pth', size=100, modified=1)
    save_source(tmp_path, {'checkpoint': old, 'pipeline': 'a'})
    same = {'checkpoint': file_identity(weights), 'pipeline': 'a'}
    check_source(tmp_path, same)
    weights.write_bytes(b'0' * 101)
    other = {'checkpoint': file_identity(weights), 'pipeline': 'a'}
    with pytest.raises(ValueError, match='another checkpoint: use another'):
        check_source(tmp_path, other)
    with pytest.raises(ValueError, match='another checkpoint'):
        check_source(tmp_path, {'pipeline': 'a'})


def test_changed_image_labels(tmp_path):
    """make_cams.py and the refining tools do not mix two label files."""
    labels = tmp_path / 'labels.json'
    labels.write_text('{"a": ["cat"]}')
    load = dict(type='mmseg_wsss.LoadImageLabels', ann_file=str(labels))
    cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=[load]))))
    cfg.model = dict(type='A')
    args = Namespace(checkpoint=None, tta=False)
    make_cams = load_tool('make_cams')

    old = make_cams.describe(cfg, args)
    refined = describe([load], ['cat'])
    labels.write_text('{"a": ["dog"]}')
    new = make_cams.describe(cfg, args)
    assert changed_names(old, new) == LABELS
    cams = [{'set of CAMs (step 0)': source} for source in (old, new)]
    assert changed_names(*cams) == 'set of CAMs (step 0)'
    # Refined labels follow their CAMs: one corrected label costs one image.
    assert describe([load], ['cat']) == refined
    # Versions before 0.2 did not record the labels.
    del old[LABELS]
    assert changed_names(old, new) == changed_names(*cams) == ''
    labels.unlink()
    assert LABELS not in make_cams.describe(cfg, args)
