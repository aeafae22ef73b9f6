"""Kill a pipeline at random moments: are its figures those of a whole run?

    python benchmarks/killed_runs.py configs/pipelines/all_voc_mini.py
    python benchmarks/killed_runs.py configs/pipelines/scenes.py --kills 10

The pipeline runs once to its end. In another folder all its processes are
killed at moments drawn within that time, and each time it is started again.
The exit code is 1 where a figure of a stage differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from runs import ROOT

from mmseg_wsss.workflow.pipeline.command import environment


def start(words: list[str], log: Path) -> subprocess.Popen:
    """Start run_pipeline.py in a process group of its own."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, 'a') as out:
        return subprocess.Popen(
            [sys.executable, str(ROOT / 'tools' / 'run_pipeline.py'), *words],
            cwd=ROOT,
            env={**environment(), 'OMP_NUM_THREADS': '1'},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def finish(process: subprocess.Popen, log: Path) -> None:
    if process.wait():
        raise SystemExit(f'the pipeline failed, see {log}')


def figures(work_dir: Path) -> dict[str, dict]:
    """Return the figures of each stage that ran."""
    stages = json.loads((work_dir / 'pipeline.json').read_text())['stages']
    records = {s['name']: s['record'] or {} for s in stages}
    return {n: r['figures'] for n, r in records.items() if r.get('figures')}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('pipeline')
    parser.add_argument('--kills', type=int, default=5)
    parser.add_argument('--seed', type=int, default=0, help='of the moments')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], help='of run_pipeline.py'
    )
    parser.add_argument('--work-dir', default='work_dirs/killed_runs')
    args = parser.parse_args()
    root = Path(args.work_dir).resolve() / Path(args.pipeline).stem
    whole, killed = root / 'whole', root / 'killed'
    log = root / 'log'
    if root.exists():
        raise SystemExit(f'{root} exists: remove it, or use --work-dir')
    options = ['--cfg-options', *args.cfg_options] if args.cfg_options else []
    begin = time.monotonic()
    words = [args.pipeline, *options, '--work-dir']
    finish(start([*words, str(whole)], log), log)
    seconds = time.monotonic() - begin
    draw = random.Random(args.seed)
    moments = sorted(draw.uniform(0, seconds) for _ in range(args.kills))
    for before, moment in zip([0.0, *moments], moments, strict=False):
        size = log.stat().st_size
        process = start([*words, str(killed)], log)
        time.sleep(moment - before)
        os.killpg(process.pid, signal.SIGKILL)
        if process.wait() > 0:
            raise SystemExit(f'the pipeline failed, see {log}')
        said = log.read_bytes()[size:].decode().splitlines() or ['nothing yet']
        print(f'killed after {moment:.0f} of {seconds:.0f} s: {said[-1]}')
    finish(start([*words, str(killed)], log), log)
    one, two = figures(whole), figures(killed)
    names = one.keys() | two.keys()
    differ = sorted(n for n in names if one.get(n) != two.get(n))
    print(f'{len(names)} stages with figures, differ: {differ or "none"}')
    sys.exit(bool(differ) or not names)


if __name__ == '__main__':
    main()
