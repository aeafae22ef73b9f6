"""What a stage depends on: its config, files, outputs of other stages."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...compat import is_type, walk_dicts
from ...io.provenance import identity, settings_hash, short_hash

_REFERENCE = re.compile(r'\{([\w-]+)\.(\w+)\}')
# The version since which equal settings give equal results. It becomes the
# current one when they do not: then every stage runs again.
SAME_SINCE = '0.1.0'
# Options that name a file, or a folder of annotations.
_FILES = (
    *('ann_file', 'checkpoint', 'load_from', 'centroids'),
    *('neighbours', 'pretrained', 'text_embeddings'),
)
# Data sets that read every image of their list, and what names the images.
_COMPLETE = ('BaseSegDataset', 'PascalVOCDataset', 'ScenesDataset')
_PLACES = (
    *('data_root', 'ann_file', 'data_prefix', 'img_suffix'),
    'seg_map_suffix',
)
# Options that name a folder of another tool.
_FOLDERS = ('cam_dir', 'label_dir', 'feature_dir')


class Reference(NamedTuple):
    """An output of another stage, ``'{classifier.checkpoint}'``."""

    stage: str
    output: str

    def __str__(self) -> str:
        return f'{{{self.stage}.{self.output}}}'

    @classmethod
    def parse(cls, value: object) -> Reference | None:
        """Read a reference; None for anything else."""
        match = isinstance(value, str) and _REFERENCE.fullmatch(value)
        return cls(*match.groups()) if match else None


def find_references(node: object) -> Iterator[Reference]:
    """Yield the references in nested dicts, lists and tuples."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list | tuple):
        for item in node:
            yield from find_references(item)
    elif reference := Reference.parse(node):
        yield reference


def replace_references(
    node: object, resolve: Callable[[Reference], str]
) -> object:
    """Copy nested dicts, lists and tuples with each reference resolved."""
    if isinstance(node, dict):
        return {k: replace_references(v, resolve) for k, v in node.items()}
    if isinstance(node, list | tuple):
        return type(node)(replace_references(v, resolve) for v in node)
    reference = Reference.parse(node)
    return node if reference is None else resolve(reference)


def config_parts(cfg: Mapping, keys: Sequence[str]) -> dict[str, object]:
    """Return parts of a config by key; a dot in a key goes one dict down."""
    parts = {}
    for key in keys:
        node = cfg
        for name in key.split('.'):
            node = (node or {}).get(name)
        parts[key] = node
    return parts


def content_hash(
    part: object,
    files: Sequence[str],
    known: dict[str, object],
    **more,
) -> str:
    """Compute a hash of what a stage depends on.

    Args:
        part: The parts of its config that its tool reads.
        files: Files and folders that they name; missing ones are left out.
        known: Identities that were computed before; new ones are added.
        **more: Other values that the result depends on.

    Returns:
        str: Equal for equal content, wherever the working folder is.
    """
    for file in files:
        if file not in known and Path(file).exists():
            known[file] = identity(Path(file))
    found = {local_paths(f): known[f] for f in files if f in known}
    found |= {
        str([local_paths(folder), local_paths(names), suffix]): _image_sizes(
            folder, names, suffix, known
        )
        for folder, names, suffix in image_folders(part)
    }
    return settings_hash(
        part=local_paths(part),
        files=found,
        version=SAME_SINCE,
        more=local_paths(more),
    )


def image_folders(part: object) -> list[tuple[str, str, str]]:
    """Return the folders of images and masks that data sets name.

    Returns:
        list[tuple[str, str, str]]: Folder, list of names (an empty string if
        there is none) and suffix of each.
    """
    found = []
    for node in walk_dicts(part):
        root = node.get('data_root') or ''
        names = node.get('ann_file') or ''
        names = str(Path(root, names)) if names else ''
        for key, value in (node.get('data_prefix') or {}).items():
            if not is_local(value) and not (value == '' and root):
                continue
            mask = key == 'seg_map_path'
            option, default = ('seg_map', '.png') if mask else ('img', '.jpg')
            suffix = node.get(f'{option}_suffix') or default
            found.append((str(Path(root, value)), names, suffix))
    return list(dict.fromkeys(found))


def missing_images(part: object, known: dict[str, object]) -> list[str]:
    """Return the first listed file that is missing, of each folder.

    It is followed by the number of others. Data sets of unknown types may
    leave images out, and need not read all.

    Args:
        part: The parts of a config that a tool reads.
        known: What was found before; each folder is looked through once.
    """
    nodes = [
        node
        for node in walk_dicts(part)
        if any(is_type(node, kind) for kind in _COMPLETE)
        and node.get('indices') is None
    ]
    plain = [{k: v for k, v in n.items() if k in _PLACES} for n in nodes]
    found = []
    for place in image_folders(plain):
        key = f'missing of {place}'
        if key not in known:
            known[key] = _missing_of(*place)
        found += filter(None, [known[key]])
    return found


def _missing_of(folder: str, names: str, suffix: str) -> str:
    """Return what a list has and a folder lacks, empty if nothing."""
    files = _listed(folder, names, suffix) or ()
    missing = [file for file in files if not file.exists()]
    if not missing:
        return ''
    file, others = missing[0], len(missing) - 1
    if not str(file).isprintable():  # such as a byte order mark
        file = repr(str(file))
    elif file.is_symlink():
        file = f'{file}, a link to {file.readlink()}'
    return f'{file} and {others} more of {names}' if others else f'{file}'


def _image_sizes(
    folder: str, names: str, suffix: str, known: dict[str, object]
) -> str:
    """Return a hash of the listed files of a folder; of all without list."""
    key = str((folder, names, suffix))
    if key not in known:
        files = _listed(folder, names, suffix)
        # A data set may have suffixes of its own.
        if files is not None and any(map(os.path.lexists, files)):
            listing = {f.name: short_hash(f) for f in files}
            known[key] = settings_hash(listing=listing)
        elif Path(folder).is_dir():
            known[key] = identity(Path(folder))
        else:
            known[key] = ''
    return known[key]


def _listed(folder: str, names: str, suffix: str) -> list[Path] | None:
    """Return the files that a list names; None if it is no such list."""
    if not names or not Path(names).is_file():
        return None
    if Path(names).suffix not in ('', '.txt'):
        return None
    lines = Path(names).read_text('utf-8', 'replace').splitlines()
    stems = [line.strip() for line in lines if line.strip()]
    return [Path(folder, stem + suffix) for stem in stems]


def named_files(part: object) -> list[str]:
    """Return the local files that a part of a config names, in its order."""
    return list(dict.fromkeys(_names(part)))


def written_folders(part: object) -> list[str]:
    """Return the folders of CAMs, labels and features that steps name."""
    values = (n.get(key) for n in walk_dicts(part) for key in _FOLDERS)
    return list(dict.fromkeys(filter(is_local, values)))


def _names(part: object) -> Iterator[str]:
    for node in walk_dicts(part):
        for key in _FILES:
            value = node.get(key)
            if not is_local(value):
                continue
            if key == 'ann_file' and node.get('data_root'):
                value = str(Path(node['data_root']) / value)
            yield value


def is_local(value: object) -> bool:
    """Return whether a value is a local path (no URL, no reference)."""
    if not isinstance(value, str) or not value:
        return False
    return '://' not in value and not value.startswith('{')


def local_paths(node: object) -> object:
    """Return paths below the current folder relative to it."""
    if isinstance(node, str):
        return node.removeprefix(f'{Path.cwd()}/')
    if isinstance(node, dict):
        return {key: local_paths(item) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return [local_paths(item) for item in node]
    return node
