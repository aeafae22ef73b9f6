"""SEAM's head: a CAM, and the CAM that pixel correlation refines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmseg.registry import MODELS
from torch import Tensor

from ...structures import current_images
from .cam_head import CAMHead
from .pixel_correlation import PixelCorrelation

REDUCED = (64, 128)  # channels of the features in the module


class SEAMMaps(NamedTuple):
    """What :class:`SEAMHead` computes.

    Attributes:
        cam: Raw CAM (N, K, h, w) of the foreground classes.
        refined: Refined CAM (N, K + 1, h, w) in [0, 1], the background first.
    """

    cam: Tensor
    refined: Tensor


@MODELS.register_module()
class SEAMHead(CAMHead):
    """Class activation maps with a pixel correlation module (SEAM).

    The classifier sees the last feature; the module sees the image and the
    other features, and no gradient leaves it, see
    :mod:`mmseg_wsss.models.decode_heads.pixel_correlation`. Image-level losses
    get the raw CAM; :class:`SEAMLoss`, which trains the module, also the
    refined one. Prediction returns the refined CAM.

    The images come with the batch: WSSSEncoderDecoder or WeakSupervisionHook
    pass them.

    Args:
        in_channels (Sequence[int]): Channels of the features. SEAM's
            ResNet38: (512, 1024, 4096).
        num_classes (int): All classes of the data set.
        in_index (Sequence[int]): Indices of the features. Defaults to
            (0, 1, 2).
        normalise (str): See :class:`CAMHead`. Defaults to 'min_max'.
        align_corners (bool): How maps are resized. Defaults to True, as the
            authors have it.
        init_cfg (dict | list[dict], optional): Initialisation of the
            classifier. Defaults to Xavier.
        **kwargs: As for :class:`CAMHead`.

    Raises:
        ValueError: If an option is out of range, or there are not three
            features.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        in_index: Sequence[int] = (0, 1, 2),
        normalise: str = 'min_max',
        align_corners: bool = True,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ):
        if not len(in_channels) == len(in_index) == 3:
            raise ValueError(
                'SEAMHead needs three features, got '
                f'in_channels={in_channels}, in_index={in_index}'
            )
        xavier = dict(type='Xavier', distribution='uniform')
        super().__init__(
            in_channels[-1],
            num_classes,
            in_index=in_index[-1],
            normalise=normalise,
            align_corners=align_corners,
            init_cfg=init_cfg or {**xavier, 'override': dict(name='conv_seg')},
            **kwargs,
        )
        self.correlated = tuple(in_index[:-1])
        self.correlation = PixelCorrelation(
            in_channels[:-1], REDUCED, align_corners
        )

    def forward(self, inputs: Sequence[Tensor]) -> SEAMMaps:
        """Compute the CAM and the refined CAM.

        Args:
            inputs: Feature maps of the backbone.

        Returns:
            SEAMMaps: Both on the grid of the last feature.

        Raises:
            RuntimeError: If no batch is current.
        """
        cam = super().forward(inputs)
        features = [inputs[index] for index in self.correlated]
        images = current_images('SEAMHead')
        return SEAMMaps(cam, self.correlation(cam, features, images))

    def criterion_inputs(
        self, seg_logits: SEAMMaps
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the raw CAM, and ``refined`` for :class:`SEAMLoss`."""
        return seg_logits.cam, dict(refined=seg_logits.refined)

    def activation(self, seg_logits: SEAMMaps) -> Tensor:
        """Return the refined CAM (N, K, h, w) of the foreground classes."""
        return seg_logits.refined[:, 1:]

    def class_logits(self, seg_logits: SEAMMaps) -> Tensor:
        """Return the mean of the raw CAM over the image (N, K)."""
        return super().class_logits(seg_logits.cam)
