r"""Compare stored CAMs with the masks of a config's test images.

    python tools/analysis_tools/eval_cams.py CONFIG CAM_DIR
    python -m torch.distributed.run --nproc_per_node=8 \
        tools/analysis_tools/eval_cams.py CONFIG CAM_DIR --launcher pytorch

CAM_DIR holds <stem>.npz as tools/make_cams.py writes them. Every
background threshold is tried; a pixel is foreground where its best score
exceeds it. Writes cam_eval.json and curve.png into --out-dir.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from mmseg_wsss.evaluation.areas import area_rates
from mmseg_wsss.evaluation.cam_files import CAMFiles
from mmseg_wsss.evaluation.cam_sweep import CAMSweep, label_from_cam
from mmseg_wsss.evaluation.contours import (
    IGNORE_RULES,
    contour_counts,
    contour_scores,
    mean_score,
)
from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.jobs.command_line import config_parser, exit_on_error
from mmseg_wsss.jobs.launch import exit_process
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.jobs.tool_setup import start_tool

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.dist import all_reduce, get_dist_info
from mmengine.utils import track_iter_progress
from prettytable import PrettyTable

COLUMNS = ('IoU', 'FP', 'FN', 'F')


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument('cam_dir', type=Path, help='folder of <stem>.npz')
    parser.add_argument(
        '--out-dir',
        type=Path,
        help="where to write (default: CAM_DIR's parent)",
    )
    parser.add_argument(
        '--thresholds',
        nargs=3,
        type=float,
        default=(0, 0.59, 0.01),
        metavar=('START', 'STOP', 'STEP'),
        help='to try, STOP included (default: 0 0.59 0.01)',
    )
    parser.add_argument(
        '--contour-threshold',
        type=contour_threshold,
        metavar='T|best',
        help='threshold of the contour quality F: best (default) is that of '
        'the\nhighest mIoU; HFPL takes 0.25. J&F joins F at it with the\n'
        'highest mIoU',
    )
    parser.add_argument(
        '--contour-ignore',
        choices=IGNORE_RULES,
        default='background',
        help='mask pixels of 255 are background in the mask (default), or in '
        'the\nlabels too',
    )
    return parser.parse_args()


def contour_threshold(text: str) -> float | None:
    """Read --contour-threshold; None for the best."""
    if text == 'best':
        return None
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f'not in [0, 1): {text}')
    return value


def threshold_grid(start: float, stop: float, step: float) -> list[float]:
    """Return the thresholds from start to stop, both included."""
    if not (0 <= start <= stop < 1 and step > 0):
        raise ValueError(
            '--thresholds needs 0 <= START <= STOP < 1 and STEP > 0, got '
            f'{start} {stop} {step}'
        )
    count = int((stop - start) / step + 1e-6) + 1
    return [round(start + i * step, 6) for i in range(count)]


def rank_items(files: CAMFiles, note: str) -> Iterator[tuple]:
    """Read this rank's images, with a progress bar on a terminal."""
    rank, ranks = get_dist_info()
    positions = list(range(rank, len(files), ranks))
    if rank == 0 and sys.stderr.isatty():
        print(note, file=sys.stderr)
        positions = track_iter_progress(positions, file=sys.stderr)
    for index in positions:
        yield files[index]


def contours(
    files: CAMFiles,
    threshold: float,
    num_classes: int,
    background: int,
    ignore: str,
) -> np.ndarray:
    """Compute F (C,) of the contours at one threshold, in percent."""
    counts = np.zeros((num_classes, 4), dtype=np.int64)
    for classes, cam, mask in rank_items(files, 'contours'):
        label = label_from_cam(classes, cam, mask.shape, threshold, background)
        counts += contour_counts(
            label,
            mask,
            num_classes,
            background_index=background,
            ignore=ignore,
        )
    counts = torch.from_numpy(counts)
    all_reduce(counts)
    return contour_scores(counts.numpy())[2]


def number(value: float) -> float | None:
    """Return a float for JSON; NaN, a class that does not occur, is null."""
    return None if np.isnan(value) else float(value)


def evaluate(args: argparse.Namespace) -> dict:
    """Run both passes; return the result of all ranks on each."""
    grid = threshold_grid(*args.thresholds)
    cfg = start_tool(args)
    dataset, _, background = build_test_images(cfg)
    names = dataset.metainfo['classes']
    if background is None:
        raise ValueError(
            'a background threshold needs a background class, and '
            'LoadImageLabels of this config has background_index=None'
        )
    files = CAMFiles(dataset, args.cam_dir, background)
    sweep = CAMSweep(len(names), grid, background)
    for item in rank_items(files, 'thresholds'):
        sweep.update(*item)
    sweep.reduce()
    curve = sweep.curve()
    best = int(curve[0].argmax())
    at = args.contour_threshold
    at = grid[best] if at is None else at
    f = contours(files, at, len(names), background, args.contour_ignore)
    miou, fp, fn = curve[:, best].tolist()
    mean_f = mean_score(f)
    rates = np.stack([*area_rates(sweep.areas()[best]), f], axis=1)
    return {
        'cam_dir': str(args.cam_dir.resolve()),
        'best_threshold': grid[best],
        'mIoU': miou,
        'F': number(mean_f),
        'J&F': number((miou + mean_f) / 2),
        'FP': fp,
        'FN': fn,
        'contour_threshold': at,
        'unit': 'percent',
        'images': len(files),
        'per_class': {
            name: dict(zip(COLUMNS, map(number, row), strict=True))
            for name, row in zip(names, rates, strict=True)
        },
        'thresholds': grid,
        'curve': curve[0].tolist(),
        'curve_FP': curve[1].tolist(),
        'curve_FN': curve[2].tolist(),
    }


def summary(result: dict) -> str:
    """Format the result as a table per class and a last line."""
    table = PrettyTable(['class', *COLUMNS], align='r')
    table.align['class'] = 'l'
    means = {key: result['mIoU' if key == 'IoU' else key] for key in COLUMNS}
    rows = result['per_class']
    counted = sum(row['IoU'] is not None for row in rows.values())
    mean = f'mean of {counted} of {len(rows)} classes'
    for name, row in {**rows, mean: means}.items():
        cells = ['-' if v is None else f'{v:.2f}' for v in row.values()]
        table.add_row([name, *cells])
    lines = [
        str(table),
        f'{result["images"]} images, percent; best threshold '
        f'{result["best_threshold"]:g}, F at {result["contour_threshold"]:g}',
    ]
    grid = result['thresholds']
    if len(grid) > 1 and result['best_threshold'] in (grid[0], grid[-1]):
        lines.append('The best threshold ends the sweep: widen --thresholds.')
    return '\n'.join(lines)


def draw(result: dict) -> Figure:
    """Draw mIoU and the shares of false pixels over the threshold."""
    figure = Figure(figsize=(6, 4), dpi=120, layout='constrained')
    axes = figure.add_subplot()
    at, best = result['best_threshold'], result['mIoU']
    for key, label, colour in (
        ('curve', 'mIoU', 'tab:blue'),
        ('curve_FP', 'false positives', 'tab:red'),
        ('curve_FN', 'false negatives', 'tab:orange'),
    ):
        axes.plot(result['thresholds'], result[key], colour, label=label)
    axes.axvline(at, color='grey', linestyle=':', linewidth=1)
    axes.plot(at, best, 'o', color='tab:blue')
    axes.annotate(
        f'{best:.1f} at {at:g}',
        (at, best),
        (0, 8),
        textcoords='offset points',
        ha='center',
    )
    axes.set(
        xlabel='background threshold',
        ylabel="share of a class's union, mean (%)",
        ylim=(0, 100),
    )
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def main() -> None:
    args = parse_args()
    out_dir = args.out_dir or args.cam_dir.resolve().parent
    with exit_on_error():
        result = evaluate(args)
        if get_dist_info()[0] == 0:
            with atomic_write(out_dir / 'cam_eval.json') as part:
                part.write_text(json.dumps(result, indent=1))
            with atomic_write(out_dir / 'curve.png') as part:
                draw(result).savefig(part)
            print(summary(result))
            print(f'written: {out_dir}/cam_eval.json and curve.png')
    exit_process()


if __name__ == '__main__':
    main()
