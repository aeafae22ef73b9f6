"""Lists of images: the field's text formats to the stems that MMSeg wants.

MMSeg's ``ann_file`` is a text file with one bare stem per line. PSA, SEAM and
HFPL have lines such as ``/JPEGImages/x.jpg /SegmentationClassAug/x.png``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..fileio import whole_file
from .stems import image_stem


def read_split_list(path: str | os.PathLike) -> list[str]:
    """Read a list of images as stems.

    A line is an image (id, file name or path), or an image and its mask.
    Empty lines are skipped, the last line may lack its newline.

    Args:
        path: The text file, UTF-8.

    Returns:
        list[str]: Stems in the order of the file, repetitions kept.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is something else, or there is no image.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'there is no list of images at {path}')
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()
    except UnicodeDecodeError as exc:
        raise ValueError(f'{path} is not a UTF-8 text file: {exc}') from exc
    stems = [
        _parse_line(line, f'{path}, line {number}')
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not stems:
        raise ValueError(f'{path} lists no image')
    return stems


def write_split_list(path: str | os.PathLike, stems: Iterable[str]) -> None:
    """Write a list of stems, one per line, atomically.

    Args:
        path: The file to write; missing folders are made.
        stems: Stems in the order wanted.
    """
    text = ''.join(f'{stem}\n' for stem in stems)
    with whole_file(path) as part:
        part.write_text(text, encoding='utf-8', newline='\n')


def _parse_line(line: str, where: str) -> str:
    stems = [image_stem(name) for name in line.split()]
    if len(stems) > 2 or stems[0] != stems[-1] or not stems[0]:
        raise ValueError(
            f"{where}: expected 'image' or 'image mask' with the same stem, "
            f"got '{line.strip()}'"
        )
    return stems[0]
