"""Seeds of a frozen CLIP, as an MMSeg segmentor that is not trained."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from torch import Tensor

from ...io.text_embeddings import load_text_embeddings
from ...pseudo_labels.cam import background_score
from ...pseudo_labels.text_cam import (
    attention_affinity,
    gradient_maps,
    log_odds,
    propagate_maps,
    text_logits,
)
from ...structures import (
    foreground_indices,
    has_image_labels,
    stack_image_labels,
)
from ...structures.classes import listed_classes
from ...utils import check_option
from ..decode_heads.cam_head import CANDIDATES


@MODELS.register_module()
class CLIPSeedSegmentor(BaseSegmentor):
    """Text-driven Grad-CAM of a frozen CLIP, spread by its attention.

    CLIP-ES's seeds, see :mod:`mmseg_wsss.pseudo_labels.text_cam`: only texts
    of the candidate classes and of backgrounds compete in an image. Prediction
    returns scores (N, C, H, W) in [0, 1] as a CAM network does, so that
    MMSeg's test loop and metrics, ``tools/make_cams.py`` without a checkpoint
    and every refinement work on it. The background's score is 1 - the largest
    of the others. Images of any size are resized to the next multiples of the
    patch size.

    Args:
        tower (dict): Settings of a :class:`CLIPTower`.
        text_embeddings (str): File of ``tools/make_text_embeddings.py``. It
            may hold more classes.
        classes (str | Sequence[str]): All classes in their order, background
            included, or the name of the data set that has them.
        background_index (int, optional): Index of the background, None if
            the data set has none. Defaults to 0.
        candidates (str): As in :class:`CAMHead`: 'auto' takes the image
            labels where the test pipeline loads them, else as 'predicted':
            classes more probable than one of all texts would be by chance.
            'all' takes every class. Defaults to 'auto'.
        box_threshold (float): Share of a map's maximum above which its boxes
            lie. Defaults to 0.4.
        data_preprocessor (dict, optional): With CLIP's mean and deviation.

    Raises:
        FileNotFoundError: If there is no file of texts.
        ValueError: If an option is out of range, the file lacks a class, or
            its vectors are of another space than the tower's.
    """

    align_corners = False

    def __init__(
        self,
        tower: dict,
        text_embeddings: str | os.PathLike,
        classes: str | Sequence[str],
        background_index: int | None = 0,
        candidates: str = 'auto',
        box_threshold: float = 0.4,
        data_preprocessor: dict | None = None,
    ):
        check_option('candidates', candidates, CANDIDATES)
        if not 0 <= box_threshold < 1:
            raise ValueError(
                f'box_threshold must be in [0, 1), got {box_threshold}'
            )
        super().__init__(data_preprocessor=data_preprocessor)
        self.background_index = background_index
        self.candidates = candidates
        self.box_threshold = box_threshold
        self._warned = False
        classes = listed_classes(classes)
        self.num_classes = len(classes)
        self.foreground = foreground_indices(len(classes), background_index)
        texts = load_text_embeddings(text_embeddings)
        try:
            rows = texts.rows([classes[k] for k in self.foreground])
        except ValueError as error:
            raise ValueError(f'{text_embeddings}: {error}') from error
        vectors = texts.foreground_vectors[rows], texts.background_vectors
        for name, array in zip(('texts', 'backgrounds'), vectors, strict=True):
            self.register_buffer(name, torch.from_numpy(array), False)
        self.tower = MODELS.build(tower)
        if self.texts.shape[1] != self.tower.text_dims:
            raise ValueError(
                f'{text_embeddings} holds vectors of {self.texts.shape[1]} '
                f'numbers, of {texts.model}, the tower gives '
                f'{self.tower.text_dims}: take the texts of the same CLIP'
            )

    def scores(self, inputs: Tensor, labels: Tensor | None = None) -> Tensor:
        """Compute the scores of a batch.

        Args:
            inputs: Normalised images (N, 3, H, W).
            labels: Image labels (N, C); without them the candidates are
                predicted, or all classes.

        Returns:
            Tensor: Scores (N, C, H, W), float32 in [0, 1].

        Raises:
            ValueError: If the labels have another number of classes.
        """
        size = inputs.shape[2:]
        patch = self.tower.patch_size
        whole = [-(-side // patch) * patch for side in size]
        if whole != list(size):
            inputs = F.interpolate(
                inputs, whole, mode='bicubic', antialias=True
            )
        tokens, attention, grid = self.tower(inputs)
        present = self._present(labels, len(inputs))
        with torch.autocast(inputs.device.type, enabled=False):
            maps = [
                self._maps(
                    tokens[-1][n : n + 1],
                    [layer[n] for layer in attention],
                    grid,
                    present[n],
                )
                for n in range(len(inputs))
            ]
        maps = F.interpolate(
            torch.stack(maps), size, mode='bilinear', align_corners=False
        )
        scores = maps.new_zeros(len(maps), self.num_classes, *size)
        scores[:, self.foreground] = maps
        if self.background_index is not None:
            background = background_score(maps, alpha=1)
            scores[:, self.background_index] = background[:, 0]
        return scores

    def _present(self, labels: Tensor | None, count: int) -> list:
        """Return the candidate classes of each image, None to predict them."""
        foreground = range(len(self.foreground))
        if self.candidates == 'all':
            return [list(foreground)] * count
        if self.candidates == 'predicted' or labels is None:
            return [None] * count
        if labels.shape[1] != self.num_classes:
            raise ValueError(
                f'CLIPSeedSegmentor has {self.num_classes} classes, but the '
                f'image labels have {labels.shape[1]} entries'
            )
        rows = labels[:, self.foreground].cpu()
        return [row.nonzero().flatten().tolist() for row in rows]

    def _maps(
        self,
        tokens: Tensor,
        attention: list[Tensor],
        grid: tuple[int, int],
        present: list[int] | None,
    ) -> Tensor:
        """Compute the maps (K, h, w) of one image."""
        maps = tokens.new_zeros(len(self.texts), *grid)
        with torch.enable_grad():
            last = self.tower.last_layer(tokens)
            texts = torch.cat([self.texts, self.backgrounds])
            logits = text_logits(last.embedding, texts.to(tokens))[0]
            if present is None:
                chosen = logits.softmax(0)[: len(self.texts)] > 1 / len(texts)
                present = chosen.nonzero().flatten().tolist()
            backgrounds = range(len(self.texts), len(texts))
            competing = [*present, *backgrounds]
            if not present or len(competing) < 2:
                self._warn_if_alone(present)
                return maps
            odds = log_odds(logits[competing])[: len(present)]
            gradients = [
                torch.autograd.grad(one, last.features, retain_graph=True)[0]
                for one in odds
            ]
        found = gradient_maps(
            last.features.detach()[0, 1:],
            torch.cat(gradients)[:, 1:],
        )
        affinity = attention_affinity(
            torch.stack([*attention, last.attention[0]])
        )
        found = found.unflatten(1, grid)
        maps[present] = propagate_maps(affinity, found, self.box_threshold)
        return maps

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

    def predict(self, inputs: Tensor, data_samples=None) -> list:
        """Predict the scores at the images' original size.

        Args:
            inputs: Normalised images (N, 3, H, W).
            data_samples (list[SegDataSample], optional): Their samples.

        Returns:
            list[SegDataSample]: With ``seg_logits``, the scores, and
            ``pred_sem_seg``, their best class.
        """
        return self.postprocess_result(
            self.encode_decode(inputs, data_samples), data_samples
        )

    def encode_decode(self, inputs: Tensor, batch_data_samples) -> Tensor:
        """Compute the scores, with the samples' image labels if they do."""
        labels = None
        if has_image_labels(batch_data_samples):
            labels = stack_image_labels(batch_data_samples)
        return self.scores(inputs, labels)

    def _forward(self, inputs: Tensor, data_samples=None) -> Tensor:
        return self.encode_decode(inputs, data_samples)

    def extract_feat(self, inputs: Tensor) -> list[Tensor]:
        """Return the tokens of layers 1 to L - 1, see :class:`CLIPTower`."""
        return self.tower(inputs).tokens

    def loss(self, inputs: Tensor, data_samples) -> dict:
        """Raise: nothing is trained.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            'CLIPSeedSegmentor is frozen, there is nothing to train: write '
            'its seeds with tools/make_cams.py, without a checkpoint, and '
            'train a segmentor on the labels'
        )
