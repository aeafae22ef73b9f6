"""How the benchmarks measure: interleaved medians and fresh-process peaks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def medians(
    candidates: dict[str, Callable[[], object]], repeats: int = 7
) -> dict[str, float]:
    """Median milliseconds of each candidate, run in turn in one process."""
    times = {name: [] for name in candidates}
    for _ in range(repeats + 1):
        for name, run in candidates.items():
            synchronize()
            start = time.perf_counter()
            run()
            synchronize()
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: median(values[1:]) for name, values in times.items()}


def peak_mib(run: Callable[[], object]) -> float:
    """Growth of this process's peak memory while ``run`` is called."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    Path('/proc/self/clear_refs').write_text('5')  # resets VmHWM
    before = _high_water_kib()
    run()
    return (_high_water_kib() - before) / 2**10


def _high_water_kib() -> int:
    status = Path('/proc/self/status').read_text()
    return int(re.search(r'VmHWM:\s+(\d+) kB', status).group(1))


def in_fresh_process(*arguments: str) -> object:
    """Run this script again with arguments and return the JSON it prints."""
    done = subprocess.run(
        [sys.executable, sys.argv[0], *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> str:
    """One line on what the figures were measured with."""
    device = (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f'CPU, {torch.get_num_threads()} threads'
    )
    return f'torch {torch.__version__}, {device}'
