"""The section of the images: chosen ones through all stages."""

from __future__ import annotations

from html import escape

import numpy as np

from ...structures.labels import BIASED_LABEL, IGNORE_LABEL
from .charts import number
from .collect import Content, Group
from .images import UNREADABLE
from .parts import legend, names_of, section, swatch, text
from .pictures import MAX_PICTURE, SIDE, data_uri, lay_over


def strips_section(content: Content, room: int) -> str:
    """The chosen images, through all stages.

    Args:
        content: What the report tells.
        room: Bytes of the page that the pictures may take together.

    Returns:
        str: HTML.
    """
    count = sum(
        len(group.shown) * (len(group.stages) + 2) for group in content.groups
    )
    # Base64 makes them a third larger.
    limit = min(MAX_PICTURE, room * 3 // 4 // max(count, 1))
    parts = [_strips(group, limit) for group in content.groups if group.shown]
    if not parts:
        parts.append(text('No stage has left label maps.'))
    return section('Images through the stages', ''.join(parts))


def _strips(group: Group, limit: int) -> str:
    last = group.last.name
    if group.drawn:
        words = (
            f'{len(group.shown)} images drawn at random from those of '
            f'{last}: without masks there is no telling the best from the '
            'worst.'
        )
    else:
        words = (
            f'The worst, middle and best of {group.compared} images by the '
            f"mIoU of {last}. Below each picture is the image's own mIoU."
        )
    special: set[int] = set()
    strips = [
        _strip(group, stem, why, limit, special) for stem, why in group.shown
    ]
    least = 130 * (len(group.stages) + 2)
    columns = f'repeat(auto-fill,minmax(min(100%,{least}px),1fr))'
    return (
        f'<h3>{escape(names_of(group))}</h3>{text(words)}'
        f'{_colours(group, special)}'
        f'<div class="strips" style="grid-template-columns:{columns}">'
        f'{"".join(strips)}</div>'
    )


def _strip(
    group: Group, stem: str, why: str, limit: int, special: set[int]
) -> str:
    """An image through all stages; adds the labels 254 and 255 it meets."""
    images, title = group.images, escape(stem)
    try:
        photo = images.read_photo(stem, SIDE)
    except UNREADABLE as error:
        return text(f'{stem}: the photo cannot be read: {error}')
    present = images.candidates(stem)
    if present is not None:
        names = [
            images.classes[k]
            for k in np.flatnonzero(present)
            if k != images.background
        ]
        title += f': {escape(", ".join(names))}' if names else ''
    cells = [_cell(photo, 'photo', '', stem, limit)]
    maps = [
        (stage.name, stage.label_dir / f'{stem}.png', stage.predicts)
        for stage in group.stages
    ]
    for name, path, predicted in maps:
        if not path.is_file():
            cells.append(_empty(name, 'not there'))
            continue
        measured = group.measured.get(name)
        miou = measured.miou.get(stem) if measured else None
        said = '' if miou is None else f' {number(miou)}'
        try:
            label = images.read_label(path, predicted)
        except UNREADABLE:
            cells.append(_empty(name, 'cannot be read'))
            continue
        special.update({BIASED_LABEL, IGNORE_LABEL} & set(np.unique(label)))
        laid = lay_over(photo, label, images.palette, images.background)
        cells.append(_cell(laid, name, said, stem, limit))
    if images.has_mask(stem):
        try:
            mask = images.read_mask(stem)
            special.update({IGNORE_LABEL} & set(np.unique(mask)))
            laid = lay_over(photo, mask, images.palette, images.background)
            cells.append(_cell(laid, 'ground truth', '', stem, limit))
        except UNREADABLE:
            cells.append(_empty('ground truth', 'cannot be read'))
    return (
        f'<div class="strip"><h4><span class="why">{why}</span> {title}</h4>'
        f'<div class="cells" style="max-width:{len(cells) * 230}px">'
        f'{"".join(cells)}</div></div>'
    )


def _cell(picture, name: str, said: str, stem: str, limit: int) -> str:
    height, width = picture.shape[:2]
    return (
        f'<figure><img src="{data_uri(picture, limit)}" width="{width}" '
        f'height="{height}" alt="{escape(name)} of {escape(stem)}">'
        f'<figcaption>{escape(name)}<b>{said}</b></figcaption></figure>'
    )


def _empty(name: str, why: str) -> str:
    return (
        f'<figure><div class="none">{why}</div>'
        f'<figcaption>{escape(name)}</figcaption></figure>'
    )


def _colours(group: Group, special: set[int]) -> str:
    """Legend of the classes of the images shown, and of 254 and 255."""
    images, present = group.images, set()
    for stem, _ in group.shown:
        found = images.candidates(stem)
        if found is None:
            present.update(range(len(images.classes)))
        else:
            present.update(np.flatnonzero(found).tolist())
    items = [
        (swatch(images.palette[k]), images.classes[k])
        for k in sorted(present - {images.background})
    ]
    if BIASED_LABEL in special:
        items.append(('<span class="swatch biased"></span>', 'biased (254)'))
    if IGNORE_LABEL in special:
        items.append((swatch('white'), 'ignored (255)'))
    return legend(items)
