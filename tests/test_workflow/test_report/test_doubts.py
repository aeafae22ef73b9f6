"""The report's section of labels that look wrong."""

import html
import re
import shlex
import shutil
from dataclasses import replace

import pytest

from mmseg_wsss.datasets.label_files.label_changes import (
    LabelChange,
    write_label_changes,
)
from mmseg_wsss.datasets.label_files.load import load_image_labels
from mmseg_wsss.workflow.report import doubts, write_report
from tests import tiny
from tests.processes import run_python
from tests.test_tools.test_train_and_dump import ENV
from tests.test_workflow.test_report import made_up
from tests.test_workflow.test_report.test_report import read

ROWS = [
    LabelChange('img_1', 'blue', False, 0.87),
    LabelChange('img_4', 'green', True, 0.031),
    LabelChange('img_1', 'green', True, 0.2),
]


@pytest.fixture
def work(tmp_path):
    """A pipeline with a stage that lists doubts."""
    work = made_up.pipeline(tmp_path)
    cfg = tiny.config(tmp_path / 'tiny', tiny.cam_head(), tmp_path / 'x')
    stage = made_up.stage(work, 'doubts', 'find_label_errors.py', cfg)
    made_up.summary(work, [stage])
    return work


def test_photos_with_their_doubts(work):
    write_label_changes(work / 'doubts' / 'doubts.csv', ROWS)
    page = read(work)
    words = page.text
    assert 'Labels that look wrong 3 labels of 6 images' in words
    assert 'these are of' not in words
    assert (
        'blue found, but not given (87 %) green given, but not found (20 %) '
        'img_1: red, green'
    ) in words
    assert 'green given, but not found (3 %) img_4: green' in words
    assert 'edit doubts/doubts.csv' in words
    assert [i['alt'] for i in page.images[-2:]] == ['img_1', 'img_4']
    assert words.index('img_1:') < words.index('img_4:')


def test_the_command_corrects_the_labels(work):
    rows = [replace(ROWS[0], action='add')]
    write_label_changes(work / 'doubts' / 'doubts.csv', rows)
    text = write_report(work).read_text(encoding='utf-8')
    (command,) = re.findall('<pre[^>]*>(.*apply_label.*?)</pre>', text)
    python, *words = shlex.split(html.unescape(command))
    assert python == 'python'
    done = run_python(words, work, ENV)
    assert done.returncode == 0, done.stderr
    labels = load_image_labels(work.parent / 'tiny' / 'image_labels.json')
    assert labels.vector('img_1', tiny.CLASSES)[3] == 1


def test_the_first_of_many(work, monkeypatch):
    monkeypatch.setattr(doubts, 'SHOWN', 1)
    write_label_changes(work / 'doubts' / 'doubts.csv', ROWS)
    page = read(work)
    assert 'these are of 1 images' in page.text
    assert [image['alt'] for image in page.images] == ['img_1']


def test_none(work):
    write_label_changes(work / 'doubts' / 'doubts.csv', [])
    assert 'No label is contradicted' in read(work).text


def test_an_edited_table(work):
    file = work / 'doubts' / 'doubts.csv'
    file.write_text('photo,class,action\nimg_1,red,add\n')
    assert 'No label is contradicted' in read(work).text


def test_what_cannot_be_read(work):
    file = work / 'doubts' / 'doubts.csv'
    file.write_text('what\n')
    words = read(work).text
    assert 'doubts: its doubted labels are not shown' in words
    assert 'Labels that look wrong' not in words
    write_label_changes(file, ROWS)
    (work.parent / 'tiny' / 'images' / 'img_4.png').write_bytes(b'no photo')
    page = read(work)
    assert 'cannot be read green given, but not found' in page.text
    (work / 'doubts' / 'config.py').unlink()
    words = read(work).text
    assert 'labels are not shown, as it has no config.py' in words
    shutil.rmtree(work / 'doubts')
    assert 'look wrong' not in read(work).text
