"""The config files of a data set of one's own, from templates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template

from ...datasets.palette import voc_palette
from .settings import (
    NETWORKS,
    batch_size,
    epochs_for,
    teacher_momentum,
    working_size,
)

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / 'config-templates'
FILES = ('common', 'cam', 'hfpl', 'csd', 'csd_hfpl', 'affinity', 'refine')
FILES += ('debias', 'segmentor', 'mars_segmentor', 'pipeline')
# Base models and parts that differ from network to network.
_MODELS = {
    'mobilenetv2': (
        'cam_mobilenetv2',
        'irn_mobilenetv2',
        'deeplabv3plus_mobilenetv2',
    ),
    'r50': ('cam_r50', 'irn_r50', 'deeplabv3plus_r50-d8'),
}
_PARTS = {
    'mobilenetv2': ('mobilenetv2', 'irn_mobilenetv2', 'mobilenetv2'),
    'r50': ('cam_r50', 'irn_r50', 'segmentor_r50'),
}
# From scratch a segmentor leaves whole classes out: it starts from the CAMs'.
_PRETRAINED = "labels='{debias.labels}'"
_SCRATCH = (
    "\n            start='{classifier.checkpoint}',  # no weights else"
    f'\n            {_PRETRAINED},\n        '
)
# Photos of a longer side get features at stride 8 in place of 4.
_SMALL = 320


def package_configs() -> str:
    """Return what stands before ``_base_/...`` in a config of the user's.

    ``mmseg_wsss::`` holds wherever the package is installed. A checkout that
    was never installed has no such place, and is named by its path.
    """
    if (HERE.parents[1] / '.mim' / 'configs').is_dir():
        return 'mmseg_wsss::'
    return f'{HERE.parents[2] / "configs"}/'


def config_texts(
    name: str,
    classes: Sequence[str],
    train_photos: int,
    network: str,
    weights: str | None,
    has_masks: bool,
    long_side: int,
    seed: int,
    command: str,
) -> dict[str, str]:
    """Write the config files.

    Args:
        name: Name of the data set and of the pipeline.
        classes: Class names, background first.
        train_photos: Number of training photos.
        network: ``'mobilenetv2'`` or ``'r50'``.
        weights: Weights of the backbone, None from scratch.
        has_masks: Whether the photos set aside have masks.
        long_side: Long side of a usual photo, in pixels.
        seed: Of the training.
        command: The command that runs the pipeline, for its first lines.

    Returns:
        dict[str, str]: Python code by file name.
    """
    preset = NETWORKS[network]
    batch = batch_size(train_photos, preset.batch)
    epochs = epochs_for(train_photos, batch)
    size, crop = working_size(long_side, preset.size)
    cam_model, irn_model, segmentor_model = _MODELS[network]
    cam_part, irn_part, segmentor_part = map(_read, _PARTS[network])
    sampler = 'auxiliary_head=dict(sampler=_base_.mars_sampler)'
    values = dict(
        title=name,
        name=name,
        classes=_lines(classes, '(', ')'),
        palette=_lines(voc_palette(len(classes)), '[', ']'),
        has_masks=has_masks,
        imagenet=preset.imagenet[0],
        download=preset.imagenet[1],
        weights=repr(weights),
        lr_pretrained=preset.lr[0],
        lr_scratch=preset.lr[1],
        size=size,
        crop=crop,
        batch=batch,
        package=package_configs(),
        epochs=epochs,
        more_epochs=max(epochs // 2, 1),
        cam_model=cam_model,
        cam_network=cam_part.rstrip(),
        irn_model=irn_model,
        irn_network=irn_part.rstrip(),
        segmentor_model=segmentor_model,
        segmentor_network=segmentor_part.rstrip(),
        schedule=_read('schedule').rstrip(),
        poly=_read('poly').rstrip(),
        stride=4 if long_side <= _SMALL else 8,
        segmentor_start=_SCRATCH if weights is None else _PRETRAINED,
        momentum=teacher_momentum(epochs * max(train_photos // batch, 1)),
        mars_auxiliary=f', {sampler}' if network == 'r50' else '',
        seed=seed,
        command=command,
    )
    return {
        f'{file}.py': Template(_read(file)).substitute(values)
        for file in FILES
    }


def _read(template: str) -> str:
    return (TEMPLATES / f'{template}.txt').read_text(encoding='utf-8')


def _lines(items: Sequence[object], start: str, end: str) -> str:
    """Write a long literal, one item a line."""
    return '\n'.join([start, *(f'    {item!r},' for item in items), end])
