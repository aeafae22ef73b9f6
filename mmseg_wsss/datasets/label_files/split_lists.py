"""Lists of images: the field's text formats as stems for MMSeg.

MMSeg's ``ann_file`` is a text file with one bare stem per line. PSA, SEAM and
HFPL have lines such as ``/JPEGImages/x.jpg /SegmentationClassAug/x.png``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from ...io.atomic import atomic_write
from ...io.stems import IMAGE_SUFFIXES, file_stem, image_stem

_CLASS_LINE = re.compile(r'\s*\S+\s+(-1|0|1)\s*')


def read_split_list(path: str | os.PathLike) -> list[str]:
    """Read a list of images as stems.

    A line is an image (id, file name or path; its name may have blanks), or
    an image and its mask, both with a folder or both with a suffix. Empty
    lines are skipped, the last line may lack its newline.

    Args:
        path: The text file, UTF-8.

    Returns:
        list[str]: Stems as files have them (one suffix cut), in the order of
        the file, repetitions kept.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line names several files and not an image with its
            mask, there is no image, or it is VOC's list of one class.
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
    found = [_CLASS_LINE.fullmatch(line) for line in lines if line.strip()]
    if all(found) and any(match[1] == '-1' for match in found):
        raise ValueError(
            f'{path} says of each image whether it has one class (1, 0 or '
            "-1), as VOC's <class>_train.txt: use the list of all images"
        )
    return stems


def write_split_list(path: str | os.PathLike, stems: Iterable[str]) -> None:
    """Write a list of stems, one per line, atomically.

    Args:
        path: The file to write; missing folders are created.
        stems: Stems in the order wanted.
    """
    text = ''.join(f'{stem}\n' for stem in stems)
    with atomic_write(path) as part:
        part.write_text(text, encoding='utf-8', newline='\n')


def _parse_line(line: str, where: str) -> str:
    words = line.split()
    folders = ['/' in word or '\\' in word for word in words]
    suffixes = [
        os.path.splitext(w)[1].lower() in IMAGE_SUFFIXES for w in words
    ]
    files = words if all(folders) or all(suffixes) else [line]
    stems = [file_stem(name) for name in files]
    if (
        len(stems) > 2
        or image_stem(stems[0]) != image_stem(stems[-1])
        or not stems[0]
    ):
        raise ValueError(
            f"{where}: expected 'image' or 'image mask' with the same stem, "
            f"got '{line.strip()}'"
        )
    return stems[0]
