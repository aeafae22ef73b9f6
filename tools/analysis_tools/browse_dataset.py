"""Draw what a data loader delivers: images, labels, masks and CAMs.

    python tools/analysis_tools/browse_dataset.py CONFIG --out-dir DIR

Each picture shows the image after the pipeline's crops and flips, its label
map where there is one, and its image labels in the title. With --cam-dir the
stored CAMs follow, over the untouched image.
"""

import argparse
from pathlib import Path

from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.io.cam import load_cam
from mmseg_wsss.io.class_ids import original_class_ids
from mmseg_wsss.io.photos import read_photo
from mmseg_wsss.io.provenance import claim_folder
from mmseg_wsss.jobs.command_line import (
    config_parser,
    exit_on_error,
    read_config,
)
from mmseg_wsss.visualization import cam_overlay, contact_sheet, label_overlay
from mmseg_wsss.visualization.sheet_tools import add_rgb_argument, to_rgb

from mmengine.registry import init_default_scope
from mmengine.utils import ProgressBar
from mmseg.registry import DATASETS
from PIL import Image


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument('--out-dir', required=True, help='for the pictures')
    parser.add_argument(
        '--split', choices=['train', 'val', 'test'], default='train'
    )
    parser.add_argument(
        '--number', type=int, default=20, help='of pictures, 0 for all'
    )
    parser.add_argument('--cam-dir', help='folder of <stem>.npz files')
    add_rgb_argument(parser)
    return parser.parse_args()


def draw(item: dict, meta: dict, args: argparse.Namespace) -> Image.Image:
    """Draw one item of a data set."""
    sample = item['data_samples']
    image = to_rgb(item['inputs'], args.rgb)
    row, titles = [image], [Path(sample.img_path).stem]
    if 'gt_sem_seg' in sample:
        label = sample.gt_sem_seg.data[0].numpy()
        row.append(label_overlay(image, label, meta['palette']))
        titles.append('label map')
    names = meta['classes']
    if 'image_labels' in sample:
        present = sample.image_labels.nonzero().flatten().tolist()
        titles[0] = ', '.join(names[k] for k in present)
    if args.cam_dir:
        stem = Path(sample.img_path).stem
        classes, cams = load_cam(Path(args.cam_dir) / f'{stem}.npz')
        whole = read_photo(sample.img_path)
        row += [cam_overlay(whole, cam) for cam in cams]
        in_use = dict(zip(original_class_ids(meta), names, strict=True))
        titles += [f'CAM {in_use.get(k, k)}' for k in classes.tolist()]
    return contact_sheet([row], column_titles=titles)


def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    with exit_on_error():
        dataset = DATASETS.build(cfg[f'{args.split}_dataloader'].dataset)
        claim_folder(Path(args.out_dir), 'browse_dataset.py')
        count = min(args.number or len(dataset), len(dataset))
        progress = ProgressBar(count)
        for index in range(count):
            picture = draw(dataset[index], dataset.metainfo, args)
            stem = Path(dataset.get_data_info(index)['img_path']).stem
            with atomic_write(Path(args.out_dir) / f'{stem}.png') as part:
                picture.save(part)
            progress.update()
    print(f'\n{count} pictures in {args.out_dir}')


if __name__ == '__main__':
    main()
