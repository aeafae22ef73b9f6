"""Maps of classes that a frozen CLIP tower gives for their texts."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from torch import Tensor, nn

from ..io.text_embeddings import load_text_embeddings
from ..pseudo_labels.cam import background_score
from ..pseudo_labels.text_cam import (
    attention_affinity,
    gradient_maps,
    log_odds,
    propagate_maps,
    text_logits,
)
from ..pseudo_labels.text_similarity import similarity_maps
from ..structures import foreground_indices
from ..utils import check_option
from .backbones.clip_second_path import second_path
from .backbones.clip_tower import CLIPTower, TowerFeatures

METHODS = ('gradient', 'similarity')


class CLIPMaps(nn.Module):
    """The texts of classes, and the maps that a tower gives for them.

    CLIP-ES's steps, see :mod:`mmseg_wsss.pseudo_labels.text_cam`. It has no
    parameters, and its vectors are not saved in checkpoints.

    Args:
        text_embeddings: File of ``tools/make_text_embeddings.py``. It may
            hold more classes.
        classes: All C classes in their order, background included.
        background_index: Index of the background, None if there is none.
        box_threshold: Share of a map's maximum above which its boxes lie.
        method: 'gradient' is CLIP-ES's Grad-CAM, 'similarity' the maps of
            :mod:`mmseg_wsss.pseudo_labels.text_similarity`.

    Raises:
        FileNotFoundError: If there is no file of texts.
        ValueError: If the file lacks a class, an option is out of range, or
            'similarity' has one class to compare.
    """

    def __init__(
        self,
        text_embeddings: str | os.PathLike,
        classes: Sequence[str],
        background_index: int | None = 0,
        box_threshold: float = 0.4,
        method: str = 'gradient',
    ) -> None:
        super().__init__()
        check_option('method', method, METHODS)
        self.method = method
        if not 0 <= box_threshold < 1:
            raise ValueError(
                f'box_threshold must be in [0, 1), got {box_threshold}'
            )
        self.file = text_embeddings
        self.num_classes = len(classes)
        self.background_index = background_index
        self.foreground = foreground_indices(len(classes), background_index)
        if method == 'similarity' and len(self.foreground) < 2:
            raise ValueError(
                "method='similarity' subtracts the mean over the classes, "
                'which leaves nothing of a single one: set '
                "method='gradient'"
            )
        self.box_threshold = box_threshold
        self._warned = False
        self.source = load_text_embeddings(text_embeddings)
        try:
            rows = self.source.rows([classes[k] for k in self.foreground])
        except ValueError as error:
            raise ValueError(f'{text_embeddings}: {error}') from error
        vectors = self.source.foreground_vectors[rows]
        self.register_buffer('texts', torch.from_numpy(vectors), False)
        vectors = self.source.background_vectors
        self.register_buffer('backgrounds', torch.from_numpy(vectors), False)

    def check_tower(self, tower: CLIPTower) -> None:
        """Check that the texts are of the tower's CLIP.

        Raises:
            ValueError: If their vectors have another length.
        """
        if self.texts.shape[1] != tower.text_dims:
            raise ValueError(
                f'{self.file} holds vectors of {self.texts.shape[1]} '
                f'numbers, of {self.source.model}, the tower gives '
                f'{tower.text_dims}: take the texts of the same CLIP'
            )

    def present(self, labels: Tensor) -> list[list[int]]:
        """Return the foreground classes of each image, from 0.

        Args:
            labels: Image labels (N, C).

        Raises:
            ValueError: If they have another number of classes.
        """
        if labels.shape[1] != self.num_classes:
            raise ValueError(
                f'the texts are those of {self.num_classes} classes, but the '
                f'image labels have {labels.shape[1]} entries'
            )
        rows = labels[:, self.foreground].cpu()
        return [row.nonzero().flatten().tolist() for row in rows]

    def forward(
        self,
        tower: CLIPTower,
        features: TowerFeatures,
        present: Sequence[list[int] | None],
        layers: int | None = None,
        learned: Tensor | None = None,
    ) -> Tensor:
        """Compute the maps of a batch, in the precision of the tower.

        Args:
            tower: The tower.
            features: What it gave for N images.
            present: Foreground classes of each image; None predicts them:
                classes more probable than one of all texts by chance.
            layers: How many of the last layers' attention to use, of those
                that the tower keeps. None: all.
            learned: Affinity (N, h * w, h * w) that a decoder has learned.

        Returns:
            Tensor: Maps (N, K, h, w) of the K foreground classes in [0, 1],
            without gradient; those of absent classes are 0.
        """
        tokens, attention, grid = features
        first = 0 if layers is None else max(len(attention) + 1 - layers, 0)
        with torch.autocast(tokens[-1].device.type, enabled=False):
            maps = [
                self._image_maps(
                    tower,
                    [layer[n : n + 1] for layer in tokens],
                    [layer[n] for layer in attention[first:]],
                    grid,
                    classes,
                    None if learned is None else learned[n],
                )
                for n, classes in enumerate(present)
            ]
        return torch.stack(maps)

    def scores(self, maps: Tensor, size: Sequence[int]) -> Tensor:
        """Resize maps, and add the background's score: 1 - the largest.

        Args:
            maps: Maps (N, K, h, w) in [0, 1].
            size: (H, W).

        Returns:
            Tensor: Scores (N, C, H, W) in [0, 1].
        """
        maps = F.interpolate(
            maps, tuple(size), mode='bilinear', align_corners=False
        )
        scores = maps.new_zeros(len(maps), self.num_classes, *size)
        scores[:, self.foreground] = maps
        if self.background_index is not None:
            background = background_score(maps, alpha=1)
            scores[:, self.background_index] = background[:, 0]
        return scores

    def _image_maps(
        self,
        tower: CLIPTower,
        tokens: list[Tensor],
        attention: list[Tensor],
        grid: tuple[int, int],
        present: list[int] | None,
        learned: Tensor | None,
    ) -> Tensor:
        """Compute the maps (K, h, w) of one image."""
        maps = tokens[-1].new_zeros(len(self.texts), *grid)
        similar = self.method == 'similarity'
        compute = self._similarity if similar else self._gradient
        present, found, last = compute(tower, tokens, present)
        if found is not None:
            affinity = attention_affinity(
                torch.stack([*attention, last[0]]), learned
            )
            maps[present] = propagate_maps(
                affinity, found.unflatten(1, grid), self.box_threshold
            )
        return maps

    def _similarity(
        self, tower: CLIPTower, tokens: list[Tensor], present: list[int] | None
    ) -> tuple[list[int], Tensor | None, Tensor]:
        """Return classes, their maps (k, P) or None, and attention."""
        patches, image, attention = second_path(tower, tokens)
        texts = self.texts.to(patches)
        if present is None:
            present = self._predicted(self._logits(image))
        if not present:
            return present, None, attention
        found = similarity_maps(patches[0], image[0], texts)[present]
        return present, found, attention

    def _gradient(
        self, tower: CLIPTower, tokens: list[Tensor], present: list[int] | None
    ) -> tuple[list[int], Tensor | None, Tensor]:
        """Return classes, their maps (k, P) or None, and attention."""
        with torch.enable_grad():
            last = tower.last_layer(tokens[-1])
            logits = self._logits(last.embedding)
            if present is None:
                present = self._predicted(logits)
            backgrounds = range(len(self.texts), len(logits))
            competing = [*present, *backgrounds]
            if not present or len(competing) < 2:
                self._warn_if_alone(present)
                return present, None, last.attention
            odds = log_odds(logits[competing])[: len(present)]
            gradients = [
                torch.autograd.grad(one, last.features, retain_graph=True)[0]
                for one in odds
            ]
        found = gradient_maps(
            last.features.detach()[0, 1:],
            torch.cat(gradients)[:, 1:],
        )
        return present, found, last.attention

    def _logits(self, embedding: Tensor) -> Tensor:
        """Return the logits of all texts for one image's vector (1, E)."""
        texts = torch.cat([self.texts, self.backgrounds]).to(embedding)
        return text_logits(embedding, texts)[0]

    def _predicted(self, logits: Tensor) -> list[int]:
        """Return the classes more probable than one text by chance."""
        chosen = logits.softmax(0)[: len(self.texts)] > 1 / len(logits)
        return chosen.nonzero().flatten().tolist()

    def _warn_if_alone(self, present: list[int]) -> None:
        if present and not self._warned:
            self._warned = True
            print_log(
                'an image has one class and there are no background texts: '
                'its probability is 1 everywhere, so that the map is empty. '
                'Give tools/make_text_embeddings.py names of backgrounds',
                logger='current',
                level=logging.WARNING,
            )
