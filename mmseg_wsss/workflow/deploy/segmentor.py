"""A trained segmentor, loaded to predict."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.apis import MMSegInferencer
from mmseg.registry import DATASETS
from PIL import Image
from torch import nn

from ...compat import find_steps, is_type
from ...datasets.palette import voc_palette
from ...io.checkpoints import check_classes, check_weights
from ...io.photos import shrink

# New photos have neither masks nor image labels.
_LEFT_OUT = ('LoadImageFromFile', 'LoadAnnotations', 'LoadImageLabels')
_SIDE = 256  # of a grey picture to try a network on


class Segmentor(MMSegInferencer):
    """MMSeg's inferencer on a checkpoint that was checked to fit.

    Photos are prepared by the transforms of ``test_dataloader``, without
    those that load masks and image labels.

    Args:
        cfg: The config; not changed.
        checkpoint: The checkpoint file.
        device: Where the network runs.

    Attributes:
        model: The segmentor, an ``nn.Module`` in evaluation.
        classes: Names of its C classes, those of the checkpoint.
        palette: An RGB triple of 0 to 255 for each.
        steps: The settings of the transforms.
        max_side: Longest side to which photos are shrunk before, as the
            config's ``LoadImageFromFile`` does; 0 for any.

    Raises:
        ValueError: If the checkpoint does not fit the config, or no classes
            are named.
        OSError: If it cannot be read.
    """

    def __init__(
        self, cfg: Config, checkpoint: str | os.PathLike, device: str = 'cpu'
    ) -> None:
        if not os.path.isfile(checkpoint):
            raise FileNotFoundError(f'there is no checkpoint {checkpoint}')
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        self.steps = photo_pipeline(cfg)
        loaders = find_steps(cfg.test_dataloader, 'LoadImageFromFile')
        backend = next(iter(loaders), {}).get('backend_args') or {}
        self.max_side = backend.get('max_side', 0)
        self._where = str(checkpoint)
        cfg = copy.deepcopy(cfg)
        cfg.test_dataloader.dataset.pipeline = copy.deepcopy(self.steps)
        # Not used; a config's may be missing, or start a service.
        cfg.visualizer = dict(type='SegLocalVisualizer')
        super().__init__(cfg, str(checkpoint), device=device)
        self.show_progress = False

    def _load_weights_to_model(
        self, model: nn.Module, checkpoint: dict, cfg: Config
    ) -> None:
        """Check a checkpoint before its weights are loaded."""
        weights = checkpoint.get('state_dict', checkpoint)
        check_weights(model, weights, self._where)
        meta = dataset_meta(cfg)
        check_classes(checkpoint, meta, self._where)
        stored = checkpoint.get('meta') or {}
        meta = stored.get('dataset_meta') or meta
        self.classes = list(meta.get('classes') or ())
        count = model.num_classes
        if len(self.classes) != count:
            raise ValueError(
                f'the network has {count} classes, {self._where} and its '
                f'config name {len(self.classes)}: add metainfo=dict('
                'classes=(...)) to test_dataloader.dataset'
            )
        palette = list(meta.get('palette') or ())
        self.palette = palette if len(palette) == count else voc_palette(count)
        # MMSeg would take the classes of Cityscapes where there are none.
        checkpoint['meta'] = {**stored, 'dataset_meta': meta}
        super()._load_weights_to_model(model, checkpoint, cfg)

    def _init_collate(self, cfg: Config) -> Callable:
        """Return the default, which MMEngine finds with a warning."""
        return pseudo_collate

    @property
    def background(self) -> int | None:
        """Index of the class named background, or None."""
        if 'background' in self.classes:
            return self.classes.index('background')
        return None

    def predict(self, photo: np.ndarray) -> np.ndarray:
        """Segment a photo.

        Args:
            photo: (H, W, 3) uint8, RGB.

        Returns:
            np.ndarray: Class indices (H, W), int64.

        Raises:
            ValueError: If it cannot be resized, as a strip of 3000 x 1.
        """
        small = np.asarray(shrink(Image.fromarray(photo), self.max_side))
        image = np.ascontiguousarray(small[..., ::-1])
        try:
            sample = self(image, return_datasamples=True)
        except cv2.error as error:
            height, width = photo.shape[:2]
            raise ValueError(
                f'{width} x {height} pixels cannot be resized for the network'
            ) from error
        label = sample.pred_sem_seg.data[0].cpu().numpy().astype(np.int64)
        if small.shape == photo.shape:
            return label
        return _enlarge(sample.seg_logits.data.cpu().numpy(), label, photo)

    def check(self) -> None:
        """Check on a grey picture that the network segments photos.

        Raises:
            ValueError: If it needs more than a photo.
        """
        grey = np.full((_SIDE, _SIDE, 3), 128, np.uint8)
        try:
            self.predict(grey)
        except ValueError as error:
            raise ValueError(
                f'the network segments no photo by itself: {error}. Take the '
                'config and checkpoint of a segmentor'
            ) from error


def _enlarge(
    logits: np.ndarray, label: np.ndarray, photo: np.ndarray
) -> np.ndarray:
    """Return the best class (H, W) of logits (C, h, w) in a photo's size.

    Class by class: all logits of a large photo would take gigabytes.
    """
    size = photo.shape[1::-1]
    if len(logits) == 1:  # a threshold
        return cv2.resize(
            label.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST
        ).astype(np.int64)
    best = cv2.resize(logits[0], size)
    label = np.zeros(best.shape, np.int64)
    for index, plane in enumerate(logits[1:], 1):
        plane = cv2.resize(plane, size)
        label[plane > best] = index
        np.maximum(best, plane, out=best)
    return label


def photo_pipeline(cfg: Config) -> list[dict]:
    """Return the transforms of a config's test images, for photos alone.

    Args:
        cfg: The config.

    Returns:
        list[dict]: Their settings; the first loads the photo.

    Raises:
        ValueError: If it has none.
    """
    loader = cfg.get('test_dataloader') or {}
    steps = (loader.get('dataset') or {}).get('pipeline')
    if not steps:
        raise ValueError(
            f'{cfg.filename} has no test_dataloader.dataset.pipeline: photos '
            'are prepared by its transforms'
        )
    kept = [
        # Of image labels there are none.
        {**step, 'require_labels': False}
        if is_type(step, 'PackWSSSInputs')
        else dict(step)
        for step in steps
        if not any(is_type(step, name) for name in _LEFT_OUT)
    ]
    return [dict(type='LoadImageFromFile'), *kept]


def dataset_meta(cfg: Config) -> dict:
    """Return classes and palette of a config's test data set."""
    settings = cfg.test_dataloader.dataset
    kind = settings.type
    kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    known = getattr(kind, 'METAINFO', {})
    return {**known, **(settings.get('metainfo') or {})}
