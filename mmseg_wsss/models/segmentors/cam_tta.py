"""CAMs of several scales and flips, summed before they are normalised."""

from __future__ import annotations

from collections.abc import Iterator

from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...compat import unwrap
from ...structures import (
    check_unpadded,
    has_image_labels,
    stack_image_labels,
)
from ..decode_heads.cam_head import CAMHead

FLIPPED_AXES = {'horizontal': (-1,), 'vertical': (-2,), 'diagonal': (-2, -1)}


@MODELS.register_module()
class CAMTTAModel(BaseTTAModel):
    """Test-time augmentation of a CAM network.

    As in PSA (CVPR 2018), IRN (CVPR 2019) and SEAM (CVPR 2020), the raw CAM
    of each scale and flip is cut at 0, flipped back, resized bilinearly
    to the image's original size and added up; the sum is normalised once,
    masked to the candidates, and joined by the background score. The scores
    (C, H, W) in [0, 1] are the ``seg_logits`` of the merged sample and their
    best class its ``pred_sem_seg``, without any softmax, so that metrics,
    :class:`PseudoLabelWriter` and the visualiser take them as they take a
    plain prediction. MMSeg's SegTTAModel would average softmaxed scores.

    Candidates are those of the :class:`CAMHead`: 'auto' asks the image labels
    of the sample; 'predicted' takes classes whose logit, averaged over the
    augmentations, is positive.

    It runs the segmentor in 'tensor' mode, always on whole images, and keeps
    one augmentation's maps beside the sum. Use it as
    ``tta_model=dict(type='mmseg_wsss.CAMTTAModel')`` with a ``tta_pipeline``.

    Args:
        module (dict | nn.Module): Segmentor whose decode head is a CAMHead.
        data_preprocessor (dict, optional): As for MMEngine's
            ``BaseTTAModel``.

    Raises:
        ValueError: If the segmentor has no CAMHead.
    """

    # The merged sample's seg_logits belong to all augmentations.
    merges_scores = True

    def __init__(
        self,
        module: dict | nn.Module,
        data_preprocessor: dict | nn.Module | None = None,
    ):
        super().__init__(module, data_preprocessor)
        head = getattr(self.segmentor, 'decode_head', None)
        if not isinstance(head, CAMHead):
            raise ValueError(
                f'{type(self).__name__} sums the CAMs of a CAMHead, but the '
                f'decode head is {type(head).__name__}: use '
                "tta_model=dict(type='SegTTAModel') for other segmentors"
            )

    @property
    def segmentor(self) -> nn.Module:
        """The segmentor, out of any distributed wrapper."""
        return unwrap(self.module)

    def test_step(self, data: dict) -> list:
        """Predict one sample per image from all its augmentations.

        Args:
            data (dict): ``inputs`` and ``data_samples``, each a list over
                augmentations of lists over images, as TestTimeAug and
                pseudo_collate make them.

        Returns:
            list[SegDataSample]: The first augmentation's samples, with the
            merged ``seg_logits`` and ``pred_sem_seg``.

        Raises:
            ValueError: If images were padded.
        """
        head = self.segmentor.decode_head
        samples, sums, logits, count = [], [], 0.0, 0
        for batch in augmentations(data):
            batch = self.segmentor.data_preprocessor(batch, False)
            outputs = self.segmentor(**batch, mode='tensor')
            maps = [
                _restore(head, cam, sample)
                for cam, sample in zip(
                    head.activation(outputs),
                    batch['data_samples'],
                    strict=True,
                )
            ]
            if count == 0:
                samples, sums = batch['data_samples'], maps
            else:
                for total, part in zip(sums, maps, strict=True):
                    total += part
            logits = logits + head.class_logits(outputs)
            count += 1
        candidates = self.candidate_mask(samples, logits / count)
        return self.add_scores(samples, sums, candidates)

    def candidate_mask(self, samples: list, logits: Tensor) -> Tensor:
        """Return the head's candidates, of image labels where it asks them.

        Args:
            samples (list[SegDataSample]): One of each image.
            logits: Their pooled logits (N, K).

        Returns:
            Tensor: 1 for candidates, 0 for other classes, float32 (N, K).
        """
        labels = None
        if has_image_labels(samples):
            labels = stack_image_labels(samples)
        return self.segmentor.decode_head.candidate_mask(logits, labels)

    def add_scores(
        self, samples: list, sums: list[Tensor], candidates: Tensor
    ) -> list:
        """Add the scores of summed maps to samples.

        Args:
            samples (list[SegDataSample]): One of each image.
            sums: Its maps (1, K, H, W), of the head's ``activation``, summed.
            candidates: Mask (N, K).

        Returns:
            list[SegDataSample]: The samples, with ``seg_logits`` and
            ``pred_sem_seg``.
        """
        head = self.segmentor.decode_head
        for index, sample in enumerate(samples):
            scores = head.scores(sums[index], candidates[index : index + 1])[0]
            best = scores.argmax(0, keepdim=True)
            sample.seg_logits = PixelData(data=scores)
            sample.pred_sem_seg = PixelData(data=best)
        return samples

    def merge_preds(self, data_samples_list: list) -> list:
        """Raise NotImplementedError: :meth:`test_step` sums instead."""
        raise NotImplementedError(
            f'{type(self).__name__} has no predictions to merge: call '
            'test_step'
        )


def augmentations(data: dict) -> Iterator[dict]:
    """Yield the batch of each augmentation."""
    for index in range(len(data['inputs'])):
        yield {key: value[index] for key, value in data.items()}


def unflip(cam: Tensor, sample) -> Tensor:
    """Return the maps (..., h, w) of a flipped image, flipped back.

    Args:
        cam: The maps.
        sample (SegDataSample): The image's, which says how it was flipped.

    Returns:
        Tensor: Of the same shape.
    """
    meta = sample.metainfo
    if not meta.get('flip'):
        return cam
    return cam.flip(FLIPPED_AXES[meta['flip_direction']])


def _restore(head: CAMHead, cam: Tensor, sample) -> Tensor:
    """Resize a CAM (K, h, w) to the original image, (1, K, H, W)."""
    check_unpadded(sample.metainfo)
    size = sample.metainfo['ori_shape'][:2]
    return head.upsample(unflip(cam, sample)[None], size)
