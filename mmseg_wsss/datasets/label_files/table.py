"""The image labels of a data set in memory, and their multi-hot vectors."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from ...io.stems import file_stem, image_stem
from ...structures import foreground_indices
from .class_names import class_indices


class ImageLabels(Mapping):
    """The image labels of a data set, by image.

    ``labels[image]`` is a tuple of class names, or the multi-hot vector (K,)
    uint8 of a ``cls_labels.npy``, which does not name its classes. An image
    may be given as a path, file name or stem in any spelling, see
    :func:`~mmseg_wsss.io.stems.image_stem`; iteration yields the names
    of the source without folder and suffix, as in lists of images.

    Args:
        pairs: Pairs of an image (id, file name or path) and its label.
        names: The class names that the source declares, None for vectors.
        source: The file or folder, for errors.

    Raises:
        ValueError: If an image has no stem, or two images have the same one.
    """

    def __init__(
        self,
        pairs: Iterable[tuple[str, tuple[str, ...] | np.ndarray]],
        names: Sequence[str] | None,
        source: str,
    ) -> None:
        self.names = None if names is None else tuple(names)
        self.source = source
        self._labels: dict[str, tuple[str, ...] | np.ndarray] = {}
        self._names: dict[str, str] = {}
        origin: dict[str, str] = {}
        for image, label in pairs:
            stem = image_stem(image)
            if not stem:
                raise ValueError(f'{source} has an image without a name')
            if stem in origin:
                raise ValueError(
                    f"{source} labels the image '{stem}' twice, as "
                    f"'{origin[stem]}' and as '{image}'; images are "
                    'identified by their stems, so each must be unique'
                )
            origin[stem] = image
            self._labels[stem] = label
            self._names[stem] = file_stem(image)

    def __getitem__(self, image: str) -> tuple[str, ...] | np.ndarray:
        return self._labels[image_stem(image)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.values())

    def __len__(self) -> int:
        return len(self._labels)

    def vector(
        self,
        stem: str,
        classes: Sequence[str],
        background_index: int | None = 0,
    ) -> np.ndarray:
        """Return one image's labels as a multi-hot vector.

        Args:
            stem: The image's stem, file name or path.
            classes: All C class names of the data set, in its order.
            background_index: Index of the background class, whose entry is
                always 1; None for a data set without one.

        Returns:
            np.ndarray: Multi-hot vector (C,), float32, values 0 and 1.

        Raises:
            ValueError: If the image has no entry, its label names an unknown
                class, its vector is neither C nor (with a background) C - 1
                long, or ``background_index`` is not in [0, C).
        """
        count = len(classes)
        foreground = foreground_indices(count, background_index)
        label = self._find(stem)
        vector = np.zeros(count, dtype=np.float32)
        if isinstance(label, tuple):
            vector[self._indices(stem, label, classes)] = 1
        elif len(label) == count:
            vector[:] = label
        elif len(label) == len(foreground):
            vector[foreground] = label
        else:
            fitting = f'{count}'
            if background_index is not None:
                fitting = f'{count - 1} (without background) or {count}'
            raise ValueError(
                f'{self.source} has vectors of length {len(label)}, but '
                f'{count} classes were given, which need length {fitting}'
            )
        if background_index is not None:
            vector[background_index] = 1
        return vector

    def matrix(
        self, classes: Sequence[str], background_index: int | None = 0
    ) -> np.ndarray:
        """Stack the vectors of all L images, in the order of the source.

        Args:
            classes: See :meth:`vector`.
            background_index: See :meth:`vector`.

        Returns:
            np.ndarray: Multi-hot labels (L, C), float32.
        """
        rows = [self.vector(s, classes, background_index) for s in self]
        return np.stack(rows) if rows else np.zeros((0, len(classes)), 'f4')

    def _find(self, stem: str) -> tuple[str, ...] | np.ndarray:
        if stem not in self:
            examples = ', '.join(f"'{s}'" for s in list(self)[:2])
            raise ValueError(
                f"{self.source} has no entry for the image '{stem}'; its "
                f'images are named like {examples or "(it is empty)"}. Are '
                'the list of images and the label file from the same data '
                'set, with the same file names?'
            )
        return self[stem]

    def _indices(
        self, stem: str, names: tuple[str, ...], classes: Sequence[str]
    ) -> list[int]:
        index = class_indices(tuple(classes))
        for name in names:
            if name not in index:
                close = difflib.get_close_matches(name, index, n=3, cutoff=0.5)
                raise ValueError(
                    f"{self.source}: the label of '{stem}' has the unknown "
                    f"class '{name}'"
                    + (f', close to {close}' if close else '')
                    + f'; the {len(index)} classes begin with '
                    f'{list(index)[:3]}'
                )
        return [index[name] for name in names]
