"""A pipeline's folder as the tools leave it, made up on the tiny data."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_wsss.io.labels import save_label
from tests import tiny


def stage(work: Path, name: str, tool: str, cfg=None, **given) -> dict:
    """Write a stage's folder; returns its entry in ``pipeline.json``."""
    folder = work / name
    folder.mkdir(parents=True, exist_ok=True)
    if cfg is not None:
        cfg.dump(folder / 'config.py')
    status = given.pop('status', 'stage')
    record = {'figures': {}, 'seconds': 61.0, 'stopped_before': False}
    record.update({k: given.pop(k) for k in list(record) if k in given})
    (folder / f'{status}.json').write_text(json.dumps(record))
    entry = {'name': name, 'tool': tool, 'config': f'configs/{name}.py'}
    return {**entry, 'on': True, 'upstream': [], 'settings': {}, **given}


def summary(work: Path, stages: list[dict], name: str = 'tiny') -> None:
    """Write ``pipeline.json``, with the records of the stages."""
    for given in stages:
        file = work / given['name'] / 'stage.json'
        done = given['on'] and file.is_file()
        given['record'] = json.loads(file.read_text()) if done else None
    content = {'name': name, 'version': '0.1.0', 'stages': stages}
    (work / 'pipeline.json').write_text(json.dumps(content))


def labels_of(root: Path, index: int) -> np.ndarray:
    """The mask of an image, with more and more of it wrong."""
    label = np.array(Image.open(root / 'masks' / f'img_{index}.png'))
    label[: 4 * index] = 0
    return label


def scalars(folder: Path, lines: list, start: str = '20260101_000000') -> None:
    """Write what MMEngine's logger writes in one start of a training."""
    folder = folder / start / 'vis_data'
    folder.mkdir(parents=True)
    text = [x if isinstance(x, str) else json.dumps(x) for x in lines]
    (folder / 'scalars.json').write_text('\n'.join(text))


def pipeline(root: Path) -> Path:
    """Make up a pipeline with six images: five stages, all finished.

    ``cams`` has labels that are worse the higher the image's number,
    ``debias`` the same with biased pixels, ``evaluate`` predictions that are
    the masks.
    """
    tiny.make_dataset(root / 'tiny')
    work = root / 'work'
    cfg = tiny.config(root / 'tiny', tiny.cam_head(), root / 'x')
    other = tiny.config(root / 'tiny', tiny.fcn_head(), root / 'x')
    # The segmentor is tested on other images: two of the six.
    (root / 'tiny' / 'val.txt').write_text('img_1\nimg_4')
    other.test_dataloader.dataset.ann_file = str(root / 'tiny' / 'val.txt')
    figures = {'mIoU': 12.34, 'aAcc': 55.5}
    stages = [
        stage(work, 'classifier', 'train.py', cfg, figures=figures),
        stage(work, 'cams', 'make_cams.py', cfg, upstream=['classifier']),
        stage(work, 'debias', 'make_pseudo_labels.py', cfg),
        stage(work, 'segmentor', 'train.py', other, stopped_before=True),
        stage(work, 'evaluate', 'test.py', other),
        {'name': 'ocr', 'tool': 'train.py', 'on': False},
    ]
    for index in range(6):
        label = labels_of(root / 'tiny', index)
        file = f'labels/img_{index}.png'
        save_label(work / 'cams' / file, label, tiny.PALETTE)
        label[:, 16:][label[:, 16:] > 0] = 254
        save_label(work / 'debias' / file, label, tiny.PALETTE)
    (work / 'evaluate' / 'predictions').mkdir()
    for index in (1, 4):
        mask = np.array(Image.open(root / f'tiny/masks/img_{index}.png'))
        path = work / 'evaluate' / 'predictions' / f'img_{index}.png'
        Image.fromarray(mask).save(path)
    train = [
        {'lr': 0.1, 'loss': 1 / k, 'd.loss_gap': 0.5 / k, 'epoch': k}
        | {'iter': 10 * k, 'step': 10 * k}
        for k in range(1, 5)
    ]
    validation = [{'mIoU': 5.0 * k, 'time': 1.0, 'step': k} for k in (1, 2)]
    scalars(work / 'classifier', [*train, *validation])
    summary(work, stages)
    return work
