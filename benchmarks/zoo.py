"""What trains with mmseg_wsss.

    python benchmarks/zoo.py                               # print the page
    python benchmarks/zoo.py --out docs/compatibility.md   # write it
    python benchmarks/zoo.py --only ann "timm resnet18" --again

One config of every family of MMSegmentation, the one of fewest parameters,
is trained on a CPU for two iterations with
[three changes](get_started.md#your-own-mmseg-config): the hook, the image
labels, and OCR beside the losses of its main head. A CAM network with ISL and
FSL is trained in the same way on 29 backbones. Weights at the start are
random, the pictures are four built-in scenes of 128 x 128 pixels with seven
classes, whose weights in losses are left out, SyncBN is BN and half precision
is off. So a row shows whether the parts fit together, not how well they learn.
Families that use MMDetection need `mmdet==3.3.0`, on OneDL
`onedl-mmdetection==3.5.1`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import multiprocessing
import os
import platform
import sys
import tempfile
from pathlib import Path

import torch
from mmengine.device import utils as device_utils
from runs import ROOT, merge_results
from zoo_backbones import backbones
from zoo_families import families
from zoo_table import page
from zoo_train import CANNOT, register, train_case

import mmseg_wsss
from mmseg_wsss.compat import stack_name
from mmseg_wsss.io.atomic import atomic_write

RESULTS = ROOT / 'benchmarks' / 'results' / 'zoo.json'
PACKAGES = ('torch', 'mmengine', 'mmcv', 'mmsegmentation', 'mmpretrain')
PACKAGES += ('mmdetection', 'mmdet', 'timm')


def versions() -> str:
    """Return the versions of this stack's packages."""
    found = [
        f'mmseg_wsss {mmseg_wsss.__version__}',
        f'Python {platform.python_version()}',
    ]
    for name in PACKAGES:
        for distribution in (f'onedl-{name}', name):
            try:
                version = importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                continue
            found.append(f'{distribution} {version}')
            break
    compiled = importlib.util.find_spec('mmcv._ext') is not None
    found.append(f'MMCV {"with" if compiled else "without"} operators')
    return ', '.join(found)


def measure(name: str, seconds: float) -> dict:
    """Train a case in a process of its own; returns its row.

    The process is a fork of this one, which has imported what it needs.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.get_context('fork').Process(
            target=write_row, args=(name, Path(folder))
        )
        process.start()
        process.join(seconds)
        if process.is_alive():
            process.kill()
            process.join()
            reason = f'not finished after {seconds:.0f} s'
            return dict(result=CANNOT, reason=reason)
        out = Path(folder) / 'row.json'
        if process.exitcode == 0 and out.is_file():
            return json.loads(out.read_text())
        log = (Path(folder) / 'log').read_text()
    last = [line for line in log.split('\n') if line.strip()][-1:]
    reason = ' '.join([f'exit code {process.exitcode}:', *last])
    return dict(result=CANNOT, reason=reason)


def write_row(name: str, folder: Path) -> None:
    """Train a case; write row.json, and what is printed into log."""
    with open(folder / 'log', 'w') as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.chdir(folder)
    device_utils.DEVICE = 'cpu'  # MMEngine chose it when it was imported
    torch.set_num_threads(1)
    found = train_case(name, folder / 'scenes')
    (folder / 'row.json').write_text(json.dumps(found))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--out', help='page to write (default: print it)')
    parser.add_argument(
        '--only', nargs='+', help='train only these families and backbones'
    )
    parser.add_argument(
        '--again', action='store_true', help='train what is kept too'
    )
    parser.add_argument(
        '--seconds',
        type=float,
        default=300,
        help='time limit of a row (default: 300)',
    )
    parser.add_argument(
        '--results',
        type=Path,
        default=RESULTS,
        help='where finished rows are kept (default: benchmarks/results)',
    )
    args = parser.parse_args()
    every = [*families(), *backbones()]
    unknown = set(args.only or ()) - set(every)
    if unknown:
        parser.error(f'unknown: {", ".join(unknown)}; there are {every}')
    args.only = args.only or every
    return args


def main() -> None:
    args = parse_args()
    stack, installed = stack_name(), versions()
    known = merge_results(args.results, {stack: {}})
    register()
    for name in args.only:
        kept = known[stack].get(name, {})
        if kept.get('versions') == installed and not args.again:
            continue
        found = dict(measure(name, args.seconds), versions=installed)
        print(f'{name}: {found["result"]}', file=sys.stderr, flush=True)
        known = merge_results(args.results, {stack: {name: found}})
    if args.out:
        with atomic_write(args.out) as part:
            part.write_text(page(known))
    else:
        print(page(known))


if __name__ == '__main__':
    main()
