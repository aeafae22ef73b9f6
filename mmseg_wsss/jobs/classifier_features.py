"""The image vectors of a classifier's backbone."""

from __future__ import annotations

from mmengine.config import Config
from torch import Tensor, nn

from ..compat import find_steps
from ..io.provenance import file_identity
from ..models.feature_extractors import BackboneFeatures, dense_features


class AnySize(nn.Module):
    """A backbone for images of any size, at its own stride.

    Args:
        extractor: The backbone.
    """

    def __init__(self, extractor: BackboneFeatures) -> None:
        super().__init__()
        self.extractor = extractor
        self.channels = extractor.channels

    def forward(self, images: Tensor) -> Tensor:
        """Compute the features.

        Args:
            images: (N, 3, H, W), RGB, in [0, 1].

        Returns:
            Tensor: Features (N, D, h, w), float32.
        """
        stride = self.extractor.stride
        return dense_features(
            self.extractor, images, flip=False, stride=stride
        )


def classifier_backbone(cfg: Config, checkpoint: str | None) -> AnySize:
    """Build the backbone of a CAM network's config, with its weights.

    Args:
        cfg: The config.
        checkpoint: A checkpoint of the network. If None, the weights are
            those that its training starts from, which have seen no label of
            these images.

    Returns:
        AnySize: The backbone, on the CPU.

    Raises:
        ValueError: If there are no such weights, they do not fit, or the
            network takes BGR images.
        OSError, ImportError: If the weights cannot be found.
    """
    model = cfg.get('model') or {}
    if 'backbone' not in model or 'decode_head' not in model:
        raise ValueError(
            f'{cfg.filename} has no model with a backbone and a decode_head: '
            'take a config that trains a CAM network, such as configs/cam'
        )
    backbone = dict(model.backbone)
    if checkpoint is not None:
        file_identity(checkpoint)  # complains if there is none
        backbone['init_cfg'] = dict(
            type='Pretrained', checkpoint=str(checkpoint), prefix='backbone.'
        )
    elif not find_steps(backbone.get('init_cfg'), 'Pretrained'):
        raise ValueError(
            f'the network of {cfg.filename} starts from random weights, '
            'whose features say little: give the CHECKPOINT of its training'
        )
    processing = model.get('data_preprocessor') or {}
    if not processing.get('bgr_to_rgb'):
        raise ValueError(
            'features are computed of RGB images: set '
            'model.data_preprocessor.bgr_to_rgb=True'
        )
    return AnySize(
        BackboneFeatures(
            backbone,
            mean=processing.get('mean', (0, 0, 0)),
            std=processing.get('std', (1, 1, 1)),
        )
    )
