"""Refinement step that walks scores along what an affinity network sees."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS, TRANSFORMS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...pseudo_labels.affinity import WalkGraph
from ...pseudo_labels.random_walk import random_walk
from .record import rgb_image, scores_of


@TRANSFORMS.register_module()
class RandomWalk(BaseTransform):
    """Spread scores by a random walk on a trained affinity network's graph.

    For AffinityNet (PSA) put ``AddBackground(alpha=16)`` in front of it; for
    IRN walk the foreground alone and put ``NormaliseScores('joint')`` and
    ``AddBackground(constant=0.25)`` behind it. Images are seen whole,
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
        device: Where network and walk run, e.g. 'cuda'. Defaults to 'cpu'.

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
        if device == 'cuda':  # each rank its own
            device = f'cuda:{os.environ.get("LOCAL_RANK", 0)}'
        self.device = device
        self._network: nn.Module | None = None

    @torch.no_grad()
    def transform(self, results: dict) -> dict:
        """Walk ``scores``; without any class nothing happens.

        Args:
            results: Result dict with ``img`` and ``scores``.

        Returns:
            dict: The same dict.

        Raises:
            ValueError: If the checkpoint holds no affinity network.
        """
        scores = torch.from_numpy(scores_of(results, self)).to(self.device)
        if not len(scores):
            return results
        size = scores.shape[1:]
        image = torch.from_numpy(rgb_image(results)[..., ::-1].copy())
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

    def _graph(self, image: Tensor) -> WalkGraph:
        if self._network is None:
            self._network = load_affinity_network(
                self.checkpoint, self.model, self.device
            )
        network = self._network

        # Whole cells, so that the mirror image has the same grid.
        stride = network.decode_head.stride
        margins = (0, -image.shape[2] % stride, 0, -image.shape[1] % stride)
        image = F.pad(image[None].float(), margins, mode='replicate')[0]

        def features(picture: Tensor) -> list[Tensor]:
            data = dict(inputs=[picture], data_samples=[SegDataSample()])
            batch = network.data_preprocessor(data, False)
            return network.extract_feat(batch['inputs'])

        flipped = features(image.flip(-1)) if self.flip else None
        return network.decode_head.walk_graph(features(image), flipped)

    def __getstate__(self) -> dict:
        """Leave the network behind: each worker loads its own."""
        return {**self.__dict__, '_network': None}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(checkpoint='{self.checkpoint}', "
            f'beta={self.beta}, steps={self.steps}, flip={self.flip}, '
            f"scale={self.scale}, device='{self.device}')"
        )


def load_affinity_network(
    checkpoint: str, model: dict | str | None = None, device: str = 'cpu'
) -> nn.Module:
    """Build a segmentor whose head predicts pair affinities.

    Args:
        checkpoint: Checkpoint file.
        model: The segmentor's config, a config file, or None for the config
            in the checkpoint.
        device: Where it goes.

    Returns:
        nn.Module: The segmentor in eval mode.

    Raises:
        ValueError: If it is no affinity network, there is no config, or
            weights are missing.
    """
    stored = torch.load(checkpoint, map_location='cpu', weights_only=True)
    if model is None:
        text = stored.get('meta', {}).get('cfg')
        if text is None:
            raise ValueError(
                f'{checkpoint} stores no config: give RandomWalk(model=...) '
                'the config file it was trained with'
            )
        model = Config.fromstring(text, '.py').model
    elif isinstance(model, str):
        model = Config.fromfile(model).model
    # A worker process or a notebook may have no scope yet.
    with DefaultScope.overwrite_default_scope('mmseg'):
        network = MODELS.build(model)
    if not hasattr(network.decode_head, 'walk_graph'):
        raise ValueError(
            f'{checkpoint} is a network with the head '
            f'{type(network.decode_head).__name__}: RandomWalk needs an '
            'AffinityHead or an IRNHead'
        )
    weights = stored.get('state_dict', stored)
    missing, _ = network.load_state_dict(weights, strict=False)
    if missing:
        raise ValueError(
            f'{checkpoint} lacks weights of the network, e.g. {missing[0]}: '
            'is it the checkpoint of this config?'
        )
    return network.to(device).eval()


def _resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(
        maps[None], tuple(size), mode='bilinear', align_corners=False
    )[0]
