"""Progress of a loop over images, in the log."""

from __future__ import annotations

import time

from mmengine.dist import get_rank, get_world_size
from mmengine.logging import print_log

INTERVAL = 10.0  # seconds between two lines


class Progress:
    """Log of rank 0: images done, images per minute, time left.

    Args:
        total: Number of images of this rank.
    """

    def __init__(self, total: int):
        self.total = total
        self.done = 0
        self.start = self.last_log = time.monotonic()

    def step(self, failed: int) -> None:
        """Count an image; log a line if the interval is over."""
        self.done += 1
        now = time.monotonic()
        if now - self.last_log >= INTERVAL and self.done < self.total:
            self.last_log = now
            self._log(failed)

    def end(self, failed: int) -> None:
        """Log the last line."""
        if self.total:
            self._log(failed)

    def _log(self, failed: int) -> None:
        if get_rank() != 0:
            return
        seconds = max(time.monotonic() - self.start, 1e-9)
        left = seconds / max(self.done, 1) * (self.total - self.done)
        ranks = get_world_size()
        print_log(
            f'{self.done} of {self.total} images'
            + (' of this rank' if ranks > 1 else '')
            + f', {60 * self.done * ranks / seconds:.0f} per minute'
            + (f', {failed} failed' if failed else '')
            + (f', {_clock(left)} left' if self.done < self.total else ''),
            logger='current',
        )


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f'{minutes // 60}:{minutes % 60:02}:{seconds:02}'
