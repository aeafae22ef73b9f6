"""CLIP's frozen tower as the backbone of a segmentor."""

from __future__ import annotations

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...structures import current_segmentor, rgb_images
from .clip_tower import TowerFeatures, whole_patches


@MODELS.register_module()
class FrozenCLIP(nn.Module):
    """The outputs of layers 1 to L - 1 of a :class:`CLIPTower` as maps.

    Images of any size are resized to the next multiples of the patch size.
    Nothing in it is trained.

    With a second network (WeCLIP+ of the same authors has DINOv2) the maps are
    two: those of CLIP's layer L - 1 and of the second network, resized to
    CLIP's grid. It sees the same images, in the colours that the segmentor's
    data preprocessor had: WSSSEncoderDecoder or WeakSupervisionHook pass it.

    Args:
        tower (dict): Settings of the tower.
        second (dict, optional): Settings of a :class:`FeatureExtractor`.
        save_tower (bool): Save the frozen weights in checkpoints. Without
            them, 340 MB of ViT-B/16, a checkpoint needs the weights that the
            settings name. Defaults to True.
    """

    def __init__(
        self, tower: dict, second: dict | None = None, save_tower: bool = True
    ):
        super().__init__()
        self.tower = MODELS.build(tower)
        self.second = second and MODELS.build(second)
        self._ready: tuple[Tensor, tuple[Tensor, ...]] | None = None
        self.save_tower = save_tower
        if not save_tower:
            self._register_state_dict_hook(_drop_weights)

    def features(self, inputs: Tensor) -> TowerFeatures:
        """Run the tower, and keep its attention.

        Args:
            inputs: Normalised images (N, 3, H, W).
        """
        return self.tower(whole_patches(inputs, self.tower.patch_size))

    def maps(
        self, features: TowerFeatures, images: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Convert features of the tower to what :meth:`forward` returns.

        Args:
            features: The tower's of N images.
            images: RGB in [0, 1] (N, 3, H, W), for the second network.
        """
        maps = token_maps(features)
        if self.second is None:
            return maps
        found = self.second(whole_patches(images, self.second.size_divisor))
        found = F.interpolate(
            found, features.grid, mode='bilinear', align_corners=False
        )
        return maps[-1], found

    def keep(self, inputs: Tensor, maps: tuple[Tensor, ...]) -> None:
        """Store maps for the next forward, if its inputs are this tensor."""
        self._ready = inputs, maps

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of layers 1 to L - 1.

        Args:
            inputs: Normalised images (N, 3, H, W).

        Returns:
            tuple[Tensor]: L - 1 maps (N, D, h, w), h and w the sides over the
            patch size, rounded up; or two, see above.

        Raises:
            RuntimeError: If there is a second network, and no batch is
                current.
        """
        ready, self._ready = self._ready, None
        if ready is not None and ready[0] is inputs:
            return ready[1]
        whole = whole_patches(inputs, self.tower.patch_size)
        features = self.tower(whole, attention=False)
        if self.second is None:
            return self.maps(features)
        # Of the inputs, which are no whole batch in a sliding test.
        segmentor = current_segmentor('FrozenCLIP')
        return self.maps(
            features, rgb_images(inputs, segmentor.data_preprocessor)
        )

    def _load_from_state_dict(self, state_dict, prefix, *args):
        """Load weights; the frozen ones stay where a checkpoint has none."""
        for name, child in () if self.save_tower else self.named_children():
            for key, value in child.state_dict().items():
                state_dict.setdefault(f'{prefix}{name}.{key}', value)
        super()._load_from_state_dict(state_dict, prefix, *args)


def token_maps(features: TowerFeatures) -> tuple[Tensor, ...]:
    """Return each layer's patch tokens as a map (N, D, h, w)."""
    return tuple(
        tokens[:, 1:].transpose(1, 2).unflatten(2, features.grid)
        for tokens in features.tokens
    )


def _drop_weights(module, state_dict, prefix, *_) -> None:
    for name in [name for name in state_dict if name.startswith(prefix)]:
        del state_dict[name]
