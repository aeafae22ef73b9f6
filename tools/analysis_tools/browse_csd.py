r"""Draw what CSD pastes: source, target, both views and the pasted pixels.

    python tools/analysis_tools/browse_csd.py configs/csd/CONFIG.py \
        --out-dir DIR

One sheet per target of the config's training data. The masks are drawn on the
views: red the partner's object, blue its background. Grey squares are the
cells that the losses compare, those whose every pixel was pasted.
"""

import argparse
from pathlib import Path

from mmseg_wsss.datasets.seeded_sampler import SeededIndex
from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.io.provenance import claim_folder
from mmseg_wsss.jobs.command_line import (
    config_parser,
    exit_on_error,
    read_config,
)
from mmseg_wsss.models.losses.csd_views import full_cells
from mmseg_wsss.visualization import contact_sheet
from mmseg_wsss.visualization.sheet_tools import add_rgb_argument, to_rgb

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

COLOURS = {'foreground': (220, 40, 40), 'background': (40, 90, 220)}


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument(
        '--out-dir', required=True, help='folder of the sheets'
    )
    parser.add_argument(
        '--number', type=int, default=10, help='number of sheets, 0 for all'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the partners and crops'
    )
    parser.add_argument(
        '--stride', type=int, default=16, help='side of a cell in pixels'
    )
    add_rgb_argument(parser)
    return parser.parse_args()


def draw_mask(
    image: np.ndarray, mask: torch.Tensor, colour: tuple, stride: int
) -> np.ndarray:
    """Return the view with a mask (H, W) in colour and its full cells grey."""
    height, width = mask.shape
    size = max(1, height // stride), max(1, width // stride)
    cells = full_cells(mask[None], size)[0].numpy()
    rows = np.arange(height) * size[0] // height
    columns = np.arange(width) * size[1] // width
    cells = cells[rows][:, columns]
    drawn = image.astype(np.float64)
    inside = mask.numpy()
    drawn[inside] = 0.5 * drawn[inside] + 0.5 * np.array(colour)
    drawn[cells] = 0.5 * drawn[cells] + 0.5 * 128
    return drawn.round().astype(np.uint8)


def draw(item: dict, classes: dict[int, str], args: argparse.Namespace):
    """Return the sheet of one target, None if nothing was pasted.

    ``classes`` are the names of the foreground classes by their index.
    """
    sample = item['data_samples']
    if 'paste_views' not in sample:
        return None
    views = sample.paste_views
    row = [to_rgb(p, args.rgb) for p in (views.source, item['inputs'])]
    titles = []
    for side, labels in (
        ('source', views.source_labels),
        ('target', sample.image_labels),
    ):
        names = [name for k, name in classes.items() if labels[k] > 0]
        titles.append(f'{side}: {", ".join(names)}')
    for name, colour in COLOURS.items():
        view = to_rgb(views.get(name), args.rgb)
        mask = views.get(f'{name}_mask')
        row += [view, draw_mask(view, mask, colour, args.stride)]
        titles += [f'{name} pasted', f'{100 * mask.float().mean():.0f} %']
    return contact_sheet([row], column_titles=titles)


def save_sheets(args: argparse.Namespace) -> int:
    """Write the sheets of the first targets and return their number."""
    cfg = read_config(args)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    if type(dataset).__name__ != 'CSDDataset':
        raise ValueError(
            'train_dataloader.dataset must be a CSDDataset, as in configs/csd,'
            f' got {type(dataset).__name__}'
        )
    claim_folder(Path(args.out_dir), 'browse_csd.py')
    names = dataset.metainfo['classes']
    classes = {k: names[k] for k in dataset.foreground}
    count = 0
    for index in range(len(dataset)):
        sheet = draw(dataset[SeededIndex.of(index, args.seed)], classes, args)
        if sheet is not None:
            stem = Path(dataset.get_data_info(index)['img_path']).stem
            with atomic_write(Path(args.out_dir) / f'{stem}.png') as part:
                sheet.save(part)
            count += 1
        if count == args.number:
            break
    return count


def main() -> None:
    args = parse_args()
    with exit_on_error():
        count = save_sheets(args)
    print(f'{count} sheets in {args.out_dir}')


if __name__ == '__main__':
    main()
