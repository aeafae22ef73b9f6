"""One sentence where a run ends before its time."""

from __future__ import annotations

import errno
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from mmengine.logging import print_log

PACKAGE = Path(__file__).resolve().parents[1]
RESUMES = 'The same command continues, without --overwrite'
NO_LIST = 'Failed to load `ann_file`'
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def describe_error(error: OSError) -> str:
    """Return what the system refused, with the path, and what to do."""
    if isinstance(error, URLError):
        return (
            f'cannot download the weights of the config ({error.reason}): '
            'name a file in init_cfg or load_from, for photos of your own '
            'from_folder.py --weights FILE, or take a network whose weights '
            'are a package, as lite0'
        )
    text = ' '.join(str(error).split())
    if error.errno in FULL:
        text += ': free some space first'
    return text


def find_sentence(error: Exception) -> str | None:
    """Return the message of an error that the user can correct.

    Args:
        error: What a Runner raised, also in a process that loads images.

    Returns:
        str | None: The message of an OSError, in the words of
        :func:`describe_error`, of a ValueError or RuntimeError that this
        package raised, or of MMSeg's assertion that a list of images exists;
        None for other errors, whose traceback is needed.
    """
    text = str(error)
    frames = [
        (frame.filename, frame.line or '')
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    if text.startswith('Caught '):  # the traceback of a DataLoader's worker
        frames = re.findall(r'File "(.+)", line \d+.*\n *(.*)', text)
        text = text.rpartition(f'\n{type(error).__name__}: ')[2]
    if isinstance(error, OSError):
        named = error.errno or isinstance(error, URLError)
        return describe_error(error) if named else ' '.join(text.split())
    file, line = frames[-1]
    # What torch raises, called by this package, is a fault of the code.
    ours = PACKAGE in Path(file).parents and line.startswith('raise ')
    if isinstance(error, ValueError | RuntimeError) and ours:
        return ' '.join(text.split())
    if isinstance(error, AssertionError) and NO_LIST in text:
        return f'{" ".join(text.split())}: is the data set in place?'
    return None


@contextmanager
def exit_on_run_error(where: str, how: str) -> Iterator[None]:
    """Exit with one sentence where a run is stopped.

    A log that cannot be written, as its disk is full or its pipe closed, is
    no reason to stop.

    Args:
        where: The folder that it writes to.
        how: How to continue, a sentence without its full stop.

    Raises:
        SystemExit: With code 130 for Ctrl-C; with code 1 for what
            :func:`find_sentence` has a sentence for.
    """
    logging.raiseExceptions = False
    try:
        yield
    except (KeyboardInterrupt, SyntaxError) as error:
        # Config raises SyntaxError where formatting is interrupted.
        stops = (error, error.__context__)
        if not any(isinstance(e, KeyboardInterrupt) for e in stops):
            raise
        print_log(f'stopped; the files are in {where}. {how}', 'current')
        raise SystemExit(130) from None
    except OSError as error:
        raise SystemExit(
            f'error: {find_sentence(error)}. The files are in {where}. {how}'
        ) from error
    except (ValueError, RuntimeError, AssertionError) as error:
        sentence = find_sentence(error)
        if sentence is None:
            raise
        raise SystemExit(f'error: {sentence}') from error
