"""The lists of photos to train on, and to evaluate with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np


def split_photos(
    labels: Mapping[str, tuple[str, ...]],
    share: float,
    seed: int = 0,
    candidates: Collection[str] | None = None,
) -> tuple[list[str], list[str]]:
    """Return a split with about the same share of each class set aside.

    A photo is set aside if none of its classes has its share yet, so that
    every class keeps most of its photos for training. Photos without any
    class are split as those of one more class.

    Args:
        labels: Class names of each photo, by name.
        share: Share of each class's photos, in [0, 1); 0 sets none aside.
        seed: Of the draw.
        candidates: The photos that may be set aside; all if None.

    Returns:
        tuple: Names of the training photos and of those set aside, sorted.

    Raises:
        ValueError: If ``share`` is out of range.
    """
    if not 0 <= share < 1:
        raise ValueError(f'the share must be in [0, 1), got {share}')
    groups = {stem: names or (None,) for stem, names in labels.items()}
    counts = Counter(name for names in groups.values() for name in names)
    # One of a class with three photos and more, never its last.
    targets = {
        name: min(max(round(share * n), n > 2), n - 1) if share else 0
        for name, n in counts.items()
    }
    order = sorted(labels if candidates is None else candidates)
    np.random.default_rng(seed).shuffle(order)
    # Rare classes first: their photos are few.
    order.sort(key=lambda stem: min(counts[name] for name in groups[stem]))
    aside: list[str] = []
    taken: Counter = Counter()
    for stem in order:
        if all(taken[name] < targets[name] for name in groups[stem]):
            aside.append(stem)
            taken.update(groups[stem])
    return sorted(set(labels) - set(aside)), sorted(aside)


def split_lists(
    labels: Mapping[str, tuple[str, ...]],
    share: float,
    seed: int,
    with_mask: Collection[str] | None,
) -> tuple[list[str], list[str]]:
    """Return the photos to train on and those to evaluate with.

    Args:
        labels: Class names of each photo, by name.
        share: Share to set aside; 0 evaluates on the training photos.
        seed: Of the draw.
        with_mask: Photos that have a mask; None if masks were not given.

    Raises:
        ValueError: If there are too few photos to set any aside.
    """
    if not share:
        everything = sorted(labels)
        return everything, sorted(with_mask or everything)
    train, val = split_photos(labels, share, seed, with_mask)
    if not val or len(train) < 2:
        masks = '' if with_mask is None else ' with masks'
        raise ValueError(
            f'too few photos{masks} to set any aside: some class needs three; '
            'add photos, or use the same for training and evaluation with '
            '--val-share 0'
        )
    return train, val
