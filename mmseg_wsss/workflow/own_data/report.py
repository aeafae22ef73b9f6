"""The text that from_folder.py prints and writes to report.txt."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .advice import class_table, find_warnings
from .names import list_kinds, printable
from .photos import ImageInfo
from .settings import (
    NETWORKS,
    WALK_FROM,
    batch_size,
    epochs_for,
    uses_irn,
    working_size,
)

WIDTH = 79
# Of lite0, for a photo of 320 pixels in an epoch of the default pipeline: 65
# minutes for 238 photos and 29 epochs.
MINUTES = 65 / (238 * 29)
# Below these the start of each stage takes longer than training.
FEW = 5


def photo_lines(
    root: Path, infos: Mapping[Path, ImageInfo], others: Counter
) -> list[str]:
    """Return what was found in a folder of photos.

    Args:
        root: The folder.
        infos: Information on each photo.
        others: Number of other files by suffix.
    """
    left_out = {path: info.error for path, info in infos.items() if info.error}
    lines = [f'{len(infos)} image files in {root}']
    if others:
        lines.append(f'skipped, not read as photos: {list_kinds(others)}')
    if left_out:
        lines.append(f'{len(left_out)} photos cannot be used, left out:')
        lines += [f'    {path}: {e}' for path, e in left_out.items()]
    sizes = [
        (info.width, info.height) for info in infos.values() if not info.error
    ]
    if sizes:
        small, large = min(sizes, key=max), max(sizes, key=max)
        lines.append(
            f'sizes from {small[0]} x {small[1]} to {large[0]} x {large[1]}'
        )
        tiny = sum(min(size) < 64 for size in sizes)
        if tiny:
            lines.append(f'{tiny} photos have a side below 64 pixels')
    reasons = Counter(r for info in infos.values() for r in info.reasons)
    if reasons:
        number = sum(bool(info.reasons) for info in infos.values())
        text = ', '.join(f'{n} {what}' for what, n in reasons.most_common())
        lines.append(f'{number} get a converted copy: {text}')
    return lines


def label_lines(classes: Sequence[str], labels: np.ndarray) -> list[str]:
    """Return the table of the classes.

    Args:
        classes: The K foreground classes.
        labels: Labels (L, K), bool.
    """
    if not labels.size:
        return []
    return [
        '',
        f'labelled photos: {len(labels)}, classes: {len(classes)}, '
        f'labels per photo: {labels.sum(1).mean():.2f} (id 0 is background)',
        *class_table(classes, labels),
    ]


def warning_lines(classes: Sequence[str], labels: np.ndarray) -> list[str]:
    """Return which classes will be hard to learn; see :func:`label_lines`."""
    warnings = find_warnings(classes, labels)
    return ['', 'Warnings:', *(f'  {w}' for w in warnings)] if warnings else []


def training_lines(
    out: Path,
    network: str,
    weights: str | None,
    lists: tuple[Sequence[str], Sequence[str]],
    long_side: int,
    has_masks: bool,
    trains_cams: bool = True,
) -> list[str]:
    """Return what a training on the data set will be.

    Args:
        out: The folder of the data set.
        network: Name of the network.
        weights: What it starts from, None from scratch.
        lists: Photos to train on, and those set aside.
        long_side: Long side of a usual photo, in pixels.
        has_masks: Whether there are masks.
        trains_cams: Whether the seeds are of a CAM network that is trained.
    """
    preset, photos = NETWORKS[network], len(lists[0])
    batch = batch_size(photos, preset.batch)
    size, _ = working_size(long_side, preset.size)
    lines = [
        f'{photos} photos to train on, {len(lists[1])} for evaluation',
        f'{network}: {epochs_for(photos, batch)} epochs of '
        f'{max(photos // batch, 1)} batches of {batch}, photos resized to '
        f'{size} pixels',
    ]
    if network == 'lite0' and trains_cams:
        passes = photos * epochs_for(photos, batch) * (size / 320) ** 2
        minutes = MINUTES * passes
        lines.append(
            f'Expect {f"about {minutes:.0f}" if minutes >= FEW else "a few"} '
            'minutes on one thread of a CPU, most of it training'
        )
    if weights is None:
        lines.append(
            'Warning: the network starts from nothing. ImageNet weights '
            f'({preset.source}) make results much better: in {out}/common.py '
            f"set weights = '{preset.weights}'"
        )
    else:
        lines.append(f'The network starts from {weights}')
    if trains_cams and photos >= WALK_FROM and not uses_irn(photos):
        lines.append(
            "IRN's walk, which makes better labels, is off: install DenseCRF, "
            f'pip install "mmseg_wsss[crf]", and set irn=True in {out}/'
            'pipeline.py'
        )
    if not has_masks:
        lines.append(
            'There are no masks, so the evaluation cannot measure mIoU. A few '
            'dozen masks are enough: --masks'
        )
    return lines


def wrapped(lines: Sequence[str]) -> str:
    """Break long sentences; tables and commands stay as they are."""
    texts = []
    for line in map(printable, lines):
        start = len(line) - len(line.lstrip())
        if len(line) <= WIDTH or re.match(r' {4}| +python ', line):
            texts.append(line)
            continue
        texts += textwrap.wrap(
            line,
            WIDTH,
            subsequent_indent=' ' * (start + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return '\n'.join(texts)
