"""Seeds of an image: a frozen CLIP against CAMs of four scales and flips.

    python benchmarks/clip_seeds.py

One image of 500 x 375 pixels with two classes, on the networks alone, without
reading files; weights are random, which takes as long as trained ones. CLIP is
a ViT-B/16 on one scale, with 25 texts of backgrounds. CAMs are those of
VOC's configs, summed over 4 scales and flips as `make_cams.py --tta` does.
The ratio leaves out that a CAM network is trained before, and CLIP is not.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from measure import (
    DEVICE,
    in_fresh_process,
    medians,
    new_parser,
    parse,
    peak_mib,
    print_table,
)
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_wsss import set_image_labels
from mmseg_wsss.compat import load_config
from mmseg_wsss.io.text_embeddings import TextEmbeddings, save_text_embeddings

ROOT = Path(__file__).resolve().parents[1]
SIZE = (375, 500)
CLASSES = ('background', *map(str, range(20)))
SCALES = (0.5, 1.0, 1.5, 2.0)
NAMES = {
    'CLIP ViT-B/16, 1 scale': 'clip_vit-b16',
    'CAM of ResNet-50, 4 scales and flips': 'cam_r50',
    'CAM of MobileNetV2, 4 scales and flips': 'cam_mobilenetv2',
}


def build(name: str) -> nn.Module:
    """Build a network of configs/_base_/models with random weights."""
    torch.manual_seed(0)
    init_default_scope('mmseg')
    cfg = load_config(ROOT / f'configs/_base_/models/{name}.py')
    if name == 'clip_vit-b16':
        cfg.model.tower.pretrained = False
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, 'clip_text.npz')
            write_texts(file)
            cfg.model.update(text_embeddings=str(file), classes=CLASSES)
            model = MODELS.build(cfg.model)
    else:
        cfg.model.backbone.init_cfg = None
        cfg.model.decode_head.num_classes = len(CLASSES)
        # Images are whole, not crops.
        cfg.model.data_preprocessor.test_cfg = dict()
        model = MODELS.build(
            dict(type='mmseg_wsss.CAMTTAModel', module=cfg.model)
        )
    return model.to(DEVICE).eval()


def write_texts(file: Path) -> None:
    """Write random vectors of 20 classes and 25 backgrounds."""
    vectors = np.random.default_rng(0).normal(size=(45, 512))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = tuple(map(str, range(20)))
    others = tuple(map(str, range(25)))
    save_text_embeddings(
        file,
        TextEmbeddings(
            'random', names, names, others, vectors[:20], vectors[20:]
        ),
    )


def sample(size: tuple[int, int], flip: bool = False) -> SegDataSample:
    """Return the sample of an image with two classes."""
    found = SegDataSample(
        metainfo=dict(
            ori_shape=SIZE,
            img_shape=size,
            flip=flip,
            flip_direction='horizontal' if flip else None,
        )
    )
    labels = torch.zeros(len(CLASSES))
    labels[[0, 3, 7]] = 1
    set_image_labels(found, labels)
    return found


def batch(name: str) -> dict:
    """Return an image as the test loader gives it, in all augmentations."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(
        0, 256, (3, *SIZE), generator=generator, dtype=torch.uint8
    )
    if name == 'clip_vit-b16':
        return dict(inputs=[image], data_samples=[sample(SIZE)])
    data = dict(inputs=[], data_samples=[])
    for scale in SCALES:
        size = tuple(round(scale * side) for side in SIZE)
        view = resized(image, size)
        for flip in (False, True):
            data['inputs'].append([view.flip(-1) if flip else view])
            data['data_samples'].append([sample(size, flip)])
    return data


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize an image (3, H, W) of uint8."""
    return F.interpolate(image[None].float(), size, mode='bilinear')[0].byte()


@torch.no_grad()
def seeds(model: nn.Module, name: str) -> None:
    model.test_step(batch(name))


def peak(name: str) -> float:
    return peak_mib(partial(seeds, build(name), name))


def main() -> None:
    args = parse(new_parser(__doc__), repeats=5)
    runs = {
        title: partial(seeds, build(name), name)
        for title, name in NAMES.items()
    }
    times = medians(runs, args.repeats)
    first = next(iter(times.values()))
    print_table(
        ('seeds', 'ms an image', 'of CLIP', 'peak MiB'),
        (
            (
                title,
                f'{ms:.0f}',
                f'{ms / first:.2f}',
                f'{in_fresh_process(peak, NAMES[title]):.0f}',
            )
            for title, ms in times.items()
        ),
    )


if __name__ == '__main__':
    main()
