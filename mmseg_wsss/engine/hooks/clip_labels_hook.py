"""A hook that makes a segmentor's labels by its frozen CLIP tower (WeCLIP)."""

from __future__ import annotations

import os

import torch
from mmseg.registry import HOOKS
from torch import Tensor, nn

from ...compat import unwrap
from ...models.backbones.frozen_clip import FrozenCLIP
from ...models.clip_maps import METHODS, CLIPMaps
from ...pseudo_labels.mars_complement import teacher_label
from ...pseudo_labels.pixel_adaptive import PAR
from ...structures import (
    common_background_index,
    rgb_images,
    stack_image_labels,
    unpadded_cells,
)
from ...structures.labels import IGNORE_LABEL
from ...utils import check_option
from .online_labels_hook import OnlineLabelsHook, relabelled


@HOOKS.register_module()
class CLIPLabelsHook(OnlineLabelsHook):
    """Label each training batch by the tower that the segmentor is built on.

    Zhang, Yu, Wei, Zhao and Xiao, "Frozen CLIP: A Strong Backbone for Weakly
    Supervised Semantic Segmentation" (WeCLIP), CVPR 2024,
    https://arxiv.org/abs/2406.11189. The backbone is a :class:`FrozenCLIP`;
    training pipelines load images and image labels, no masks::

        custom_hooks = [
            dict(type='mmseg_wsss.WeakSupervisionHook'),
            dict(type='mmseg_wsss.CLIPLabelsHook', text_embeddings=FILE)]

    For each crop and class of its image the maps of CLIP-ES
    (:class:`mmseg_wsss.models.clip_maps.CLIPMaps`) are computed from the
    tokens that the segmentor uses, so that the tower runs once. From
    iteration ``refine_from`` on their affinity is the mean attention of the
    attentive layers times the affinity that the head has learned. The
    background's score is 1 - the largest; ``PAR`` refines the scores, and the
    best class of a pixel is its label. Only padding is ignored.

    The background is class 0. A class of the image that the crop does not
    show gets labels too: a map is scaled to 1 wherever it is largest. Labels
    are a function of the crop, the weights and the iteration: nothing is drawn
    at random.

    Args:
        text_embeddings (str): File of ``tools/make_text_embeddings.py``.
        box_threshold (float): As in :class:`CLIPSeedSegmentor`. Defaults to
            0.4; 0.7 on COCO.
        method (str): 'gradient', or 'similarity' for maps without a
            gradient, see :class:`mmseg_wsss.models.clip_maps.CLIPMaps`.
            Defaults to 'gradient'.
        layers (int): Last layers whose attention is the affinity at first.
            Defaults to 8.
        refine_from (int): Iteration from which the head's affinity takes
            part. Defaults to 15000, half of the training on VOC; 40000
            on COCO.
        refine_layers (int): Last layers to choose from then. Defaults to 6;
            10 on COCO.

    Raises:
        ValueError: If an option is out of range, and before training, if the
            segmentor or the texts do not fit.
    """

    def __init__(
        self,
        text_embeddings: str | os.PathLike,
        box_threshold: float = 0.4,
        method: str = 'gradient',
        layers: int = 8,
        refine_from: int = 15000,
        refine_layers: int = 6,
    ):
        super().__init__()
        if min(layers, refine_layers) < 1 or refine_from < 0:
            raise ValueError(
                'CLIPLabelsHook needs layers and refine_layers of at least 1 '
                f'and refine_from of at least 0, got {layers}, '
                f'{refine_layers} and {refine_from}'
            )
        self.text_embeddings = text_embeddings
        self.box_threshold = box_threshold
        check_option('method', method, METHODS)
        self.method = method
        self.layers = layers
        self.refine_from = refine_from
        self.refine_layers = refine_layers
        self.maps: CLIPMaps | None = None

    def before_train(self, runner) -> None:
        """Load the texts of the data set's classes; register."""
        segmentor = unwrap(runner.model)
        _check(segmentor, max(self.layers, self.refine_layers))
        self.maps = CLIPMaps(
            self.text_embeddings,
            runner.train_dataloader.dataset.metainfo['classes'],
            box_threshold=self.box_threshold,
            method=self.method,
        )
        self.maps.check_tower(segmentor.backbone.tower)
        super().before_train(runner)

    @torch.no_grad()
    def relabel(
        self, segmentor: nn.Module, inputs: Tensor, samples: list
    ) -> list:
        """Return copies of the samples with the batch's labels."""
        with torch.autocast(inputs.device.type, enabled=False):
            label = self._label(segmentor, inputs, samples)
        return [relabelled(*pair) for pair in zip(samples, label, strict=True)]

    def _label(
        self, segmentor: nn.Module, inputs: Tensor, samples: list
    ) -> Tensor:
        """Return the labels (N, H, W) of a batch."""
        background = common_background_index(samples)
        if background != self.maps.background_index:
            raise ValueError(
                'CLIPLabelsHook labels data whose background is class 0, '
                f'LoadImageLabels has background_index={background}'
            )
        backbone, labels = segmentor.backbone, stack_image_labels(samples)
        features = backbone.features(inputs)
        images = rgb_images(inputs, segmentor.data_preprocessor)
        head_inputs = backbone.maps(features, images)
        backbone.keep(inputs, head_inputs)
        layers, learned = self.layers, None
        if self.iteration >= self.refine_from:
            layers = self.refine_layers
            learned = segmentor.decode_head.learned_affinity(head_inputs)
        maps = self.maps.to(inputs.device)(
            backbone.tower,
            features,
            self.maps.present(labels),
            layers,
            learned,
        )
        candidates = labels > 0
        candidates[:, self.maps.background_index] = True
        label = teacher_label(
            self.maps.scores(maps, inputs.shape[2:]),
            images,
            candidates=candidates,
            **PAR,
        )
        padding = unpadded_cells(samples, label.shape[1:])[:, 0] == 0
        return label.masked_fill(padding.to(label.device), IGNORE_LABEL)


def _check(segmentor: nn.Module, layers: int) -> None:
    """Check that a segmentor has a tower, its attention and an affinity."""
    backbone = getattr(segmentor, 'backbone', None)
    head = getattr(segmentor, 'decode_head', None)
    if not isinstance(backbone, FrozenCLIP) or not hasattr(
        head, 'learned_affinity'
    ):
        raise ValueError(
            "CLIPLabelsHook labels by the segmentor's own tower: it needs "
            "backbone=dict(type='mmseg_wsss.FrozenCLIP', ...) and decode_head="
            "dict(type='mmseg_wsss.TokenFusionHead', ...), got "
            f'{type(backbone).__name__} and {type(head).__name__}'
        )
    if backbone.tower.attention_layers < layers:
        raise ValueError(
            f'CLIPLabelsHook needs the attention of {layers} layers, the '
            f'tower keeps {backbone.tower.attention_layers}: set '
            f'backbone.tower.attention_layers={layers}'
        )
