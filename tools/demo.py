"""The whole road on drawn scenes, on a CPU, in minutes.

    python tools/demo.py            (or: make demo)

Draws the scenes, trains a CAM network on their image labels, writes pseudo
labels, trains a segmentor with cross-entropy and one with OCR added, and
compares them. A stage that is finished is not repeated.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / 'tools'
CAM_CONFIG = 'configs/cam/cam_mobilenetv2_scenes.py'
SEGMENTORS = {
    'cross-entropy': 'configs/ocr/ce_mobilenetv2_scenes.py',
    'with OCR': 'configs/ocr/ocr_mobilenetv2_scenes.py',
}
# Fresh memory is dear on virtual machines: let glibc keep what it has.
ALLOCATOR = {
    'MALLOC_MMAP_MAX_': '0',
    'MALLOC_TRIM_THRESHOLD_': '100000000000',
    'MALLOC_TOP_PAD_': '268435456',
}


def run(folder: Path, title: str, *command: str) -> None:
    """Run a tool unless it was finished before; show its progress."""
    done, log = folder / '.done', folder / 'output.log'
    print(f'\n== {title}', flush=True)
    if done.is_file():
        print(f'finished before, see {folder}')
        return
    print('   python', ' '.join(command), flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.time()
    environment = ALLOCATOR | os.environ | {'PYTHONUNBUFFERED': '1'}
    with (
        open(log, 'w') as output,
        subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
        ) as process,
    ):
        for line in process.stdout:
            output.write(line)
            if 'Epoch(' in line or ('IoU' in line and 'INFO' in line):
                print('  ', line.split('INFO - ')[-1].strip()[:150])
                sys.stdout.flush()
    if process.returncode:
        tail = log.read_text().splitlines()[-15:]
        raise SystemExit('\n'.join([*tail, f'failed: the whole log is {log}']))
    done.touch()
    print(f'   {time.time() - start:.0f} s')


def last_scalars(work_dir: Path) -> dict:
    """Read the metrics of a training's last validation."""
    path = max(work_dir.glob('*/vis_data/scalars.json'))
    lines = map(json.loads, path.read_text().splitlines())
    return [line for line in lines if 'mIoU' in line][-1]


def newest_checkpoint(work_dir: Path) -> str:
    """Return the checkpoint that was written last."""
    checkpoints = work_dir.glob('epoch_*.pth')
    return str(max(checkpoints, key=lambda path: path.stat().st_mtime))


def picture(data: Path, out: Path, folders: list[Path], rows: int = 6) -> None:
    """Draw the validation images whose OC pixels differ most.

    Args:
        data: Folder of the scenes.
        out: PNG to write.
        folders: Predicted label maps, one folder per segmentor.
        rows: Number of images.
    """
    from mmseg_wsss.datasets import ScenesDataset, load_image_labels
    from mmseg_wsss.fileio import whole_file
    from mmseg_wsss.visualization import contact_sheet, label_overlay

    meta = ScenesDataset.METAINFO
    image_labels = load_image_labels(data / 'image_labels.json')

    def label(folder: Path, stem: str) -> np.ndarray:
        return np.array(Image.open(folder / f'{stem}.png'))

    def leaving(folder: Path, stem: str) -> int:
        vector = image_labels.vector(stem, meta['classes'], 0)
        return int((vector[label(folder, stem)] == 0).sum())

    stems = (data / 'ImageSets/Segmentation/val.txt').read_text().split()
    stems.sort(
        key=lambda s: -abs(leaving(folders[1], s) - leaving(folders[0], s))
    )
    sheet = []
    for stem in stems[:rows]:
        path = data / 'JPEGImages' / f'{stem}.jpg'
        image = np.array(Image.open(path).convert('RGB'))
        maps = [label(folder, stem) for folder in folders]
        maps.append(label(data / 'SegmentationClass', stem))
        overlays = [
            label_overlay(image, m, meta['palette'], 0.8) for m in maps
        ]
        sheet.append([image, *overlays])
    titles = ['image', *SEGMENTORS, 'truth']
    with whole_file(out) as part:
        contact_sheet(
            sheet, stems[:rows], column_titles=titles, cell=(160, 128)
        ).save(part)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', default='work_dirs/demo')
    args = parser.parse_args()
    start = time.time()
    work_dir = (ROOT / args.work_dir).resolve()
    data = ROOT / 'data' / 'scenes'
    subprocess.run(
        [
            sys.executable,
            TOOLS / 'dataset_converters' / 'make_scenes.py',
            '--out',
            data,
        ],
        cwd=ROOT,
        check=True,
    )
    cam = work_dir / 'cam'
    run(
        cam,
        'CAM network from image labels',
        *('tools/train.py', CAM_CONFIG, '--work-dir', str(cam)),
        *('--cfg-options', 'randomness.seed=0'),
    )
    labels = work_dir / 'pseudo_labels'
    run(
        labels,
        'pseudo labels of the training images',
        *('tools/make_cams.py', CAM_CONFIG, newest_checkpoint(cam)),
        *('--out-dir', str(labels), '--work-dir', str(cam)),
    )
    where = (
        f'train_dataloader.dataset.data_prefix.seg_map_path={labels}/labels'
    )
    results, folders = {}, []
    for name, config in SEGMENTORS.items():
        folder = work_dir / Path(config).stem
        run(
            folder,
            f'segmentor: {name}',
            *('tools/train.py', config, '--work-dir', str(folder)),
            *('--cfg-options', 'randomness.seed=0', where),
        )
        results[name] = last_scalars(folder)
        folders.append(folder / 'predictions')
        run(
            folders[-1],
            f'predictions: {name}',
            *('tools/test.py', config, newest_checkpoint(folder)),
            *('--out', str(folders[-1]), '--work-dir', str(folder / 'test')),
        )
    sheet = work_dir / 'comparison.png'
    picture(data, sheet, folders)

    print('\nValidation set; OC = predicted as a class the image has not')
    print(f'{"":<16}{"mIoU":>8}{"OC images %":>14}{"OC pixels %":>14}')
    for name, row in results.items():
        print(
            f'{name:<16}{row["mIoU"]:>8.2f}{row["OC_image_rate"]:>14.1f}'
            f'{row["OC_pixel_rate"]:>14.2f}'
        )
    print(f'\nPictures: {sheet}\nFiles: {work_dir}')
    print(f'{(time.time() - start) / 60:.1f} minutes')


if __name__ == '__main__':
    main()
