"""The photos whose labels are doubted most, as data for the template."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...datasets.label_files.label_changes import (
    LabelChange,
    read_label_changes,
)
from ...io.stems import file_stem
from ...jobs.test_dataset import label_loader
from ..pipeline.plan import find_config
from .collect import Content
from .images import UNREADABLE, Images
from .pictures import data_uri
from .stages import StageInfo

# Photos that are shown, their longer side in pixels and largest file.
SHOWN, SIDE, MAX_PICTURE = 24, 200, 9_000


@dataclass
class DoubtedPhoto:
    """A photo with doubted labels.

    Attributes:
        stem: Its name.
        given: Names of the classes that it is labelled with.
        labels: Its doubted labels, the most doubted first.
        uri: The photo as data URI; '' if it cannot be read.
        size: Its width and height in pixels.
    """

    stem: str
    given: list[str]
    labels: list[LabelChange] = field(default_factory=list)
    uri: str = ''
    size: tuple[int, int] = (0, 0)

    @property
    def count(self) -> int:
        """Number of its doubted labels."""
        return len(self.labels)


@dataclass
class Doubts:
    """The doubted labels of a stage.

    Attributes:
        stage: Its name.
        file: The table, below the pipeline's folder.
        command: What corrects the labels by the table, for a shell; None
            where they are in a file that it cannot write.
        rows: Number of rows of the table.
        images: Number of images that were compared.
        photos: The first photos.
    """

    stage: str
    file: str
    command: str | None
    rows: int
    images: int
    photos: list[DoubtedPhoto]


def doubted_photos(content: Content) -> list[Doubts]:
    """Read the tables of doubted labels of all stages that wrote one.

    Args:
        content: What the report shows; gets a note for each that cannot be
            read.

    Returns:
        list[Doubts]: One for each stage.
    """
    found = []
    for stage in content.stages:
        file = stage.folder / 'doubts.csv'
        if stage.status != 'finished' or not file.is_file():
            continue
        lost = f'{stage.name}: its doubted labels are not shown'
        if stage.cfg is None:
            content.notes.append(f'{lost}, as {stage.no_cfg}')
            continue
        try:
            found.append(_read(stage, Images(stage.cfg)))
        # A config may be wrong in many ways; the others are still of use.
        except Exception as error:
            content.notes.append(f'{lost} ({error})')
    return found


def _read(stage: StageInfo, images: Images) -> Doubts:
    file = stage.folder / 'doubts.csv'
    # A person may have added rows without a score.
    rows = [
        row
        for row in read_label_changes(file)
        if row.given is not None and row.score is not None
    ]
    photos: dict[str, DoubtedPhoto] = {}
    for row in rows:
        if row.photo not in photos:
            if len(photos) == SHOWN:
                continue
            photos[row.photo] = _photo(file_stem(row.photo), images)
        photos[row.photo].labels.append(row)
    return Doubts(
        stage.name,
        f'{stage.folder.name}/{file.name}',
        _command(stage, file),
        len(rows),
        len(images.stems),
        list(photos.values()),
    )


def _command(stage: StageInfo, file: Path) -> str | None:
    loader = label_loader(stage.cfg.to_dict()) or {}
    if not str(loader.get('ann_file')).endswith('.json'):
        return None
    tool = find_config('tools/dataset_converters/apply_label_changes.py')
    files = (tool, loader['ann_file'], file)
    tool, labels, changes = (str(Path(path).resolve()) for path in files)
    return shlex.join(['python', tool, labels, changes, '--out', labels])


def _photo(stem: str, images: Images) -> DoubtedPhoto:
    given = images.candidates(stem)
    present = [] if given is None else np.flatnonzero(given)
    names = [images.classes[k] for k in present if k != images.background]
    photo = DoubtedPhoto(stem, names)
    try:
        picture = images.read_photo(stem, SIDE)
    except UNREADABLE:
        return photo
    photo.uri = data_uri(picture, MAX_PICTURE)
    photo.size = picture.shape[1::-1]
    return photo
