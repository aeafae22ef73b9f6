"""VOC and COCO in their folder layouts, with pictures of noise.

    python -m tests.voc_coco --all
    python -m tests.voc_coco voc12_hfpl coco14_ocr-psa
    python -m tests.voc_coco all_voc12 --cfg-options use.second=True

runs pipelines of configs/pipelines on them from image labels to the test, on a
CPU, with crops of 64 pixels, random weights and two iterations a training:
minutes for each, so that `make test` does not.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmseg.datasets import PascalVOCDataset
from PIL import Image

from mmseg_wsss.compat import find_steps, walk_dicts
from mmseg_wsss.datasets import save_image_labels
from mmseg_wsss.datasets.coco import COCO_CLASSES
from mmseg_wsss.jobs.command_line import move_paths
from tests.processes import ROOT
from tests.tiny_clip import write_texts

PIPELINES = ROOT / 'configs' / 'pipelines'
# What stages write by hand, and what others have published.
LABELS = ('pseudo_labels', 'psa_labels/labels', 'irn_labels/labels', 'rsepm')
DEBIASED = 'debiased/labels'
TRAIN, VAL, SIZE = 6, 2, 64
# STEGO holds one image in twenty out.
TRAIN_OF_STEGO = 21


def noise(rng, path):
    """Save a picture, upright or lying."""
    size = (36, 44) if rng.random() < 0.5 else (44, 36)
    picture = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(picture).save(path)
    return size


def draw_masks(rng, size, stem, present, folders):
    """Save masks with a box of each class; the debiased have 254."""
    mask = np.zeros(size, np.uint8)
    for k, label in enumerate(present):
        mask[8:32, 2 + 17 * k : 17 + 17 * k] = label
    for folder in folders:
        saved = mask.copy()
        if folder.name == 'labels' and folder.parent.name == 'debiased':
            saved[:8] = 254
        Image.fromarray(saved).save(folder / f'{stem}.png')


def draw(root, images, masks, count, seed=0):
    """Draw pictures and masks; returns the classes of each, from 1."""
    rng = np.random.default_rng(seed)
    folders = [root / folder for folder in (images, *masks)]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for index in range(count):
        stem = f'{seed}_{index:03}'
        # Every third has one class alone, as CSD pastes from.
        present = [1 + index % 2] if index % 3 == 0 else [1, 2]
        size = noise(rng, folders[0] / f'{stem}.jpg')
        draw_masks(rng, size, stem, present, folders[1:])
        found[stem] = present
    return found


def make_voc(root, count=TRAIN):
    """Write VOC 2012 as MMSegmentation lays it out, with cls_labels.npy."""
    truth = ('SegmentationClass', 'SegmentationClassAug')
    masks = (*truth, *LABELS, DEBIASED)
    train = draw(root, 'JPEGImages', masks, count)
    val = draw(root, 'JPEGImages', truth, VAL, seed=1)
    lists = root / 'ImageSets' / 'Segmentation'
    lists.mkdir(parents=True)
    for name, stems in (
        ('train_aug', [*train]),
        ('train', [*train][:4]),
        ('val', [*val]),
    ):
        (lists / f'{name}.txt').write_text('\n'.join(stems))
    labels = {stem: np.zeros(20, np.float32) for stem in train}
    for stem, present in train.items():
        labels[stem][np.array(present) - 1] = 1
    np.save(root / 'cls_labels.npy', labels)
    # What CLIP's text encoder writes.
    names = PascalVOCDataset.METAINFO['classes'][1:]
    write_texts(root / 'clip_text.npz', names, dims=512)


def make_coco(root, count=TRAIN):
    """Write COCO 2014 as the converters of this repository do."""
    masks = ('masks_train', *LABELS, DEBIASED)
    train = draw(root, 'train2014', masks, count)
    val = draw(root, 'val2014', ['masks_val'], VAL, seed=1)
    (root / 'train.txt').write_text('\n'.join(train))
    (root / 'val.txt').write_text('\n'.join(val))
    names = {s: [COCO_CLASSES[k - 1] for k in p] for s, p in train.items()}
    save_image_labels(root / 'image_labels_train.json', names)


LAYOUTS = {'data/VOCdevkit/VOC2012': make_voc, 'data/coco2014': make_coco}


def make(root, count=TRAIN):
    """Write both data sets below a folder."""
    for folder, write in LAYOUTS.items():
        write(root / folder, count)


def on_cpu(node):
    """Drop what needs a download or a GPU, keep everything else."""
    for part in walk_dicts(node):
        init_cfg = part.get('init_cfg')
        if isinstance(init_cfg, dict) and init_cfg['type'] == 'Pretrained':
            del part['init_cfg']  # a pipeline's options may give another
        if part.get('type') == 'SyncBN':
            part['type'] = 'BN'
        if str(part.get('type')).endswith('TimmFeatures'):
            part['checkpoint'] = None
        if 'pretrained' in part:
            is_flag = isinstance(part['pretrained'], bool)
            part['pretrained'] = False if is_flag else None


def shrink(cfg, root, size=SIZE):
    """Move a config to small pictures below a folder, on a CPU."""
    move_paths(cfg, cfg.data_root, str(root / cfg.data_root))
    on_cpu(cfg._cfg_dict)
    for step in walk_dicts(cfg._cfg_dict):
        kind = str(step.get('type')).rpartition('.')[2]
        if kind in ('RandomCrop', 'CenterCrop'):
            step['crop_size'] = (size, size)
        elif kind in ('RandomResize', 'RandomResizedCrop') or (
            kind == 'Resize' and step.get('keep_ratio') is False
        ):
            step['scale'] = (size, size)
        elif kind == 'ResizeShortestEdge':
            step['scale'] = size
        if 'size' in step and 'bgr_to_rgb' in step:
            step['size'] = (size, size)
        if 'num_workers' in step:
            step.update(num_workers=0, persistent_workers=False)
            step['batch_size'] = min(step['batch_size'], 2)


def shorten(cfg):
    """Cut a training to two iterations."""
    loop = cfg.get('train_cfg')
    if not loop:
        return
    if 'max_iters' in loop:
        loop.update(max_iters=2, val_interval=2)
        cfg.default_hooks.checkpoint.interval = 2
        return
    loop.update(max_epochs=1, val_interval=1)
    dataset = cfg.train_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    dataset.indices = 4


def write_pipeline(name, root):
    """Write a pipeline, and its configs, for two iterations a training."""
    pipeline = Config.fromfile(PIPELINES / f'{name}.py')
    given = pipeline.configs
    # Stages may name a file too.
    files = {
        stage: settings.config
        for stage, settings in pipeline.stages.items()
        if settings and str(settings.get('config')).endswith('.py')
    }
    small = {}
    if not (root / 'data').is_dir():
        make(root, TRAIN_OF_STEGO if 'stego' in given else TRAIN)
    for path in {*given.values(), *files.values()}:
        cfg = Config.fromfile(ROOT / path, import_custom_modules=False)
        shrink(cfg, root)
        shorten(cfg)
        # MARS clusters regions of the background, which long walks of an
        # untrained network do not leave; Spatial-BCE's phases need objects.
        for step in find_steps(cfg._cfg_dict, 'RandomWalk'):
            step['steps'] = 1
        for step in find_steps(cfg._cfg_dict, 'AddBackground'):
            if 'constant' in step:
                step['constant'] = 0 if 'phase' in given else 0.6
        file = root / 'configs' / f'{Path(path).stem}.py'
        file.parent.mkdir(exist_ok=True)
        cfg.dump(file)
        small[path] = str(file)
    stages = {s: dict(config=small[path]) for s, path in files.items()}
    file = root / f'{name}.py'
    file.write_text(
        f"_base_ = '{PIPELINES / name}.py'\n"
        f'configs = {json.dumps({k: small[p] for k, p in given.items()})}\n'
        f'stages = {json.dumps(stages)}\nprepare = []\n'
    )
    return file


def main():
    """Run pipelines; the exit code counts those that fail."""
    import subprocess

    names = sorted(
        path.stem
        for pattern in ('voc12_*.py', 'coco14_*.py', 'all_voc12.py')
        for path in PIPELINES.glob(pattern)
    )
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('names', nargs='*', metavar='PIPELINE')
    parser.add_argument('--all', action='store_true', help=', '.join(names))
    parser.add_argument('--root', type=Path, help='keep the results here')
    parser.add_argument('--cfg-options', nargs='+', help='of each pipeline')
    args = parser.parse_args()
    options = ['--cfg-options', *args.cfg_options] if args.cfg_options else []
    root = args.root or Path(tempfile.mkdtemp())
    failed = []
    for name in names if args.all else args.names:
        pipeline = write_pipeline(name, root / name)
        tool = ROOT / 'tools' / 'run_pipeline.py'
        work = ['--work-dir', root / name / 'work', '--num-workers', '0']
        command = [sys.executable, tool, pipeline, *work, *options]
        if subprocess.run(command, cwd=ROOT).returncode:
            failed.append(name)
    print(f'{root}: ' + (f'failed: {", ".join(failed)}' if failed else 'done'))
    raise SystemExit(len(failed))


if __name__ == '__main__':
    main()
