"""CLIP's frozen tower as the backbone of a segmentor."""

from __future__ import annotations

from mmseg.registry import MODELS
from torch import Tensor, nn

from .clip_tower import TowerFeatures, whole_patches


@MODELS.register_module()
class FrozenCLIP(nn.Module):
    """The outputs of layers 1 to L - 1 of a :class:`CLIPTower` as maps.

    Images of any size are resized to the next multiples of the patch size.
    Nothing in it is trained.

    Args:
        tower (dict): Settings of the tower.
        save_tower (bool): Save the tower's weights in checkpoints. Without
            them, 340 MB of ViT-B/16, a checkpoint needs the weights that the
            settings name. Defaults to True.
    """

    def __init__(self, tower: dict, save_tower: bool = True):
        super().__init__()
        self.tower = MODELS.build(tower)
        self._ready: tuple[Tensor, tuple[Tensor, ...]] | None = None
        self.save_tower = save_tower
        if not save_tower:
            self._register_state_dict_hook(_drop_tower)

    def features(self, inputs: Tensor) -> TowerFeatures:
        """Run the tower, and keep its attention.

        Args:
            inputs: Normalised images (N, 3, H, W).
        """
        return self.tower(whole_patches(inputs, self.tower.patch_size))

    def keep(self, inputs: Tensor, maps: tuple[Tensor, ...]) -> None:
        """Return these maps in the next forward, if it is of these images."""
        self._ready = inputs, maps

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of layers 1 to L - 1.

        Args:
            inputs: Normalised images (N, 3, H, W).

        Returns:
            tuple[Tensor]: L - 1 maps (N, D, h, w), h and w the sides over the
            patch size, rounded up.
        """
        ready, self._ready = self._ready, None
        if ready is not None and ready[0] is inputs:
            return ready[1]
        images = whole_patches(inputs, self.tower.patch_size)
        return token_maps(self.tower(images, attention=False))

    def _load_from_state_dict(self, state_dict, prefix, *args):
        """Take the tower that is there, where a checkpoint has none."""
        if not self.save_tower:
            own = self.tower.state_dict(prefix=f'{prefix}tower.')
            for name, value in own.items():
                state_dict.setdefault(name, value)
        super()._load_from_state_dict(state_dict, prefix, *args)


def token_maps(features: TowerFeatures) -> tuple[Tensor, ...]:
    """Return each layer's patch tokens as a map (N, D, h, w)."""
    return tuple(
        tokens[:, 1:].transpose(1, 2).unflatten(2, features.grid)
        for tokens in features.tokens
    )


def _drop_tower(module, state_dict, prefix, *_) -> None:
    for name in [n for n in state_dict if n.startswith(f'{prefix}tower.')]:
        del state_dict[name]
