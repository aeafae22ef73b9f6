r"""Draw the CAMs of several networks side by side.

    python tools/analysis_tools/compare_cams.py CONFIG --out FILE.png \
        --cams gap=work_dirs/gap/cams isl=work_dirs/isl/cams

One row per image of the config's test_dataloader: the image, the seed label
of each folder of CAMs, and the mask where there is one. A seed pixel takes
its best class if that scores above the background. With --heat each folder
shows the largest CAM over the image's classes instead, blue (0) to red (1).
"""

import argparse
import json
from functools import partial
from pathlib import Path

from mmseg_wsss.io.cam import load_cam
from mmseg_wsss.jobs.command_line import (
    config_parser,
    exit_on_error,
    named_folders,
    named_values,
    read_config,
)
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.visualization.cam_row import CAMRow
from mmseg_wsss.visualization.sheet_tools import (
    add_sheet_arguments,
    choose_stems,
    write_sheet,
)

BACKGROUND = 0.3


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument(
        '--cams',
        nargs='+',
        required=True,
        metavar='NAME=DIR',
        help='folders of <stem>.npz files, with the titles of their columns',
    )
    number = 'of images drawn at random; those of two or more classes first'
    add_sheet_arguments(parser, number)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        '--background',
        nargs='+',
        metavar='SCORE',
        help='background score of all folders, 0.3, or of some, gap=0.35;\n'
        'default: best_threshold in cam_eval.json in the folder or next to '
        f'it,\nelse {BACKGROUND}',
    )
    what.add_argument(
        '--heat', action='store_true', help='CAMs instead of seed labels'
    )
    return parser.parse_args()


def as_score(text: object, where: str) -> float:
    """Read a background score."""
    try:
        score = float(text)
    except (TypeError, ValueError):
        score = -1.0
    if not 0 <= score <= 1:
        raise SystemExit(
            f'{where}: a background score is a number in [0, 1], got {text!r}'
        )
    return score


def stored_score(name: str, folder: Path) -> float:
    """Read the best threshold of a folder's cam_eval.json."""
    for place in (folder, folder.resolve().parent):
        file = place / 'cam_eval.json'
        if not file.is_file():
            continue
        try:
            result = json.loads(file.read_text())
        except ValueError as error:
            raise SystemExit(f'{file} is not a JSON file: {error}') from error
        of_folder = isinstance(result, dict) and result.get('cam_dir') in (
            None,
            str(folder.resolve()),
        )
        if of_folder and 'best_threshold' in result:
            score = as_score(result['best_threshold'], str(file))
            print(f'{name}: background score {score:g}, from {file}')
            return score
    print(f'{name}: background score {BACKGROUND}, the default')
    return BACKGROUND


def background_scores(
    items: list[str] | None, folders: dict[str, Path]
) -> dict[str, float]:
    """Read --background: one score per folder."""
    items = items or []
    if len(items) == 1 and '=' not in items[0]:
        return dict.fromkeys(folders, as_score(items[0], '--background'))
    given = named_values('--background', items)
    unknown = [name for name in given if name not in folders]
    if unknown:
        raise SystemExit(
            f'--background names {unknown[0]!r}, which is not one of --cams: '
            f'{", ".join(folders)}'
        )
    return {
        name: as_score(given[name], f'--background {name}')
        if name in given
        else stored_score(name, folder)
        for name, folder in folders.items()
    }


def has_several(folder: Path, stem: str) -> bool:
    """Check whether an image has CAMs of several classes."""
    return len(load_cam(folder / f'{stem}.npz')[0]) > 1


def draw_sheet(args: argparse.Namespace) -> int:
    """Draw the chosen images, one row each, and count them."""
    folders = named_folders('--cams', args.cams)
    scores = None
    if not args.heat:
        scores = background_scores(args.background, folders)
    dataset, names, background = build_test_images(read_config(args))
    infos = {s: dataset.get_data_info(i) for i, s in enumerate(names)}
    first = partial(has_several, next(iter(folders.values())))
    stems = choose_stems(args, names, folders, first=first)
    draw = CAMRow(dataset, folders, scores, background)
    drawn = [draw(infos[stem]) for stem in stems]
    rows, row_titles = zip(*drawn, strict=True)
    titles = ['image', *folders, 'ground truth']
    write_sheet(args.out, rows, row_titles, titles)
    return len(rows)


def main() -> None:
    args = parse_args()
    with exit_on_error():
        count = draw_sheet(args)
    print(f'{count} images in {args.out}')


if __name__ == '__main__':
    main()
