"""A pipeline's folder as plain data for its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .curves import Curves, read_curves
from .images import Images
from .measure import Measured, measure
from .stages import StageInfo, read_stages


@dataclass
class Group:
    """Stages that wrote label maps of the same images.

    Attributes:
        images: The images.
        stages: The stages in their order.
        measured: What was measured, by stage; without those that have no
            image with a mask.
        shown: Which images to show: their stems, and 'worst', 'middle',
            'best' or 'drawn'.
        drawn: Whether these were drawn, as there is nothing to rank by.
        compared: Number of images that were compared, of all.
    """

    images: Images
    stages: list[StageInfo] = field(default_factory=list)
    measured: dict[str, Measured] = field(default_factory=dict)
    shown: list[tuple[str, str]] = field(default_factory=list)
    drawn: bool = False
    compared: int = 0

    @property
    def names(self) -> str:
        """Names of the stages."""
        return ', '.join(stage.name for stage in self.stages)

    @property
    def last(self) -> StageInfo:
        """The stage that images are ranked by: the last one with labels."""
        labels = [stage for stage in self.stages if not stage.predicts]
        return (labels or self.stages)[-1]


@dataclass
class Content:
    """What a report shows.

    Attributes:
        name: The pipeline's name.
        work_dir: Its folder.
        stages: All stages in their order.
        curves: The curves of the trainings that logged any, by stage.
        groups: The label maps, grouped by the images they belong to.
        notes: What could not be read, in sentences.
    """

    name: str
    work_dir: Path
    stages: list[StageInfo]
    curves: dict[str, Curves] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def group_of(self, stage: str) -> Group | None:
        """Return the group that a stage belongs to."""
        for group in self.groups:
            if any(stage == member.name for member in group.stages):
                return group
        return None

    def measured_figures(self, stage: StageInfo) -> dict[str, float]:
        """Return the figures of a stage that were measured here."""
        group = self.group_of(stage.name)
        found = group and group.measured.get(stage.name)
        return found.figures() if found else {}

    def figures(self, stage: StageInfo) -> dict[str, float]:
        """Return the figures that a stage logged, else those measured."""
        return {**self.measured_figures(stage), **stage.figures}

    def measured_on(self, stage: StageInfo) -> str:
        """Return which images the figures of a stage belong to."""
        if stage.tool == 'train.py':
            return 'validation' if stage.figures else '-'
        if stage.label_dir is None:
            return '-'
        count = sum(1 for _ in stage.label_dir.glob('*.png'))
        group = self.group_of(stage.name)
        total = len(group.images.stems) if group else count
        return f'{count} images' if count >= total else f'{count} of {total}'


def collect(
    work_dir: Path, max_images: int = 1000, show: int = 3, seed: int = 0
) -> Content:
    """Read the results of a pipeline.

    Args:
        work_dir: Its folder.
        max_images: Images that are compared with their masks; of more, as
            many are drawn.
        show: Images to show of the worst, of the middle and of the best.
        seed: Of the draws.

    Returns:
        Content: Whatever could be read; its notes list what could not.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it holds no stage, or an option is out of range.
    """
    if max_images < 1 or show < 1:
        raise ValueError(
            'max_images and show must be at least 1, got '
            f'{max_images} and {show}'
        )
    name, stages = read_stages(work_dir)
    content = Content(name, work_dir, stages)
    for stage in stages:
        curves = read_curves(stage.folder) if stage.has_run else Curves()
        if curves.losses or curves.metrics:
            content.curves[stage.name] = curves
    _group(content)
    for group in content.groups:
        _measure(group, max_images, seed)
        _choose(group, show, seed)
        _note_errors(group, content.notes)
    return content


def _group(content: Content) -> None:
    groups: dict[tuple, Group] = {}
    for stage in content.stages:
        if stage.label_dir is None:
            continue
        if stage.cfg is None:
            content.notes.append(
                f'{stage.name}: its labels are not shown, as {stage.no_cfg}'
            )
            continue
        try:
            images = Images(stage.cfg)
        # A config may be wrong in many ways; the others are still of use.
        except Exception as error:
            content.notes.append(
                f'{stage.name}: its images cannot be read ({error}). Make the '
                'report in the folder in which the pipeline was run.'
            )
            continue
        group = groups.setdefault(images.key, Group(images))
        group.stages.append(stage)
    content.groups = list(groups.values())


def _measure(group: Group, max_images: int, seed: int) -> None:
    stems = group.images.stems
    if len(stems) > max_images:
        order = np.random.default_rng(seed).permutation(len(stems))
        stems = [stems[k] for k in sorted(order[:max_images])]
    group.compared = len(stems)
    for stage in group.stages:
        found = measure(group.images, stage.label_dir, stems, stage.predicts)
        if found.images or found.errors:
            group.measured[stage.name] = found


def _choose(group: Group, show: int, seed: int) -> None:
    """Choose images: the worst, the middle and the best, or a draw."""
    measured = group.measured.get(group.last.name)
    ranked = _ranked(measured.miou if measured else {})
    if ranked:
        group.shown = spread(ranked, show)
        return
    stems = [
        stem
        for stem in group.images.stems
        if (group.last.label_dir / f'{stem}.png').is_file()
    ]
    order = np.random.default_rng(seed).permutation(len(stems))
    group.shown = [(stems[k], 'drawn') for k in sorted(order[: 3 * show])]
    group.drawn = True


def spread(ranked: list[str], show: int) -> list[tuple[str, str]]:
    """Return the first, the middle and the last of a list.

    Args:
        ranked: Stems, the worst first.
        show: How many to take of each.

    Returns:
        list[tuple[str, str]]: Stems and 'worst', 'middle' or 'best'; all of
        a list that is too short for three parts.
    """
    count = len(ranked)
    show = min(show, max(1, count // 3))
    middle = (count - show) // 2
    parts = {
        'worst': range(min(show, count)),
        'middle': range(middle, middle + show),
        'best': range(max(count - show, 0), count),
    }
    words = {}
    for word, places in parts.items():
        for place in places:
            words.setdefault(place, word)
    return [(ranked[place], words[place]) for place in sorted(words)]


def _ranked(miou: Mapping[str, float]) -> list[str]:
    known = [stem for stem, value in miou.items() if not np.isnan(value)]
    return sorted(known, key=lambda stem: (miou[stem], stem))


def _note_errors(group: Group, notes: list[str]) -> None:
    for name, measured in group.measured.items():
        for stem, error in list(measured.errors.items())[:1]:
            notes.append(
                f'{name}: {len(measured.errors)} images could not be '
                f'compared, for example {stem}: {error}'
            )
