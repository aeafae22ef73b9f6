"""Dense features of timm's vision transformers."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from types import ModuleType

from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import Tensor, nn

from .base import FeatureExtractor, Normalise


@MODELS.register_module()
class TimmFeatures(FeatureExtractor):
    """The patch tokens of a vision transformer of timm, by its name.

    Self-supervised ones, which MARS needs, are for example:

    ======== ======================================
    DINO     ``vit_small_patch8_224.dino``
    DINOv2   ``vit_small_patch14_dinov2.lvd142m``,
             ``vit_small_patch14_reg4_dinov2.lvd142m``
    DINOv3   ``vit_small_patch16_dinov3.lvd1689m``
    ======== ======================================

    Those of the last block, after the network's last norm, as DINO's, DINOv2's
    and STEGO's public code has them. Class and register tokens are dropped.
    Images may have any size that is a multiple of the patch size: position
    embeddings are interpolated. Mean and standard deviation are those that
    timm has for the name.

    Args:
        model_name: timm's name, with the tag of the weights after the dot.
        pretrained: Take the weights that timm downloads, and keeps, for the
            name.
        checkpoint: File of the weights instead: timm's, or the authors' own
            where timm knows how to convert them.

    Raises:
        ImportError: If timm is not installed.
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If timm has no such vision transformer, or the weights
            cannot be had or do not fit.
    """

    def __init__(
        self,
        model_name: str,
        pretrained: bool = False,
        checkpoint: str | os.PathLike | None = None,
    ) -> None:
        super().__init__()
        self.model_name = model_name
        self.model = create_vit(
            model_name, pretrained, checkpoint, num_classes=0
        )
        settings = self.model.pretrained_cfg
        self.normalise = Normalise(
            *([255 * v for v in settings[key]] for key in ('mean', 'std'))
        )
        self.channels = self.model.num_features
        self.stride = self.model.patch_embed.patch_size[0]
        self.size_divisor = self.stride
        self.freeze()

    def forward(self, images: Tensor) -> Tensor:
        """Compute the features.

        Args:
            images: Images (N, 3, H, W), RGB, float32 in [0, 1], sides
                multiples of the patch size.

        Returns:
            Tensor: Features (N, D, H / stride, W / stride), float32.
        """
        self.check_images(images)
        (tokens,) = self.model.forward_intermediates(
            self.normalise(images),
            indices=1,  # of the last block
            norm=True,
            output_fmt='NCHW',
            intermediates_only=True,
        )
        return tokens.float()


def create_vit(
    name: str,
    pretrained: bool,
    checkpoint: str | os.PathLike | None,
    **options,
) -> nn.Module:
    """Build a transformer of timm that takes images of any size.

    Args:
        name: timm's name, with the tag of the weights after the dot.
        pretrained: Take the weights that timm downloads for the name.
        checkpoint: File of the weights instead.
        **options: For ``timm.create_model``.

    Raises:
        ImportError: If timm is not installed.
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If timm has no such vision transformer, or the weights
            cannot be had or do not fit.
    """
    timm = _import_timm()
    options['dynamic_img_size'] = True
    if checkpoint is not None:
        if not Path(checkpoint).is_file():
            raise FileNotFoundError(f'there is no checkpoint {checkpoint}')
        # The overlay converts the authors' files, checkpoint_path does not.
        # timm 1.0.22 reads a .pth as .npz where those of the name are.
        overlay = {
            'file': str(checkpoint),
            'custom_load': Path(checkpoint).suffix == '.npz',
        }
        if options.get('num_classes'):  # else timm drops the projection
            overlay['num_classes'] = options['num_classes']
        options['pretrained_cfg_overlay'] = overlay
    base, _, tag = name.partition('.')
    if not timm.is_model(base) or (
        tag and name not in timm.list_pretrained(f'{base}.*')
    ):
        close = ', '.join(timm.list_models(f'*{base[:12]}*', pretrained=True))
        raise ValueError(
            f'timm {timm.__version__} has no model {name!r}; names that are '
            f'like it: {close[:500] or "none"}'
        )
    try:
        model = timm.create_model(
            name, pretrained=pretrained or checkpoint is not None, **options
        )
    except TypeError as error:  # no dynamic_img_size
        raise ValueError(
            f'{name} is no vision transformer that takes images of any size '
            f'({error})'
        ) from error
    except Exception as error:
        # Which error is raised without a network depends on the hub's client.
        raise ValueError(
            f'the weights of {name} cannot be loaded from '
            f'{checkpoint or "the hub"}: {error}. Without internet, fetch '
            'the file elsewhere and name it with checkpoint='
        ) from error
    if not hasattr(model, 'blocks') or not hasattr(model, 'patch_embed'):
        raise ValueError(f'{name} is no plain vision transformer')
    if not pretrained and checkpoint is None:
        print_log(
            f'{name} has random weights: set pretrained=True or checkpoint',
            logger='current',
            level=logging.WARNING,
        )
    return model


def _import_timm() -> ModuleType:
    """Import timm, which is optional."""
    try:
        import timm
    except ImportError as error:
        raise ImportError(
            f'timm is missing ({error}): pip install timm, or pip install '
            '"mmseg_wsss[timm]"'
        ) from error
    return timm
