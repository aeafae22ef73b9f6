"""Refinement step: a random walk of scores on predicted affinities."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...pseudo_labels.affinity import WalkGraph
from ...pseudo_labels.random_walk import random_walk
from ...utils import local_device
from .affinity_network import load_affinity_network
from .keys import require, require_image

DIVISOR = 32  # the stride of the coarsest feature of common backbones


@TRANSFORMS.register_module()
class RandomWalk(BaseTransform):
    """Spread scores by a random walk on a trained affinity network's graph.

    For AffinityNet (PSA) put ``AddBackground(alpha=16)`` before it; for
    IRN walk the foreground alone and put ``NormaliseScores('joint')`` and
    ``AddBackground(constant=0.25)`` after it. Images are seen whole,
    whatever their size; the walk keeps to sparse matrices
    (:mod:`mmseg_wsss.pseudo_labels.random_walk`), so that memory grows with
    the number of pixels.

    Changed key: ``scores`` (K, H, W), not normalised.

    Args:
        checkpoint: Checkpoint of a segmentor whose head has ``walk_graph``,
            i.e. :class:`AffinityHead` or :class:`IRNHead`.
        model: The segmentor's config, or a config file. Defaults to None,
            the config that the Runner stored in the checkpoint.
        beta: Exponent of the affinities. PSA takes 8, IRN 10.
        steps: Number of steps. Defaults to 256, the eight squarings of PSA
            and IRN; SEAM and HFPL take 64.
        flip: Average what the network sees in the image and in its mirror
            image, as IRN does. Defaults to False.
        scale: (width, height) that the image is resized to fit into for the
            network, both ways. Defaults to None, the image as it is.
        device: Where network and walk run; 'cuda' is each rank's own GPU.
            Defaults to 'cpu'.

    Raises:
        ValueError: If there is no such checkpoint.
    """

    def __init__(
        self,
        checkpoint: str | os.PathLike,
        model: dict | str | None = None,
        beta: float = 8,
        steps: int = 256,
        flip: bool = False,
        scale: Sequence[int] | None = None,
        device: str = 'cpu',
    ) -> None:
        self.checkpoint = str(checkpoint)
        if not Path(self.checkpoint).is_file():
            raise ValueError(
                f'RandomWalk finds no checkpoint {self.checkpoint}: train the '
                'affinity network with tools/train.py first'
            )
        self.model = model
        self.beta = beta
        self.steps = steps
        self.flip = flip
        self.scale = scale
        self.device = local_device() if device == 'cuda' else device
        self._network: nn.Module | None = None

    @torch.no_grad()
    def transform(self, results: dict) -> dict:
        """Spread ``scores``; without any class they stay empty.

        Args:
            results: Result dict with ``img`` and ``scores``.

        Returns:
            dict: The same dict.

        Raises:
            ValueError: If the checkpoint holds no affinity network.
        """
        scores = torch.from_numpy(require(results, 'scores', self)).to(
            self.device
        )
        if not len(scores):
            return results
        size = scores.shape[1:]
        image = torch.from_numpy(require_image(results, self).copy())
        image = image.permute(2, 0, 1).to(self.device)
        seen = self._seen_size(size)
        if seen != size:
            image = _resize(image.float(), seen).round().to(torch.uint8)
            scores = _resize(scores, seen)
        walked = random_walk(scores, self._graph(image), self.beta, self.steps)
        if seen != size:
            walked = _resize(walked, size)
        results['scores'] = walked.cpu().numpy()
        return results

    def _seen_size(self, size: Sequence[int]) -> Sequence[int]:
        if self.scale is None:
            return size
        ratio = min(max(self.scale) / max(size), min(self.scale) / min(size))
        return torch.Size(max(round(side * ratio), 1) for side in size)

    def prepare(self, metainfo: Mapping) -> None:
        """Load and check the network before the first image.

        Worker processes that are forked share its weights, unless it works
        on a GPU.

        Args:
            metainfo: That of the data set.

        Raises:
            ValueError: If the checkpoint holds no affinity network, or its
                classes are not those of the data set.
        """
        network = load_affinity_network(
            self.checkpoint, self.model, metainfo=metainfo
        )
        if self.device == 'cpu':
            self._network = network

    def _load(self) -> nn.Module:
        if self._network is None:
            self._network = load_affinity_network(
                self.checkpoint, self.model, self.device
            )
        return self._network

    def _graph(self, image: Tensor) -> WalkGraph:
        network = self._load()

        # Whole cells of the coarsest feature, so that all features and those
        # of the mirror image lie on the same grid. PSA and IRN pad with
        # zeros; here the border is repeated.
        height, width = image.shape[1:]
        margins = (0, -width % DIVISOR, 0, -height % DIVISOR)
        image = F.pad(image[None].float(), margins, mode='replicate')[0]

        def features(picture: Tensor) -> list[Tensor]:
            data = dict(inputs=[picture], data_samples=[SegDataSample()])
            batch = network.data_preprocessor(data, False)
            return network.extract_feat(batch['inputs'])

        flipped = features(image.flip(-1)) if self.flip else None
        graph = network.decode_head.walk_graph(features(image), flipped)
        rows, columns = -(-height // graph.stride), -(-width // graph.stride)
        gate = graph.gate
        return graph._replace(
            affinity=graph.affinity[:, :rows, :columns],
            gate=None if gate is None else gate[:rows, :columns],
        )

    def __getstate__(self) -> dict:
        """Do not pickle the network; each worker loads its own."""
        return {**self.__dict__, '_network': None}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(checkpoint='{self.checkpoint}', "
            f'beta={self.beta}, steps={self.steps}, flip={self.flip}, '
            f"scale={self.scale}, device='{self.device}')"
        )


def _resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(
        maps[None], tuple(size), mode='bilinear', align_corners=False
    )[0]
