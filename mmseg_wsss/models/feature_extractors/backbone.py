"""Dense features of any backbone of the registries."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from functools import partial

import torch
from mmengine.logging import MMLogger, print_log
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...compat import is_type
from .base import IMAGENET_MEAN, IMAGENET_STD, FeatureExtractor, Normalise


@MODELS.register_module()
class BackboneFeatures(FeatureExtractor):
    """The last feature map of a backbone of MMSegmentation or MMPretrain.

    Weights come by the backbone's own ``init_cfg``, as everywhere in MMSeg,
    and are loaded at once. A vision transformer of MMPretrain needs
    ``out_type='featmap'``, which leaves the class token out, and
    interpolates its position embedding to any image size; whether its last
    norm is applied is its option ``final_norm``.

    Args:
        backbone: Config of the backbone.
        mean: Mean of R, G and B that the backbone was trained with, in units
            of 0 to 255.
        std: Their standard deviations.
        size_divisor: Multiple of the map's stride: 32 for most CNNs, the
            patch size for vision transformers.

    Raises:
        ValueError: If the last output is no feature map, ``size_divisor``
            does not fit, or a weight of the backbone is not in its
            checkpoint.
    """

    def __init__(
        self,
        backbone: dict,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        size_divisor: int = 32,
    ) -> None:
        super().__init__()
        self.size_divisor = size_divisor
        self.normalise = Normalise(mean, std)
        self.backbone = _build(backbone)
        self.freeze()
        self._measure()

    def forward(self, images: Tensor) -> Tensor:
        """Compute the features.

        Args:
            images: Images (N, 3, H, W), RGB, float32 in [0, 1], sides
                multiples of ``size_divisor``.

        Returns:
            Tensor: Features (N, D, H / stride, W / stride), float32.
        """
        self.check_images(images)
        return self._last_map(images).float()

    def _last_map(self, images: Tensor) -> Tensor:
        """Run the backbone and return its last output (N, D, h, w)."""
        output = self.backbone(self.normalise(images))
        last = output if isinstance(output, Tensor) else output[-1]
        if not isinstance(last, Tensor):  # (map, class token)
            last = last[0]
        if last.ndim != 4:
            raise ValueError(
                f'the backbone gives {tuple(last.shape)} where a feature map '
                '(N, D, h, w) is needed: vision transformers need '
                "out_type='featmap'"
            )
        return last

    @torch.no_grad()
    def _measure(self) -> None:
        """Compute channels and stride, and check the size divisor."""
        side = 4 * self.size_divisor
        _, self.channels, rows, columns = self._last_map(
            torch.zeros(1, 3, side, side)
        ).shape
        if rows != columns or rows % 4:
            raise ValueError(
                f'an image of {side} x {side} pixels has a map of {rows} x '
                f'{columns} cells: size_divisor {self.size_divisor} must be '
                'a multiple of the stride; set it to the patch size or the '
                'stride'
            )
        self.stride = side // rows


def _build(config: dict) -> nn.Module:
    """Build a backbone with its weights; warn if they are random."""
    backbone = _initialise(config, logging.WARNING)
    init_cfg = getattr(backbone, 'init_cfg', None) or {}
    parts = [init_cfg] if isinstance(init_cfg, dict) else init_cfg
    files = [p['checkpoint'] for p in parts if is_type(p, 'Pretrained')]
    if not files:
        print_log(
            f'{type(backbone).__name__} has random weights: give it '
            "init_cfg=dict(type='Pretrained', checkpoint=...)",
            logger='current',
            level=logging.WARNING,
        )
        return backbone
    # MMEngine only logs which weights a checkpoint lacks. They are drawn, and
    # differ in a second backbone. (Biases may well be 0 in both.)
    other = dict(_initialise(config, logging.ERROR).named_parameters())
    matrices = {n: w for n, w in backbone.named_parameters() if w.ndim > 1}
    same = partial(torch.allclose, rtol=0, atol=0, equal_nan=True)
    drawn = [n for n, w in matrices.items() if not same(w, other[n])]
    if drawn:
        raise ValueError(
            f'{len(drawn)} of {len(matrices)} weights of '
            f'{type(backbone).__name__} are not in {files[-1]}, the first '
            f'are {drawn[:3]}: does init_cfg need another prefix, as '
            "prefix='backbone.'?"
        )
    return backbone


def _initialise(config: dict, level: int) -> nn.Module:
    """Build a backbone and load its weights, logging from ``level`` on."""
    backbone = MODELS.build(copy.deepcopy(config))
    logger = MMLogger.get_current_instance()
    before = logger.level
    # As infos MMEngine has four lines for every parameter.
    logger.setLevel(max(before, level))
    try:
        backbone.init_weights()
    except AssertionError as error:  # no weight has the prefix
        raise ValueError(f'{backbone.init_cfg}: {error}') from error
    finally:
        logger.setLevel(before)
    return backbone
