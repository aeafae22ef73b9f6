"""The base class of AffinityNet's (PSA) and IRNet's (IRN) decode heads."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from ...pseudo_labels.affinity import WalkGraph, pair_offsets
from ...pseudo_labels.pairs import pair_labels, reduce_label


class PairwiseHead(BaseDecodeHead):
    """A head that learns which neighbouring cells belong together.

    It trains on confident labels in the place of masks (``gt_sem_seg``): class
    ids where a seed is sure, ``ignore_index`` elsewhere. They are reduced to
    the head's grid by a vote, see
    :func:`~mmseg_wsss.pseudo_labels.pairs.reduce_label`. It has no scores
    of classes and so no prediction; :meth:`walk_graph` gives a random walk
    what it needs.

    A subclass has ``forward``, :meth:`pair_inputs` and :meth:`graph_of`.

    Args:
        in_channels (Sequence[int]): Channels of the features.
        num_classes (int): All classes of the data set.
        loss_decode (dict | list[dict]): Losses on pairs.
        stride (int): Pixels per cell of the head's grid.
        radius (float): Cells nearer than this are pairs in training.
        walk_radius (float, optional): The same in :meth:`walk_graph`; None
            takes ``radius``.
        background_index (int, optional): Index of the background, None if the
            data set has none. Defaults to 0.
        in_index (Sequence[int], optional): Which features, finest first. None
            takes the first ones.
        detach (bool): Keep gradients out of the backbone.
        **kwargs: As for MMSeg's ``BaseDecodeHead``.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        loss_decode: dict | list[dict],
        stride: int,
        radius: float,
        walk_radius: float | None = None,
        background_index: int | None = 0,
        in_index: Sequence[int] | None = None,
        detach: bool = False,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ):
        if stride < 1:
            raise ValueError(f'stride must be at least 1, got {stride}')
        kwargs.pop('channels', None)
        super().__init__(
            list(in_channels),
            1,  # of a convolution removed below
            num_classes=num_classes,
            out_channels=num_classes,
            in_index=list(in_index or range(len(in_channels))),
            input_transform='multiple_select',
            loss_decode=loss_decode,
            dropout_ratio=0,
            init_cfg=init_cfg,
            **kwargs,
        )
        del self.conv_seg
        self.stride = stride
        self.offsets = pair_offsets(radius)
        self.walk_offsets = pair_offsets(walk_radius or radius)
        self.background_index = background_index
        self.detach = detach

    @abstractmethod
    def pair_inputs(self, outputs: Any) -> dict[str, Tensor]:
        """Convert what ``forward`` returned to arguments of the losses.

        Args:
            outputs: What ``forward`` returned.

        Returns:
            dict[str, Tensor]: At least ``affinity``, a pair map (N, P, h, w).
        """

    @abstractmethod
    def graph_of(self, maps: Tensor) -> WalkGraph:
        """Return the graph of one image's :meth:`walk_maps`, float32."""

    def walk_maps(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute the maps that a walk follows: what ``forward`` returns."""
        return self(inputs)

    @torch.no_grad()
    def walk_graph(
        self, inputs: Sequence[Tensor], flipped: Sequence[Tensor] | None = None
    ) -> WalkGraph:
        """Compute the graph of a random walk on one image.

        Args:
            inputs: Features of the backbone for one image (N = 1).
            flipped: Features of the image flipped left to right, whose
                :meth:`walk_maps` are flipped back and averaged with the
                other's (IRN). Both grids fit where the image's width is a
                multiple of ``stride``.

        Returns:
            WalkGraph: Without gradients, float32.

        Raises:
            ValueError: If there is more than one image.
        """
        maps = self.walk_maps(inputs).float()
        if len(maps) != 1:
            raise ValueError(
                'walk_graph takes one image at a time, got a batch of '
                f'{len(maps)}'
            )
        if flipped is not None:
            maps = (maps + self.walk_maps(flipped).float().flip(-1)) / 2
        return self.graph_of(maps)

    def select(self, inputs: Sequence[Tensor] | Tensor) -> list[Tensor]:
        """Select the head's features among the backbone's outputs."""
        if isinstance(inputs, Tensor):  # of a backbone with a single output
            inputs = [inputs]
        features = self._transform_inputs(inputs)
        return [x.detach() for x in features] if self.detach else features

    def resize_to(self, x: Tensor, like: Tensor) -> Tensor:
        """Resize a map bilinearly to the grid of another."""
        if x.shape[2:] == like.shape[2:]:
            return x
        return F.interpolate(
            x,
            like.shape[2:],
            mode='bilinear',
            align_corners=self.align_corners,
        )

    def loss_by_feat(self, outputs: Any, batch_data_samples) -> dict:
        """Compute the losses on pairs.

        Args:
            outputs: What ``forward`` returned.
            batch_data_samples (list[SegDataSample]): With confident labels.

        Returns:
            dict[str, Tensor]: Losses by name, and their parts for the log.

        Raises:
            ValueError: If there are no labels or their grid does not fit.
        """
        given = self.pair_inputs(outputs)
        label = self.grid_label(
            batch_data_samples, tuple(given['affinity'].shape[-2:])
        )
        background, foreground, negative = pair_labels(
            label, self.offsets, self.ignore_index, self.background_index
        )
        criteria = self.loss_decode
        if not isinstance(criteria, nn.ModuleList):
            criteria = [criteria]
        losses: dict[str, Tensor] = {}
        for criterion in criteria:
            values = criterion(
                **given,
                offsets=self.offsets,
                background=background,
                foreground=foreground,
                negative=negative,
            )
            for name, value in values.items():
                losses[name] = losses.get(name, 0) + value
        return losses

    def grid_label(self, batch_data_samples, grid: tuple[int, int]) -> Tensor:
        """Reduce the batch's confident labels to the head's grid.

        Args:
            batch_data_samples (list[SegDataSample]): With ``gt_sem_seg``.
            grid: Expected (h, w).

        Returns:
            Tensor: Class ids (N, h, w).

        Raises:
            ValueError: If a sample has no label or the grid is another.
        """
        name = type(self).__name__
        if not all('gt_sem_seg' in sample for sample in batch_data_samples):
            raise ValueError(
                f'{name} learns from confident labels and found no '
                'gt_sem_seg: add LoadAnnotations to the train pipeline and '
                "point data_prefix's seg_map_path to the confident labels"
            )
        pixels = self._stack_batch_gt(batch_data_samples)
        label = reduce_label(
            pixels, self.stride, self.num_classes, self.ignore_index
        )
        if tuple(label.shape[1:]) != grid:
            raise ValueError(
                f'{name} has a grid of {grid} cells, but labels of '
                f'{tuple(pixels.shape[-2:])} pixels reduced by '
                f'stride={self.stride} have {tuple(label.shape[1:])}: set '
                'stride to that of the finest feature'
            )
        return label

    def predict(self, inputs, batch_img_metas, test_cfg) -> Tensor:
        """Raise, since affinities are no classes.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(
            f'{type(self).__name__} predicts affinities of pairs of cells, '
            'not classes. The RandomWalk refiner of '
            'tools/make_pseudo_labels.py uses them to spread CAMs. Training '
            'has no validation: set val_cfg, val_dataloader and '
            'val_evaluator to None'
        )
