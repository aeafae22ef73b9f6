"""Own photos, as a new user has them: 300 of voc_mini's in a folder.

    python benchmarks/own_photos.py --seed 0
    python benchmarks/own_photos.py --seed 0 --cfg-options use.full=True

A draw of voc_mini's training photos becomes a folder, with a table of labels
and with masks; from_folder.py and run_pipeline.py do the rest on one thread.
Each segmentor is then tested on voc_mini's validation photos too, none of
which is in the folder. A stopped run resumes, and a finished stage is kept.
The seed draws the photos, splits them and trains; results.json in the work dir
has the figures of each run by options and seed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmseg.datasets import PascalVOCDataset
from PIL import Image
from runs import ROOT, call, merge_results, newer, newest_checkpoint

from mmseg_wsss.compat import load_config
from mmseg_wsss.io.scalars import read_figures

VOC = ROOT / 'data' / 'voc_mini'
VOC_CONFIG = ROOT / 'configs' / '_base_' / 'datasets' / 'voc_mini.py'
CLASSES = load_config(VOC_CONFIG).metainfo.classes
INDEX = [PascalVOCDataset.METAINFO['classes'].index(name) for name in CLASSES]
PHOTOS = 300
FIGURES = ('mIoU', 'FP', 'FN')


def link(photos: Sequence[str], images: Path, masks: Path) -> None:
    """Write a folder of photos and one of masks, with the classes' indices."""
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    table = np.full(256, 255, np.uint8)
    table[INDEX] = range(len(INDEX))
    for photo in photos:
        image = images / f'{photo}.jpg'
        if not image.exists():
            image.symlink_to(VOC / 'JPEGImages' / image.name)
        mask = np.array(
            Image.open(VOC / 'SegmentationClassAug' / f'{photo}.png')
        )
        Image.fromarray(table[mask]).save(masks / f'{photo}.png')


def names(split: str) -> list[str]:
    file = VOC / 'ImageSets' / 'Segmentation' / f'{split}.txt'
    return file.read_text().split()


def make_folder(folder: Path, seed: int) -> None:
    """Write what a user would have, and the photos to test on."""
    drawn = np.random.default_rng(seed).permutation(names('train_aug'))
    photos = sorted(drawn[:PHOTOS])
    link(photos, folder / 'photos', folder / 'masks')
    labels = np.load(VOC / 'cls_labels.npy', allow_pickle=True).item()
    rows = [
        f'{photo}.jpg,'
        + ';'.join(
            name
            for name, index in zip(CLASSES[1:], INDEX[1:], strict=True)
            if labels[photo][index - 1]
        )
        for photo in photos
    ]
    (folder / 'labels.csv').write_text('\n'.join(['image,labels', *rows, '']))
    test = folder / 'test'
    link(names('val'), test / 'images', test / 'masks')
    (test / 'val.txt').write_text('\n'.join([*names('val'), '']))


def test_elsewhere(folder: Path, stage: Path) -> dict[str, float]:
    """Test a segmentor on the validation photos; read it if that is done."""
    checkpoint = newest_checkpoint(stage)
    out = folder / 'tested' / stage.name
    if not newer(out / 'done', checkpoint):
        call(
            out / 'test.log',
            'test.py',
            str(stage / 'config.py'),
            str(checkpoint),
            '--work-dir',
            str(out),
            '--cfg-options',
            f'test_dataloader.dataset.data_root={folder / "test"}',
        )
        (out / 'done').touch()
    return read_figures(out)


def line(name: str, figures: dict[str, float], minutes: float | None) -> str:
    cells = [f'{figures[key]:.1f}' for key in FIGURES]
    cells.append('-' if minutes is None else f'{minutes:.0f}')
    return f'| {name} | {" | ".join(cells)} |'


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='of draw, split and run'
    )
    parser.add_argument(
        '--cfg-options', nargs='*', default=[], help='of run_pipeline.py'
    )
    parser.add_argument('--work-dir', default='work_dirs/own_photos')
    args = parser.parse_args()
    folder = Path(args.work_dir).resolve() / f'seed_{args.seed}'
    data = folder / 'my_data'
    if not data.exists():
        make_folder(folder, args.seed)
        call(
            folder / 'from_folder.log',
            'dataset_converters/from_folder.py',
            str(folder / 'photos'),
            '--labels',
            str(folder / 'labels.csv'),
            '--masks',
            str(folder / 'masks'),
            '--out',
            str(data),
            '--seed',
            str(args.seed),
        )
    run = folder / 'run'
    call(
        folder / 'pipeline.log',
        'run_pipeline.py',
        str(data / 'pipeline.py'),
        '--work-dir',
        str(run),
        *(['--cfg-options', *args.cfg_options] if args.cfg_options else []),
    )
    print('| stage | mIoU | FP | FN | minutes |\n|---|---|---|---|---|')
    results = {}
    for stage in json.loads((run / 'pipeline.json').read_text())['stages']:
        name, record = stage['name'], stage['record'] or {}
        figures = record.get('figures') or {}
        if all(key in figures for key in FIGURES):
            results[name] = {key: figures[key] for key in FIGURES}
            minutes = record['seconds'] / 60
            results[name]['minutes'] = round(minutes, 1)
            print(line(name, figures, minutes))
        if stage['on'] and name.endswith('segmentor'):
            found = test_elsewhere(folder, run / name)
            elsewhere = f'{name}, other photos'
            results[elsewhere] = {key: found[key] for key in FIGURES}
            print(line(elsewhere, found, None))
    options = ' '.join(args.cfg_options) or 'default'
    merge_results(
        folder.parent / 'results.json', {options: {str(args.seed): results}}
    )


if __name__ == '__main__':
    main()
