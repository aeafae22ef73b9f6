"""A check of label maps: values that are no class, and image labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..structures.labels import BIASED_LABEL, IGNORE_LABEL
from .class_exchange import ClassExchange

SHOWN = 5


class MaskCheck:
    """Comparison of label maps with the image labels of their photos.

    Every map is added by its name; then the methods say what was found.
    Classes that the labels lack are a warning, as labels are often
    incomplete. Classes in place of those labelled are a problem, see
    :class:`ClassExchange`: they are in another order, or the values are no
    class indices.

    Args:
        classes: The C class names.
        background_index: Index of the background, None if there is none.
        reserved: Values that are no class and may occur.

    Attributes:
        errors: What is wrong with single maps, by name.
        contradictions: What each map shows that its photo's labels lack.
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
        self.contradictions: list[str] = []
        self.num_maps = 0
        self.shown = np.zeros(len(self.classes), dtype=np.int64)
        self._foreground = np.arange(len(self.classes)) != background_index
        self._empty: list[str] = []
        self._compared = 0
        self._labelled = 0  # those of photos that have a class
        self._added = np.zeros_like(self.shown)
        self._exchange = ClassExchange(len(self.classes))

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
        self._labelled += bool(labels.any())
        self._exchange.add(labels, shown)
        extra, lost = shown & ~labels, labels & ~shown
        self._added += extra
        if extra.any():
            text = f'{name} shows {self._names(extra)}'
            text += f', not {self._names(lost)}' if lost.any() else ''
            self.contradictions.append(text)
        if labels.any() and not shown.any() and BIASED_LABEL not in values:
            self._empty.append(name)

    def merge(self, other: MaskCheck) -> None:
        """Add what another check of the same classes found."""
        self.errors.update(other.errors)
        self.contradictions += other.contradictions
        self.num_maps += other.num_maps
        self.shown += other.shown
        self._empty += other._empty
        self._compared += other._compared
        self._labelled += other._labelled
        self._added += other._added
        self._exchange.merge(other._exchange)

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
        if self._labelled > 1 and len(self._empty) == self._labelled:
            problems.append(
                f'none of {self._labelled} label maps shows a class but '
                f'background, such as {self._empty[0]}, though their photos '
                f'have image labels: {IGNORE_LABEL} is to ignore; are objects '
                'white, of value 255? A label map holds the index of a class '
                'at each pixel'
            )
        exchanged = self._exchange.describe(self.classes)
        if exchanged:
            problems.append(
                f'{self._describe()}; {exchanged}. Are the classes in another '
                'order, or the values no class indices? Label maps count '
                + ', '.join(f'{k} {n}' for k, n in enumerate(self.classes[:9]))
                + (', ...' if len(self.classes) > 9 else '')
            )
        return problems

    def warnings(self) -> list[str]:
        """Return what the user should look at, where it is no problem."""
        warnings = []
        if self.contradictions and not self._exchange.describe(self.classes):
            warnings.append(
                f'{self._describe()}. Are the labels incomplete, or were the '
                'label maps resized with interpolation?'
            )
        if 2 * len(self._empty) > self._labelled > len(self._empty):
            warnings.append(
                f'{len(self._empty)} of {self._labelled} label maps show no '
                f'class but background, such as {self._empty[0]}, though '
                'their photos have image labels'
            )
        return warnings

    def _describe(self) -> str:
        """Return how many maps show classes that labels lack, and which."""
        # Those that lack a label as well are clearest.
        some = sorted(self.contradictions, key=lambda t: ', not ' not in t)
        order = np.argsort(-self._added, kind='stable')[:SHOWN]
        counts = [(self.classes[k], self._added[k]) for k in order]
        return (
            f'{len(some)} of {self._compared} label maps show classes that '
            'the image labels of their photos lack ('
            + ', '.join(f'{name} {count}' for name, count in counts if count)
            + f'): {"; ".join(some[:SHOWN])}'
            + (' and others' if len(some) > SHOWN else '')
        )

    def _names(self, mask: np.ndarray) -> str:
        return ', '.join(self.classes[k] for k in np.flatnonzero(mask)[:SHOWN])


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
