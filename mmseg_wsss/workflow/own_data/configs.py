"""The config files of a data set, from those in configs/_base_/own_data."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from ...compat import load_config
from ...datasets.palette import voc_palette
from ...jobs.text_prompts import overlaps
from .settings import (
    NETWORKS,
    batch_size,
    epochs_for,
    teacher_momentum,
    uses_irn,
    working_size,
)

PACKAGE = Path(__file__).resolve().parents[2]
FILES = ('common', 'data', 'training', 'cam', 'hfpl', 'csd', 'csd_hfpl')
FILES += ('affinity', 'refine', 'debias', 'segmentor', 'mars_segmentor')
FILES += ('full_segmentor',)
NETWORK_FILES = ('efficientnet_lite', 'mobilenetv2', 'r50')
FILES += ('clip', 'clip_pipeline', 'pipeline', *NETWORK_FILES)
# Photos of a longer side get features at stride 8 in place of 4.
_SMALL = 320


def package_configs() -> tuple[Path, str]:
    """Return the folder of the package's configs, and its name in ``_base_``.

    ``mmseg_wsss::`` holds wherever the package is installed. A checkout that
    was never installed has no such place, and is named by its path.
    """
    folder = PACKAGE / '.mim' / 'configs'
    if folder.is_dir():
        return folder, 'mmseg_wsss::'
    folder = PACKAGE.parent / 'configs'
    return folder, f'{folder}/'


def config_texts(
    name: str,
    classes: Sequence[str],
    train_photos: int,
    network: str,
    weights: str | None,
    has_masks: bool,
    long_side: int,
    max_side: int,
    seed: int,
    weights_prefix: str | None = None,
) -> dict[str, str]:
    """Return the config files.

    Args:
        name: Name of the data set and of the pipeline.
        classes: Class names, background first.
        train_photos: Number of training photos.
        network: A key of ``NETWORKS``.
        weights: Weights of the backbone, None from scratch.
        has_masks: Whether the photos set aside have masks.
        long_side: Long side of a usual photo, in pixels.
        max_side: Longest side of a photo, 0 for any.
        seed: Of the training.
        weights_prefix: What the names of the weights begin with, None for
            nothing.

    Returns:
        dict[str, str]: Python code by file name.
    """
    preset = NETWORKS[network]
    batch = batch_size(train_photos, preset.batch)
    epochs = epochs_for(train_photos, batch)
    size, crop = working_size(long_side, preset.size)
    folder, prefix = package_configs()
    # The templates are those of MobileNetV2.
    replaced = {
        'mmseg_wsss::': prefix,
        './mobilenetv2': f'./{preset.file}',
        '/cam_mobilenetv2': f'/cam_{preset.models}',
        '/irn_mobilenetv2': f'/irn_{preset.models}',
        'deeplabv3plus_mobilenetv2': f'deeplabv3plus_{preset.segmentor}',
    }
    texts = {}
    for file in FILES:
        if file in NETWORK_FILES and file != preset.file:
            continue
        template = folder / '_base_' / 'own_data' / f'{file}.py'
        text = template.read_text(encoding='utf-8')
        for old, new in replaced.items():
            text = text.replace(old, new)
        texts[f'{file}.py'] = text
    if network.startswith('lite'):
        name_of_file = f'{preset.file}.py'
        texts[name_of_file] = set_values(
            texts[name_of_file], arch=repr(network)
        )
    if not uses_irn(train_photos):
        texts['pipeline.py'] = texts['pipeline.py'].replace(
            'irn=True,', 'irn=False,'
        )
    texts['clip.py'] = set_values(
        texts['clip.py'], background=_lines(_backgrounds(classes), '[', ']')
    )
    texts['common.py'] = set_values(
        texts['common.py'],
        name=repr(name),
        classes=_lines(classes, '(', ')'),
        palette=_lines(voc_palette(len(classes)), '[', ']'),
        has_masks=has_masks,
        weights=repr(weights),
        weights_prefix=repr(weights_prefix),
        size=size,
        max_side=max_side,
        crop_size=(crop, crop),
        batch_size=batch,
        train_epochs=epochs,
        more_epochs=max(epochs // 2, 1),
        feature_stride=4 if long_side <= _SMALL else 8,
        teacher_momentum=teacher_momentum(
            epochs * max(train_photos // batch, 1)
        ),
        seed=seed,
    )
    return texts


def _backgrounds(classes: Sequence[str]) -> list[str]:
    """Return the names of backgrounds that are none of the classes'."""
    base = package_configs()[0] / '_base_' / 'models' / 'clip_vit-b16.py'
    names = load_config(base).clip_texts.background
    taken = overlaps(classes[1:], classes[1:], names)
    return [name for name in names if name not in taken]


def set_values(text: str, **values: object) -> str:
    """Return a config with other values of top-level names.

    Args:
        text: Python code.
        **values: Code of the values by name.

    Returns:
        str: The code; comments stay.

    Raises:
        ValueError: If a name is not assigned in ``text``.
    """
    for node in reversed(ast.parse(text).body):
        name = node.targets[0].id
        if name in values:
            lines = text.splitlines()
            comment = lines[node.end_lineno - 1][node.end_col_offset :]
            lines[node.lineno - 1 : node.end_lineno] = [
                f'{name} = {values.pop(name)}{comment}'
            ]
            text = '\n'.join(lines) + '\n'
    if values:
        raise ValueError(f'the config has no {", ".join(values)}')
    return text


def _lines(items: Sequence[object], start: str, end: str) -> str:
    """Return a long literal, one item a line."""
    return '\n'.join([start, *(f'    {item!r},' for item in items), end])
