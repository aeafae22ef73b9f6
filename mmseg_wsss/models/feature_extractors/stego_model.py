"""The model that trains STEGO's head (Hamilton et al., ICLR 2022).

It is a model of MMEngine, not a segmentor: a batch is images and their
neighbours (:class:`mmseg_wsss.NeighbourPairs`), and there are no labels of
any kind. The published code chooses its checkpoint by the mIoU of clusters
against ground truth, which is supervision. Here validation computes the
training loss on held-out images, by which ``CheckpointHook`` can choose::

    val_evaluator = dict(type='mmseg_wsss.MeanLossMetric')
    default_hooks = dict(checkpoint=dict(
        type='CheckpointHook', save_best='loss', rule='less', ...))

The published code also trains two probes on the detached code, a linear one on
masks and a clustering one. The code does not depend on them and MARS has no
use for them: they are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor, BaseModel
from mmseg.registry import MODELS
from torch import Tensor

from .stego import STEGOHead

IMAGES = ('inputs', 'neighbours')


@MODELS.register_module()
class PairPreprocessor(BaseDataPreprocessor):
    """Stack images as MMSeg packs them into RGB batches in [0, 1].

    Images of the keys 'inputs' and 'neighbours' have one size: a padded
    border would be learned from like any content.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Move a batch to the device and stack its images.

        Args:
            data: Lists of images (3, H, W), 0 to 255; other keys are left
                as they are.
            training: Makes no difference.

        Returns:
            dict: Batches (N, 3, H, W), float32 in [0, 1].

        Raises:
            ValueError: If images differ in size.
        """
        data = self.cast_data(data)
        for key in IMAGES:
            if key in data:
                data[key] = self._stack(data[key])
        return data

    def _stack(self, images: Sequence[Tensor]) -> Tensor:
        shapes = {tuple(image.shape) for image in images}
        if len(shapes) > 1:
            raise ValueError(
                f'a batch needs images of one size, got {sorted(shapes)}: '
                'end the pipeline of single images with a crop that all of '
                'them fill, as configs/mars/stego_*.py do'
            )
        bgr = torch.stack(list(images))
        return bgr.flip(1).float() / 255


@MODELS.register_module()
class STEGO(BaseModel):
    """A head that is trained on a frozen extractor's correspondences.

    Args:
        extractor (dict): A FeatureExtractor.
        loss (dict): Defaults to :class:`STEGOLoss` with its own options,
            which belong to DINO's ViT-S/8.
        data_preprocessor (dict): Defaults to :class:`PairPreprocessor`.
    """

    def __init__(
        self,
        extractor: dict,
        loss: dict | None = None,
        data_preprocessor: dict | None = None,
    ):
        super().__init__(
            MODELS.build(
                data_preprocessor or dict(type='mmseg_wsss.PairPreprocessor')
            )
        )
        self.extractor = MODELS.build(extractor)
        self.head = STEGOHead(self.extractor.channels)
        self.loss = MODELS.build(loss or dict(type='mmseg_wsss.STEGOLoss'))

    def forward(
        self,
        inputs: Tensor,
        neighbours: Tensor | None = None,
        data_samples: Sequence | None = None,
        mode: str = 'tensor',
    ) -> Tensor | dict[str, Tensor] | list[dict[str, Tensor]]:
        """Run the model as MMEngine's loops ask for it.

        Args:
            inputs: RGB (N, 3, H, W) in [0, 1].
            neighbours: The neighbour of each image, of the same shape.
            data_samples: Not read.
            mode: 'loss', 'predict' or 'tensor'.

        Returns:
            The code (N, K, h, w) for 'tensor'; for 'loss' the terms of
            :class:`STEGOLoss`; for 'predict' the same as one dict per image,
            with their sum ``loss``, from points that are always the same.

        Raises:
            ValueError: If there are no neighbours but must be.
        """
        if mode == 'tensor':
            return self.head(self._features(inputs))
        if mode not in ('loss', 'predict'):
            raise ValueError(f'unknown mode {mode!r}')
        if neighbours is None:
            raise ValueError(
                'STEGO learns and is validated on pairs: wrap the data set in '
                "dict(type='mmseg_wsss.NeighbourPairs', dataset=..., "
                'neighbours=...). Features are extracted by '
                'tools/extract_features.py, not by tools/test.py'
            )
        if mode == 'loss':
            return self._terms(inputs, neighbours)
        generator = torch.Generator().manual_seed(0)
        terms = self._terms(inputs, neighbours, generator)
        terms = {
            k: v.detach().expand(len(inputs)).cpu() for k, v in terms.items()
        }
        total = sum(v for k, v in terms.items() if k.startswith('loss_'))
        terms = {'loss': total, **terms}
        return [
            dict(zip(terms, values, strict=True))
            for values in zip(*terms.values(), strict=True)
        ]

    def _features(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return self.extractor(images)

    def _terms(
        self,
        inputs: Tensor,
        neighbours: Tensor,
        generator: torch.Generator | None = None,
    ) -> dict[str, Tensor]:
        features = self._features(torch.cat([inputs, neighbours]))
        code = self.head(features)
        return self.loss(
            *features.split(len(inputs)),
            *code.split(len(inputs)),
            generator=generator,
        )
