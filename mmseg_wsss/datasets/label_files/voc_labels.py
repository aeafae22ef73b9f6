"""Reader of PASCAL VOC annotations, as many programs write them."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from xml.etree import ElementTree

from mmengine.logging import print_log

from ...io.stems import image_stem
from .class_names import names_met, unique_names
from .readers import Pairs

_DECLARATION = re.compile(rb'<\?xml[^>]*?encoding\s*=\s*["\']([\w.:-]+)["\']')
# gb2312 in a head often means its supersets, which decode it the same.
_SUPERSETS = {'gb2312': 'gb18030', 'gbk': 'gb18030'}


def read_voc_xml(
    folder: Path, include_difficult: bool = True
) -> tuple[Pairs, tuple]:
    """Read a folder of PASCAL VOC annotations.

    Sub-folders are read too, but for hidden ones. Parts of objects are no
    classes. macOS's companions ``._<name>.xml`` are
    skipped with a warning.

    Args:
        folder: The ``Annotations`` folder, or one above; one ``<stem>.xml``
            per image.
        include_difficult: Count objects marked difficult, as the field's
            label files do.

    Returns:
        tuple: Pairs, and the sorted names of the classes met.

    Raises:
        ValueError: If the folder has no XML file, two have one name, or one
            cannot be read.
    """
    every = _find_files(folder)
    files = [path for path in every if not path.name.startswith('._')]
    if not files:
        raise ValueError(
            f'{folder} has no *.xml file; a VOC data set has them in '
            "'Annotations'"
        )
    seen: dict[str, Path] = {}
    for path in files:
        first = seen.setdefault(image_stem(path.name), path)
        if first != path:
            raise ValueError(
                f'{first} and {path} are annotations of one name: give the '
                'folder of one of them, or rename both with their photos'
            )
    if len(every) > len(files):
        print_log(
            f'{folder}: skipped {len(every) - len(files)} files ._*.xml, '
            'which macOS adds and which are no annotations',
            logger='current',
            level=logging.WARNING,
        )
    pairs = []
    for file in files:
        kept = [
            (thing.findtext('{*}name') or '').strip()
            for thing in _objects(file)
            if include_difficult
            or (thing.findtext('{*}difficult') or '').strip().lower()
            not in ('1', 'true')
        ]
        if not all(kept):
            raise ValueError(f'{file} has an object without a name')
        pairs.append((file.stem, unique_names(kept)))
    return pairs, names_met(pairs)


def _find_files(folder: Path) -> list[Path]:
    """Return the XML files below a folder, those in hidden folders not."""
    return sorted(
        path
        for path in folder.rglob('*')
        if path.suffix.lower() == '.xml'
        and not any(
            part.startswith('.')
            for part in path.relative_to(folder).parts[:-1]
        )
    )


def _objects(file: Path) -> list[ElementTree.Element]:
    """Return the objects of an annotation, which are its children."""
    root = _parse(file)
    objects = root.findall('{*}object')
    tag = root.tag.rpartition('}')[2]
    if not objects and len(root) and tag != 'annotation':
        raise ValueError(
            f'{file} is no VOC annotation: it has <{tag}> where VOC has '
            '<annotation> with <object> in it'
        )
    if not objects and root.find('.//{*}object') is not None:
        raise ValueError(
            f'{file} has its <object> inside another element: VOC has them '
            'directly in <annotation>'
        )
    return objects


def _parse(file: Path) -> ElementTree.Element:
    """Parse XML in any encoding that Python knows."""
    data = file.read_bytes()
    stripped = data.lstrip()
    if stripped.startswith(b'<?xml'):  # blanks above it are an error to expat
        data = stripped
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as exc:
        raise ValueError(
            f'{file} is not valid XML: {exc}; if it opens in an editor, save '
            'it there as UTF-8'
        ) from exc
    except (ValueError, LookupError):  # an encoding of which expat knows none
        return _parse_decoded(file, data)


def _parse_decoded(file: Path, data: bytes) -> ElementTree.Element:
    """Parse XML whose encoding expat does not know."""
    head = _DECLARATION.match(data)
    name = head[1].decode('ascii') if head else 'UTF-8'
    try:
        text = data.decode(_SUPERSETS.get(name.lower(), name))
    except LookupError:
        text = None
    except UnicodeDecodeError as exc:
        raise ValueError(
            f'{file} says that its encoding is {name!r}, but it is not: '
            f'{exc}; save it as UTF-8'
        ) from exc
    try:
        text = data.decode('utf-8') if text is None else text
        return ElementTree.fromstring(text.partition('?>')[2].lstrip())
    except (UnicodeDecodeError, ElementTree.ParseError) as exc:
        raise ValueError(
            f'{file} cannot be read with its encoding {name!r}: {exc}; save '
            'it as UTF-8'
        ) from exc
