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


def check_ann_file(path: str | os.PathLike) -> None:
    """Check that MMSeg reads the right names from a list.

    MMSeg takes every line as a stem, also an empty one, and one with a mask.

    Args:
        path: The ``ann_file`` of a data set.

    Raises:
        ValueError: If it begins with a byte order mark, or a line is empty or
            names an image and its mask.
    """
    way_out = (
        'write a list of bare stems with '
        'tools/dataset_converters/irn_list2mmseg.py'
    )
    text = Path(path).read_text(encoding='utf-8')
    if text.startswith('\ufeff'):
        raise ValueError(
            f'{path} begins with a byte order mark (BOM), which MMSeg takes '
            f'for a part of the first name: {way_out}, or save it as UTF-8 '
            'without BOM'
        )
    for number, line in enumerate(text.removesuffix('\n').split('\n'), 1):
        if not line.strip():
            raise ValueError(
                f'{path}, line {number} is empty, which MMSeg takes for an '
                f'image without a name: delete the line, or {way_out}'
            )
        files = _files_in(line)
        if len(files) > 1 and len(set(map(image_stem, files))) == 1:
            raise ValueError(
                f'{path}, line {number} names an image and its mask, '
                f"'{line.strip()}', which MMSeg takes for one name: {way_out}"
            )


def _files_in(line: str) -> list[str]:
    """Return the files in a line; names and folders may have blanks."""
    words = line.split()
    folders = ['/' in word or '\\' in word for word in words]
    suffixes = [
        os.path.splitext(w)[1].lower() in IMAGE_SUFFIXES for w in words
    ]
    # In "my folder/a.jpg" only the end is a file's.
    one_path = suffixes[-1:] == [True] and not any(suffixes[:-1])
    if all(suffixes) or (all(folders) and not one_path):
        return words
    return [line]


def _parse_line(line: str, where: str) -> str:
    stems = [file_stem(name) for name in _files_in(line)]
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
