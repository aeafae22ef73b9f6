"""The figures that tools leave as JSON."""

import json

import pytest

from mmseg_wsss.io.scalars import (
    read_figures,
    read_scalars,
    write_label_summary,
)

TRAIN = dict(lr=0.1, time=0.2, iter=20, memory=5, step=20, loss=1.5)
VALIDATION = dict(aAcc=70.08, mIoU=40.75, mAcc=float('nan'), time=0.1, step=1)


def write(folder, start, *lines, end=''):
    path = folder / start / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(json.dumps, lines)) + end)


def write_test(folder, start, **figures):
    path = folder / start / f'{start}.json'
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures))


def test_nothing_was_logged(tmp_path):
    assert read_scalars(tmp_path) == ([], [])
    assert read_figures(tmp_path) == {}
    assert read_figures(tmp_path / 'nowhere') == {}
    write(tmp_path, '1', TRAIN)
    assert read_figures(tmp_path) == {}


def test_a_resumed_training(tmp_path):
    later = dict(VALIDATION, step=2, mIoU=44.0)
    write(tmp_path, '1', TRAIN, VALIDATION, later, end='\n{"step": 3, "mI')
    again = dict(later, mIoU=45.123456)
    write(tmp_path, '2', dict(TRAIN, step=40), again)
    training, validation = read_scalars(tmp_path)
    assert [line['step'] for line in training] == [20, 40]
    assert [line['mIoU'] for line in validation] == [40.75, 45.123456]
    # Numbers that are no metrics, or no numbers, are left out.
    assert read_figures(tmp_path) == {'aAcc': 70.08, 'mIoU': 45.1235}


def test_a_start_without_validation_leaves_the_figures(tmp_path):
    write(tmp_path, '1', TRAIN, VALIDATION)
    write(tmp_path, '2', dict(TRAIN, step=40))
    assert read_figures(tmp_path) == {'aAcc': 70.08, 'mIoU': 40.75}


def test_a_test_and_labels(tmp_path):
    write_test(tmp_path, '1', mIoU=30.0, time=1.0)
    write_test(tmp_path, '2', mIoU=33.0, FP=5, table=[1, 2], note='x')
    (tmp_path / '2' / 'other.json').write_text('{"mIoU": 99}')
    assert read_figures(tmp_path) == {'mIoU': 33.0, 'FP': 5.0}
    # The labels are compared after the loop that wrote them.
    write_label_summary(tmp_path, dict(mIoU=48.41, FP=30.66, FN=20.92))
    assert list(read_figures(tmp_path)) == ['mIoU', 'FP', 'FN']


def test_compared_cams(tmp_path):
    write_label_summary(tmp_path, dict(mIoU=48.41))
    sweep = dict(best_threshold=0.3, mIoU=50.0, F=None, curve=[1], images=3)
    (tmp_path / 'cam_eval.json').write_text(json.dumps(sweep))
    assert read_figures(tmp_path) == {'mIoU': 50.0, 'best_threshold': 0.3}


@pytest.mark.parametrize('content', ['', '{"mIoU"', '[1]', '{"time": 1}'])
def test_damaged_or_empty_files_are_left_out(tmp_path, content):
    write(tmp_path, '1', VALIDATION)
    (tmp_path / 'label_summary.json').write_text(content)
    assert read_figures(tmp_path)['mIoU'] == 40.75
