"""What the tools that draw the images of a data set share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from ..io.atomic import atomic_write
from .contact_sheet import contact_sheet


def add_sheet_arguments(
    parser: argparse.ArgumentParser, number: str = 'of images drawn at random'
) -> None:
    """Add the options that name a picture and the images in it."""
    out = 'the picture, a .png'
    parser.add_argument('--out', type=_png, required=True, help=out)
    which = parser.add_mutually_exclusive_group()
    which.add_argument('--stems', nargs='+', help='names of the images')
    which.add_argument('--number', type=_number, default=6, help=number)
    parser.add_argument('--seed', type=int, default=0, help='of that draw')


def _png(text: str) -> str:
    if Path(text).suffix.lower() != '.png':
        raise argparse.ArgumentTypeError(f'must end in .png, got {text}')
    return text


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f'must be a number of at least 1, got {text}'
        )
    return int(text)


def choose_stems(
    args: argparse.Namespace,
    known: Sequence[str],
    folders: Mapping[str, Path],
    suffix: str = '.npz',
    first: Callable[[str], bool] = lambda stem: True,
) -> list[str]:
    """Return the images asked for, or draw some that all folders have.

    ``folders`` are those of <stem><suffix> by name; the images that ``first``
    accepts are drawn before the others.
    """

    def has(folder: Path, stem: str) -> bool:
        return (folder / f'{stem}{suffix}').is_file()

    for stem in args.stems or ():
        if stem not in known:
            raise SystemExit(
                f'--stems {stem}: the data set of test_dataloader has no such '
                f'image among its {len(known)}, e.g. {known[0]}'
            )
        for name, folder in folders.items():
            if not has(folder, stem):
                raise SystemExit(f'--stems {stem}: {name} has no file of it')
    if args.stems:
        return args.stems
    drawn = [], []
    for index in np.random.default_rng(args.seed).permutation(len(known)):
        stem = known[index]
        if all(has(folder, stem) for folder in folders.values()):
            drawn[not first(stem)].append(index)
        if len(drawn[0]) == args.number:
            break
    if drawn == ([], []):
        counts = {k: sum(has(d, s) for s in known) for k, d in folders.items()}
        raise SystemExit(
            f'none of the {len(known)} images has a file in every folder, '
            f'found: {counts}. Does the config test on the same images?'
        )
    return [known[k] for k in sorted((drawn[0] + drawn[1])[: args.number])]


def write_sheet(
    file: str | Path,
    rows: Sequence[Sequence[np.ndarray]],
    row_titles: Sequence[str],
    titles: Sequence[str],
) -> None:
    """Write a contact sheet; the last titles may have no column."""
    titles = titles[: max(map(len, rows))]
    with atomic_write(file) as part:
        contact_sheet(rows, row_titles, titles).save(part)


def add_rgb_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--rgb``, for :func:`to_rgb`."""
    text = 'the pipeline loads RGB (MMSeg: BGR)'
    parser.add_argument('--rgb', action='store_true', help=text)


def to_rgb(tensor: torch.Tensor, rgb: bool) -> np.ndarray:
    """Return an image (3, H, W) as (H, W, 3) uint8, RGB."""
    image = tensor.numpy().transpose(1, 2, 0)
    image = image if rgb else image[..., ::-1]
    return np.ascontiguousarray(image.clip(0, 255).astype(np.uint8))
