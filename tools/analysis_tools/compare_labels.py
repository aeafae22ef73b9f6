r"""Draw the pseudo labels of several folders side by side.

    python tools/analysis_tools/compare_labels.py CONFIG --out FILE.png \
        --labels seed=work_dirs/a/labels crf=work_dirs/b/labels

One row per image of the config's test_dataloader: the image, each folder's
label <stem>.png over it, and the mask where there is one. Labels that are
ignored or biased (255, 254) turn white.
"""

import argparse
from pathlib import Path

from mmseg_wsss.io.labels import label_reader
from mmseg_wsss.io.photos import read_photo
from mmseg_wsss.jobs.command_line import (
    config_parser,
    exit_on_error,
    named_folders,
    read_config,
)
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.visualization import label_overlay
from mmseg_wsss.visualization.sheet_tools import (
    add_sheet_arguments,
    choose_stems,
    write_sheet,
)


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument(
        '--labels',
        nargs='+',
        required=True,
        metavar='NAME=DIR',
        help='folders of label PNGs, with the titles of their columns',
    )
    add_sheet_arguments(parser)
    return parser.parse_args()


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
        stems = choose_stems(args, names, folders, '.png')
        rows = [draw_row(dataset, infos[s], s, folders) for s in stems]
        titles = ['image', *folders, 'ground truth']
        write_sheet(args.out, rows, stems, titles)
    print(f'{len(rows)} images in {args.out}')


if __name__ == '__main__':
    main()
