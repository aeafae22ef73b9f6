r"""Draw the pseudo labels of several folders side by side.

    python tools/analysis_tools/compare_labels.py CONFIG --out FILE.png \
        --labels seed=work_dirs/a/labels crf=work_dirs/b/labels

One row per image of the config's test_dataloader: the image, each folder's
label <stem>.png over it, and the mask where there is one. Labels that are
ignored or biased (255, 254) turn white.
"""

import argparse
from pathlib import Path

from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.io.labels import label_reader
from mmseg_wsss.io.photos import read_photo
from mmseg_wsss.jobs.command_line import (
    config_parser,
    exit_on_error,
    named_folders,
    read_config,
)
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.visualization import contact_sheet, label_overlay

import numpy as np


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument(
        '--labels',
        nargs='+',
        required=True,
        metavar='NAME=DIR',
        help='folders of label PNGs, with the titles of their columns',
    )
    parser.add_argument('--out', required=True, help='the picture, a .png')
    parser.add_argument('--stems', nargs='+', help='names of the images')
    parser.add_argument(
        '--number', type=int, default=6, help='of images drawn at random'
    )
    parser.add_argument('--seed', type=int, default=0, help='of that draw')
    args = parser.parse_args()
    if Path(args.out).suffix.lower() != '.png':
        parser.error(f'--out must end in .png, got {args.out}')
    if args.number < 1:
        parser.error(f'--number must be at least 1, got {args.number}')
    return args


def choose_stems(
    args: argparse.Namespace, known: list[str], folders: dict[str, Path]
) -> list[str]:
    """Return the images asked for, or some that all folders have."""

    def everywhere(stem: str) -> bool:
        return all((at / f'{stem}.png').is_file() for at in folders.values())

    if args.stems:
        for stem in args.stems:
            if stem not in known or not everywhere(stem):
                raise SystemExit(
                    f'--stems {stem}: not an image of test_dataloader with a '
                    'label in every folder'
                )
        return args.stems
    order = np.random.default_rng(args.seed).permutation(len(known))
    drawn = [known[k] for k in order if everywhere(known[k])]
    if not drawn:
        raise SystemExit(
            f'none of the {len(known)} images of test_dataloader has a label '
            'in every folder: does the config test on their images?'
        )
    return sorted(drawn[: args.number])


def draw_row(dataset, info: dict, stem: str, folders: dict[str, Path]) -> list:
    """Draw the labels and the mask over an image."""
    read = label_reader(dataset)
    image = read_photo(info['img_path'])
    paths = [at / f'{stem}.png' for at in folders.values()]
    mask = info.get('seg_map_path')
    if mask and Path(mask).is_file():
        paths.append(mask)
    palette = dataset.metainfo['palette']
    return [image, *(label_overlay(image, read(p), palette) for p in paths)]


def main() -> None:
    args = parse_args()
    folders = named_folders('--labels', args.labels)
    with exit_on_error():
        dataset, names, _ = build_test_images(read_config(args))
        infos = {s: dataset.get_data_info(i) for i, s in enumerate(names)}
        stems = choose_stems(args, names, folders)
        rows = [draw_row(dataset, infos[s], s, folders) for s in stems]
    titles = ['image', *folders, 'ground truth']
    sheet = contact_sheet(rows, stems, titles[: max(map(len, rows))])
    with atomic_write(args.out) as part:
        sheet.save(part)
    print(f'{len(rows)} images in {args.out}')


if __name__ == '__main__':
    main()
