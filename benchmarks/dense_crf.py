"""DenseCRF: what candidate labels, processes and a shared lattice buy.

    python benchmarks/dense_crf.py                # synthetic images
    python benchmarks/dense_crf.py --images DIR   # the first images of DIR

Images of 500 x 375 (photos are scaled), 10 iterations, settings 'psa', 21
classes, one thread in each process. The ratio is to the time with all 21
labels in one process: what is below 1 is gained by the CRF on an image's
candidates alone, and by two processes; "2 unaries" are two CRFs. The agreement
is the share of pixels at which the candidates' best label is that of all 21
labels, with absent classes at the clip in both. The last table is the local
refiner, `pixel_adaptive_refine`, on one image.
"""

from __future__ import annotations

import multiprocessing
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import machine, medians, new_parser, parse, print_table
from PIL import Image

from mmseg_wsss.pseudo_labels.dense_crf import (
    DenseCRF,
    crf_from_scores,
    scores_to_unary,
)
from mmseg_wsss.pseudo_labels.pixel_adaptive import pixel_adaptive_refine

WIDTH, HEIGHT, CLASSES = 500, 375, 21
FOREGROUNDS = {3: (8, 15), 4: (8, 11, 15)}


def blur(noise: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth a map (H, W) with a Gaussian, in the Fourier domain."""
    fy = np.fft.fftfreq(noise.shape[0])[:, None]
    fx = np.fft.rfftfreq(noise.shape[1])
    damping = np.exp(-2 * (np.pi * sigma) ** 2 * (fy**2 + fx**2))
    smooth = np.fft.irfft2(np.fft.rfft2(noise) * damping, noise.shape)
    return smooth / smooth.std()


def synthetic(seed: int) -> np.ndarray:
    """A photo-like image: regions of one colour, shading, texture, noise."""
    rng = np.random.default_rng(seed)
    shape = HEIGHT, WIDTH
    regions = np.stack([blur(rng.normal(size=shape), 30) for _ in range(6)])
    colours = rng.uniform(30, 225, (6, 3))
    image = colours[regions.argmax(0)]
    image += 12 * blur(rng.normal(size=shape), 60)[..., None]
    image += 7 * blur(rng.normal(size=shape), 2)[..., None]
    image += rng.normal(0, 3, image.shape)
    return image.clip(0, 255).astype(np.uint8)


def load(folder: Path, count: int) -> list[np.ndarray]:
    paths = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in ('.jpg', '.jpeg', '.png')
    ]
    if not paths:
        raise SystemExit(f'{folder} holds no .jpg or .png image')
    return [
        np.array(Image.open(path).convert('RGB').resize((WIDTH, HEIGHT)))
        for path in paths[:count]
    ]


def cam_scores(seed: int, labels: int, alpha: float = 4) -> np.ndarray:
    """Background and CAM-like blobs (21, H, W); ``labels`` are not 0."""
    rng = np.random.default_rng(seed)
    scores = np.zeros((CLASSES, HEIGHT, WIDTH), np.float32)
    for k in FOREGROUNDS[labels]:
        cam = blur(rng.normal(size=(HEIGHT, WIDTH)), 40).clip(0)
        scores[k] = cam / cam.max()
    scores[0] = (1 - scores.max(0)) ** alpha
    return scores


def rows(labels: int) -> list[int]:
    """The candidates among the 21 classes."""
    return [0, *FOREGROUNDS[labels]]


def refine(job: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The label that a worker of make_pseudo_labels.py would write."""
    return crf_from_scores(*job).argmax(0).astype(np.uint8)


def several_unaries(jobs: list, shared: bool) -> None:
    """PSA's two alphas on each image, with one lattice or with two."""
    for image, low, high in jobs:
        if shared:
            crf = DenseCRF(image, len(low))
            for scores in (low, high):
                crf.marginals(scores_to_unary(scores))
        else:
            for scores in (low, high):
                crf_from_scores(image, scores)


def crf_table(images: list[np.ndarray], repeats: int) -> None:
    runs, agreement = {}, {}
    with multiprocessing.get_context('spawn').Pool(2) as pool:
        for k in FOREGROUNDS:
            low = [cam_scores(i, k) for i in range(len(images))]
            high = [cam_scores(i, k, 24) for i in range(len(images))]
            whole = list(zip(images, low, strict=True))
            few = [(image, scores[rows(k)]) for image, scores in whole]
            pairs = [
                (image, a[rows(k)], b[rows(k)])
                for image, a, b in zip(images, low, high, strict=True)
            ]
            agreement[k] = [
                np.array(rows(k))[refine(a)] == refine(b)
                for a, b in zip(few, whole, strict=True)
            ]
            if not runs:
                runs[f'all {CLASSES} labels'] = partial(
                    lambda jobs: list(map(refine, jobs)), whole
                )
            name = f'{k} candidates'
            runs[name] = partial(lambda jobs: list(map(refine, jobs)), few)
            runs[f'{name}, 2 processes'] = partial(pool.map, refine, few, 1)
            runs[f'{name}, 2 unaries, 2 lattices'] = partial(
                several_unaries, pairs, False
            )
            runs[f'{name}, 2 unaries, 1 lattice'] = partial(
                several_unaries, pairs, True
            )
        ms = medians(runs, repeats)
    base = ms[f'all {CLASSES} labels']
    print_table(
        ['DenseCRF', 'ms an image', 'images a minute', 'ratio'],
        (
            [
                name,
                f'{total / len(images):.0f}',
                f'{6e4 * len(images) / total:.0f}',
                f'x{total / base:.2f}',
            ]
            for name, total in ms.items()
        ),
    )
    print_table(
        ['candidates', f'pixels with the label of all {CLASSES}'],
        ([str(k), f'{np.mean(same):.6f}'] for k, same in agreement.items()),
    )


def refiner_table(image: np.ndarray, repeats: int) -> None:
    scores = torch.from_numpy(cam_scores(0, 4)[rows(4)])[None]
    picture = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    half = torch.nn.functional.avg_pool2d(scores, 2)
    ms = medians(
        {
            'full': lambda: pixel_adaptive_refine(scores, picture),
            'half': lambda: pixel_adaptive_refine(half, picture),
        },
        repeats,
    )
    sizes = {'full': (WIDTH, HEIGHT), 'half': (half.shape[3], half.shape[2])}
    print_table(
        ['pixel_adaptive_refine, 1 image, 4 labels', 'ms'],
        (
            [f'{name} resolution, {width} x {height}', f'{ms[name]:.0f}']
            for name, (width, height) in sizes.items()
        ),
    )


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument('--images', type=Path, help='folder of real images')
    parser.add_argument('--count', type=int, default=3, help='images')
    args = parse(parser, repeats=3)
    torch.set_num_threads(1)
    if args.images:
        images = load(args.images, args.count)
    else:
        images = [synthetic(seed) for seed in range(args.count)]
    kind = f'photos of {args.images}' if args.images else 'synthetic images'
    print(f'{len(images)} {kind}, {machine()}:\n')
    crf_table(images, args.repeats)
    refiner_table(images[0], args.repeats)


if __name__ == '__main__':
    main()
