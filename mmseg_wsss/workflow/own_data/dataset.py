"""The data set that is written: photos, masks, labels, lists, configs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ...datasets.label_files.load import save_image_labels
from ...datasets.label_files.split_lists import write_split_list
from ...datasets.palette import voc_palette
from .collection import Collection
from .files import place_photo
from .masks import read_mask, write_mask
from .photos import ImageInfo


def write_dataset(
    folder: Path,
    found: Collection,
    infos: Mapping[Path, ImageInfo],
    masks: Mapping[str, Path],
    lists: tuple[Sequence[str], Sequence[str]],
    configs: Mapping[str, str],
    max_side: int,
    copy: bool,
    run: Callable[[Callable, list], list],
) -> list[str]:
    """Write a data set.

    Args:
        folder: An empty folder.
        found: Photos and labels.
        infos: Information on each photo.
        masks: Masks by the names of the photos. If there are any, photos
            without a class get one too.
        lists: Photos to train on, and to evaluate with.
        configs: Texts of the configs by file name.
        max_side: Longest side of a photo, 0 for any.
        copy: Copy photos in place of linking to them.
        run: Calls a function on each of a list.

    Returns:
        list[str]: What was done with the photos.
    """

    def place(stem: str) -> str:
        source = found.photos[stem]
        target = folder / 'images' / f'{stem}.jpg'
        return place_photo(source, target, infos[source], max_side, copy)

    done = Counter(run(place, list(found.photos)))
    palette = voc_palette(len(found.classes) + 1)
    for stem, names in found.labels.items():
        if stem in masks:
            mask = read_mask(masks[stem])
        elif masks and not names:
            info = infos[found.photos[stem]]
            mask = np.zeros((info.height, info.width), np.uint8)
        else:
            continue
        target = folder / 'masks' / f'{stem}.png'
        write_mask(mask, target, max_side, palette)
    save_image_labels(folder / 'image_labels.json', found.labels)
    for name, stems in zip(('train.txt', 'val.txt'), lists, strict=True):
        write_split_list(folder / name, stems)
    for name, text in configs.items():
        (folder / name).write_text(text, encoding='utf-8')
    return [f'{n} photos {what}' for what, n in sorted(done.items())]
