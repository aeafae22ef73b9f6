"""One sentence where a run ends before its time."""

import errno
import logging
from urllib.error import URLError

import pytest
import torch
from mmseg.datasets import BaseSegDataset
from torch.utils.data import DataLoader, Dataset

from mmseg_wsss.jobs.command_line import exit_on_error
from mmseg_wsss.jobs.run_errors import exit_on_run_error
from mmseg_wsss.models.losses.ocr_loss import ocr_loss
from mmseg_wsss.structures import current_image_labels


@pytest.fixture(autouse=True)
def raise_exceptions(monkeypatch):
    monkeypatch.setattr(logging, 'raiseExceptions', True)


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_ctrl_c():
    with pytest.raises(SystemExit) as end, exit_on_run_error('x', 'How'):
        interrupt()
    assert end.value.code == 130
    with pytest.raises(SystemExit) as end, exit_on_run_error('x', 'How'):
        try:
            raise KeyError('handled')
        except KeyError:
            interrupt()
    assert end.value.code == 130


def test_ctrl_c_while_a_config_is_formatted():
    """MMEngine writes it into each checkpoint, and hides what stops it."""
    with pytest.raises(SystemExit) as end, exit_on_run_error('x', 'How'):
        try:
            interrupt()
        except BaseException:
            raise SyntaxError('Failed to format the config file')  # noqa: B904
    assert end.value.code == 130


def test_a_full_disk():
    error = OSError(errno.ENOSPC, 'No space left on device', 'a.png')
    with (
        pytest.raises(SystemExit, match='free some space first') as end,
        exit_on_run_error('x', 'How'),
    ):
        raise error
    assert str(end.value).endswith('. The files are in x. How')


def test_a_data_set_that_is_not_there():
    with (
        pytest.raises(SystemExit, match='is the data set in place'),
        exit_on_run_error('x', 'How'),
    ):
        BaseSegDataset(ann_file='data/none/train.txt', pipeline=[])
    with pytest.raises(AssertionError), exit_on_run_error('x', 'How'):
        raise AssertionError('a fault of the code')


@pytest.mark.parametrize(
    'guard', [exit_on_error(), exit_on_run_error('x', 'How')]
)
def test_weights_that_cannot_be_downloaded(guard):
    """In trainings, and in other tools."""
    reason = OSError(-3, 'Temporary failure in name resolution')
    with pytest.raises(SystemExit) as end, guard:
        raise URLError(reason)
    text = str(end.value)
    assert text.startswith('error: cannot download the weights of the config')
    assert 'name resolution' in text and '--weights FILE' in text


@pytest.mark.parametrize('error', [ValueError, SyntaxError, RuntimeError])
def test_errors_of_programs_keep_their_traceback(error):
    with pytest.raises(error), exit_on_run_error('x', 'How'):
        raise error('a bug')


def test_a_hook_that_was_forgotten():
    """An error of this package has a sentence, whatever its kind."""
    with (
        pytest.raises(SystemExit, match=r'^error: X needs .*_base_\.custom'),
        exit_on_run_error('x', 'How'),
    ):
        current_image_labels('X')


def test_errors_of_torch_keep_their_traceback():
    """Also where a function of this package called it."""
    wrong = torch.ones(1, 4, 4) > 0
    with (
        pytest.raises(RuntimeError, match='must match the size'),
        exit_on_run_error('x', 'How'),
    ):
        ocr_loss(torch.zeros(1, 2, 3, 3), torch.ones(1, 2), valid=wrong)


class Wrong(Dataset):
    """Ends in an error of this package, or of torch."""

    def __init__(self, labels):
        self.labels = labels

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return ocr_loss(
            torch.zeros(1, 2, 3, 3), self.labels, torch.ones(1, 4, 4) > 0
        )


def test_errors_in_processes_that_load_images():
    ours, torchs = (
        DataLoader(Wrong(torch.ones(1, count)), num_workers=1)
        for count in (5, 2)
    )
    with (
        pytest.raises(SystemExit, match='error: OCRLoss needs logits'),
        exit_on_run_error('x', 'How'),
    ):
        next(iter(ours))
    with pytest.raises(RuntimeError), exit_on_run_error('x', 'How'):
        next(iter(torchs))
