"""Draws the built-in scenes and writes the set in the layout of VOC.

What the pictures hold is planned in :mod:`.plan`. A set is a folder::

    JPEGImages/train_0000.jpg          picture
    SegmentationClass/train_0000.png   exact mask, for evaluation only
    ImageSets/Segmentation/train.txt   stems of a split (also val.txt)
    image_labels.json                  image labels of both splits
    scenes.json                        the settings it was drawn with

The same settings give the same pictures, and picture i does not depend on
how many there are. Bytes repeat on one machine; another version of NumPy or
Pillow may round or compress a little differently.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ...io.atomic import atomic_write
from ...io.labels import save_label
from ..label_files.load import save_image_labels
from ..label_files.split_lists import write_split_list
from .layout import paint_scene
from .pen import Canvas
from .plan import (
    CLASSES,
    PALETTE,
    SIZES,
    SPLITS,
    ScenePlan,
    make_generator,
    plan_scene,
)

MIN_AREA, MIN_TELL_TALE = 0.015, 0.002
"""Shares of the picture that a class and its tell-tale part show at least."""

_VERSION, _ATTEMPTS, _QUALITY = 1, 200, 92
_ENTRIES = (
    *('JPEGImages', 'SegmentationClass', 'ImageSets'),
    *('image_labels.json', 'scenes.json'),
)


@dataclass(frozen=True)
class Scene:
    """One drawn picture.

    Attributes:
        plan: What the picture holds.
        image: (H, W, 3) uint8, RGB.
        mask: (H, W) uint8, class indices 0 to 6.
        context: (H, W) uint8: 0 nothing, 1 rails, 2 water, 3 road.
        tell_tale: (H, W) uint8: 1 where the tell-tale part of an object is.
    """

    plan: ScenePlan
    image: np.ndarray
    mask: np.ndarray
    context: np.ndarray
    tell_tale: np.ndarray


def draw_scene(
    seed: int, split: str, index: int, sizes: Sequence[int] = SIZES
) -> Scene:
    """Draw one picture with its exact mask.

    A layout that hides a class or its tell-tale part is drawn again, so the
    mask holds exactly the classes of the plan.

    Args:
        seed (int): Seed of the set, not negative.
        split (str): 'train' or 'val'.
        index (int): Number of the picture in its split, not negative.
        sizes (Sequence[int]): Smallest and largest side in pixels.

    Returns:
        Scene: The same for the same arguments.

    Raises:
        ValueError: If an argument is out of range.
        RuntimeError: If no layout shows all the classes.
    """
    plan = plan_scene(seed, split, index, sizes)
    for attempt in range(1, _ATTEMPTS):
        rng = make_generator(seed, split, index, attempt)
        canvas = Canvas(plan.width, plan.height)
        paint_scene(canvas, plan, rng)
        mask, context, tell_tale = canvas.layers()
        if _all_visible(plan, mask, tell_tale):
            image = _photograph(canvas.picture(), rng)
            return Scene(plan, image, mask, context, tell_tale)
    raise RuntimeError(
        f'no layout of {plan} shows all its classes '
        f'(seed {seed}, {split} picture {index})'
    )


def write_scenes(
    out: str | os.PathLike,
    train: int = 600,
    val: int = 150,
    sizes: Sequence[int] = SIZES,
    seed: int = 0,
    overwrite: bool = False,
    step: Callable[[], None] | None = None,
) -> bool:
    """Write the data set, whole or not at all.

    Args:
        out (str | os.PathLike): Folder to make.
        train (int): Number of pictures to train on.
        val (int): Number of pictures to evaluate on.
        sizes (Sequence[int]): Smallest and largest side in pixels.
        seed (int): Seed, not negative.
        overwrite (bool): Whether another set of scenes in ``out`` may be
            replaced. Nothing else ever is.
        step (Callable[[], None] | None): Called after every picture.

    Returns:
        bool: False if this very set is there already, else True.

    Raises:
        ValueError: If an argument is out of range, or ``out`` holds
            something else.
        OSError: If ``out`` cannot be written.
    """
    if train < 1 or val < 1:
        raise ValueError(
            f'train and val must be at least 1, got {train} and {val}'
        )
    plan_scene(seed, 'train', 0, sizes)
    settings = {
        'version': _VERSION,
        'train': train,
        'val': val,
        'sizes': list(sizes),
        'seed': seed,
    }
    out = Path(out).resolve()
    if _is_there(out, settings, overwrite):
        return False
    if out.exists():
        _check_others(out)
    part = out.with_name(f'.{out.name}.{os.getpid()}.part')
    try:
        part.mkdir(parents=True)
    except OSError as error:
        raise OSError(f'cannot make {out}: {error.strerror}') from error
    try:
        _write_pictures(part, settings, step)
        if out.exists():
            shutil.rmtree(out)
        os.replace(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return True


def _write_pictures(
    folder: Path, settings: dict, step: Callable[[], None] | None
) -> None:
    images, masks = folder / 'JPEGImages', folder / 'SegmentationClass'
    images.mkdir()
    labels = {}
    for split in SPLITS:
        stems = _stems(split, settings[split])
        for index, stem in enumerate(stems):
            scene = draw_scene(
                settings['seed'], split, index, settings['sizes']
            )
            picture = Image.fromarray(scene.image)
            picture.save(images / f'{stem}.jpg', quality=_QUALITY)
            save_label(masks / f'{stem}.png', scene.mask, PALETTE)
            labels[stem] = scene.plan.classes
            if step is not None:
                step()
        lists = folder / 'ImageSets' / 'Segmentation'
        write_split_list(lists / f'{split}.txt', stems)
    save_image_labels(folder / 'image_labels.json', labels)
    with atomic_write(folder / 'scenes.json') as file:
        file.write_text(json.dumps(settings) + '\n', encoding='utf-8')


def _stems(split: str, count: int) -> list[str]:
    return [f'{split}_{index:04d}' for index in range(count)]


def _is_there(out: Path, settings: dict, overwrite: bool) -> bool:
    """Return whether ``out`` holds this set; raise if it holds others."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    marker = out / 'scenes.json'
    if not marker.is_file():
        raise ValueError(
            f'{out} exists and is not a set of scenes; choose another folder'
        )
    found = marker.read_text(encoding='utf-8').strip()
    stems = [
        stem for split in SPLITS for stem in _stems(split, settings[split])
    ]
    complete = found == json.dumps(settings) and all(
        (out / 'JPEGImages' / f'{stem}.jpg').is_file()
        and (out / 'SegmentationClass' / f'{stem}.png').is_file()
        for stem in stems
    )
    if not complete and not overwrite:
        raise ValueError(
            f'{out} holds other or damaged scenes ({found}); choose another '
            'folder or overwrite it'
        )
    return complete


def _check_others(out: Path) -> None:
    """Check that a folder holds nothing but scenes, as it is replaced."""
    others = {p.name for p in out.iterdir() if p.name[0] != '.'}
    others = sorted(others.difference(_ENTRIES))
    if others:
        raise ValueError(
            f'{out} also holds {", ".join(others)}, which would be removed: '
            'move them away, or choose another folder'
        )


def _all_visible(
    plan: ScenePlan, mask: np.ndarray, tell_tale: np.ndarray
) -> bool:
    for name in plan.classes:
        seen = mask == CLASSES.index(name)
        if seen.mean() < MIN_AREA:
            return False
        if (seen & (tell_tale > 0)).mean() < MIN_TELL_TALE:
            return False
    return True


def _smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], cells: int
) -> np.ndarray:
    grid = rng.standard_normal((cells, cells)).astype(np.float32)
    wide = Image.fromarray(grid).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(wide)


def _photograph(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add light, colour cast, blotches and noise; (H, W, 3) uint8."""
    shape = picture.shape[:2]
    light = rng.uniform(0.85, 1.1)
    light += rng.uniform(-0.12, 0.12) * np.linspace(-1, 1, shape[1])[None]
    light = light + 0.05 * _smooth_noise(rng, shape, 6)
    light = light + 0.03 * _smooth_noise(rng, shape, 40)
    cast = rng.uniform(0.93, 1.07, size=3)
    noise = rng.normal(0, rng.uniform(2, 6), size=picture.shape)
    out = picture * light[..., None] * cast + noise
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)
