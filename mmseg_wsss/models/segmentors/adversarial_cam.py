"""CAMs summed while the image is climbed for each class (AdvCAM)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...pseudo_labels.adversarial_climbing import climb
from ...structures import check_unpadded
from .cam_tta import CAMTTAModel, augmentations, unflip


@MODELS.register_module()
class AdversarialCAMTTAModel(CAMTTAModel):
    """Test-time augmentation of a CAM network with adversarial climbing.

    AdvCAM (CVPR 2021, https://arxiv.org/abs/2103.08896): of each scale, the
    image and its flips climb together, once for each candidate class, and the
    CAMs on the way are added up, see
    :mod:`mmseg_wsss.pseudo_labels.adversarial_climbing`. The rest is as in
    :class:`CAMTTAModel`: the maps of all scales are summed at the image's
    original size, normalised once, and joined by the background score. Use it
    as ``tta_model=dict(type='mmseg_wsss.AdversarialCAMTTAModel')``.

    The segmentor is not trained: it runs in eval mode, and gradients reach
    the image only. The climb follows the raw CAM; what is summed is the CAM
    that the head predicts (SEAM's has no gradient). A scale below 1 sums half
    as many maps, as the authors' code does at 0.5.

    Each class takes 27 forwards and 26 backwards of each scale and flip (13
    and 12 below scale 1), where :class:`CAMTTAModel` takes one forward for all
    classes.

    Args:
        module (dict | nn.Module): Segmentor whose decode head is a CAMHead.
        data_preprocessor (dict, optional): As for MMEngine's
            ``BaseTTAModel``.
        steps (int): Steps of the climb; the sum has one map more. 0 is
            CAMTTAModel. Defaults to 26, the 27 maps of the authors' code.
        class_batch (int): Classes of an image that run in one batch, each
            with all flips; memory grows with it. Defaults to 4.

    Raises:
        ValueError: If the segmentor has no CAMHead or one whose maps are no
            CAMs (SIPE, Spatial-BCE), or an option is out of range.

    Examples:
        >>> tta_model = dict(
        ...     type='mmseg_wsss.AdversarialCAMTTAModel', class_batch=2
        ... )
    """

    def __init__(
        self,
        module: dict | nn.Module,
        data_preprocessor: dict | nn.Module | None = None,
        steps: int = 26,
        class_batch: int = 4,
    ):
        if steps < 0 or class_batch < 1:
            raise ValueError(
                'AdversarialCAMTTAModel needs steps >= 0 and class_batch >= '
                f'1, got {steps} and {class_batch}'
            )
        super().__init__(module, data_preprocessor)
        if not self.segmentor.decode_head.climbs:
            raise ValueError(
                'AdversarialCAMTTAModel climbs on the CAM of one class, but '
                f'{type(self.segmentor.decode_head).__name__} has other maps, '
                'relative to a background or a threshold: use CAMTTAModel'
            )
        self.steps = steps
        self.class_batch = class_batch

    def test_step(self, data: dict) -> list:
        """Predict one sample per image from all its augmentations.

        Args:
            data (dict): As for :meth:`CAMTTAModel.test_step`.

        Returns:
            list[SegDataSample]: The first augmentation's samples, with the
            merged ``seg_logits`` and ``pred_sem_seg``.

        Raises:
            ValueError: If images were padded.
        """
        segmentor = self.segmentor
        with _frozen(segmentor):
            batches = [
                segmentor.data_preprocessor(batch, False)
                for batch in augmentations(data)
            ]
            samples = batches[0]['data_samples']
            candidates = self.candidate_mask(samples, self._logits(batches))
            sums = []
            for index, present in enumerate(candidates):
                views = [
                    (batch['inputs'][index], batch['data_samples'][index])
                    for batch in batches
                ]
                sums.append(self._sum(views, present))
        return self.add_scores(samples, sums, candidates)

    @torch.no_grad()
    def _logits(self, batches: list[dict]) -> Tensor:
        """Return the pooled logits (N, K), averaged over augmentations."""
        pool = self.segmentor.decode_head.class_logits
        return sum(
            pool(self.segmentor(**batch, mode='tensor')) for batch in batches
        ) / len(batches)

    def _sum(self, views: list[tuple], present: Tensor) -> Tensor:
        """Sum the maps (1, K, H, W) of an image over its augmentations."""
        head = self.segmentor.decode_head
        size = views[0][1].metainfo['ori_shape'][:2]
        total = views[0][0].new_zeros(1, len(present), *size)
        classes = present.nonzero().flatten()
        if not len(classes):
            return total
        divisors = (head.conv_seg.weight > 0).flatten(1).sum(1).clamp(min=1)
        for images, samples in _scales(views):
            steps = self.steps
            scale = samples[0].metainfo.get('scale_factor') or (1,)
            if min(scale) < 1 and steps:
                steps = (steps + 1) // 2 - 1
            for some in classes.split(self.class_batch):
                maps = climb(
                    images,
                    partial(self._cams, samples),
                    some,
                    divisors[some],
                    steps,
                )
                total[0, some] += head.upsample(maps[None], size)[0]
        return total

    def _cams(self, samples: list, copies: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the raw and the final CAMs of copies, see ``climb``."""
        head = self.segmentor.decode_head
        outputs = self.segmentor(
            inputs=copies.flatten(0, 1),
            data_samples=samples * len(copies),
            mode='tensor',
        )
        raw, _ = head.criterion_inputs(outputs)

        def views(maps: Tensor) -> Tensor:
            maps = maps.unflatten(0, copies.shape[:2])
            turned = [unflip(maps[:, v], s) for v, s in enumerate(samples)]
            return torch.stack(turned, 1)

        return views(raw.float().relu()), views(head.activation(outputs))


def _scales(views: list[tuple]) -> Iterator[tuple[Tensor, list]]:
    """Yield the images (V, 3, H, W) of each size, and their samples."""
    sizes: dict[tuple, list] = {}
    for image, sample in views:
        check_unpadded(sample.metainfo)
        sizes.setdefault(tuple(image.shape), []).append((image, sample))
    for group in sizes.values():
        images, samples = zip(*group, strict=True)
        yield torch.stack(images), list(samples)


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Set eval mode, without gradients of the parameters."""
    modes = {m: m.training for m in module.modules()}
    learning = [p for p in module.parameters() if p.requires_grad]
    module.eval()
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
        for parameter in learning:
            parameter.requires_grad_(True)
