"""Test-time augmentation that leaves the merged scores on the sample."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...compat import unwrap
from ...utils import check_option
from ..scores import last_head, predicts_scores

FUSIONS = (
    'mean_probabilities',
    'mean_logits',
    'max_probabilities',
    'max_logits',
)


@MODELS.register_module()
class ScoreTTAModel(SegTTAModel):
    """Merge scales and flips of a segmentor, and keep the merged scores.

    MMSeg's SegTTAModel sets the merged ``pred_sem_seg``, but its
    ``seg_logits`` are those of the last augmentation. Here ``seg_logits`` of
    the merged sample are the merged scores, for what follows a prediction:
    DenseCRFHook, PseudoLabelWriter, metrics that read scores. Use it as
    ``tta_model=dict(type='mmseg_wsss.ScoreTTAModel')``.

    'mean_probabilities' averages softmaxes (MMSeg, MARS), 'mean_logits'
    averages logits and takes one softmax (SEAM, HFPL), 'max_logits' takes
    the softmax of each class's largest logit (ToCo): all three give
    probabilities that sum to 1. 'max_probabilities' takes each class's
    largest softmax (MCTformer), in [0, 1], not normalised again.

    One-channel (sigmoid) heads return probabilities (1, H, W), and these
    are fused; with 'mean_logits' after undoing the sigmoid. The threshold is
    the head's. MMSeg's SegTTAModel takes a second sigmoid of them, which
    lifts every pixel to 0.5 or more: here this is left out, and a single
    augmentation gives the plain prediction.

    Args:
        module (dict | nn.Module): Segmentor.
        data_preprocessor (dict, optional): As for MMEngine's
            ``BaseTTAModel``.
        fusion (str): How augmentations are merged, see above. Defaults to
            'mean_probabilities'.

    Raises:
        ValueError: If ``fusion`` is unknown, or the segmentor is a CAM
            network, which CAMTTAModel merges.
    """

    # The merged sample's seg_logits belong to all augmentations.
    merges_scores = True

    def __init__(
        self,
        module: dict | nn.Module,
        data_preprocessor: dict | nn.Module | None = None,
        fusion: str = 'mean_probabilities',
    ):
        check_option('fusion', fusion, FUSIONS)
        super().__init__(module, data_preprocessor)
        self.fusion = fusion
        segmentor = unwrap(self.module)
        if predicts_scores(segmentor):
            raise ValueError(
                'ScoreTTAModel takes the softmax of logits, but '
                f'{type(segmentor).__name__} predicts scores in [0, 1]: with '
                "a CAMHead use tta_model=dict(type='mmseg_wsss.CAMTTAModel'), "
                'test others without --tta'
            )

    def merge_preds(self, data_samples_list: list) -> list:
        """Merge the predictions of all augmentations of each image.

        Args:
            data_samples_list (list[Sequence[SegDataSample]]): For each image
                the samples of its augmentations, whose ``seg_logits`` (C, H,
                W) have the image's original size.

        Returns:
            list[SegDataSample]: The first augmentation's sample of each
            image, with ``seg_logits`` (C, H, W), float32 in [0, 1], and
            ``pred_sem_seg`` (1, H, W): class indices, or for one channel
            whether the score exceeds the head's threshold, as a float.
        """
        merged = []
        for samples in data_samples_list:
            scores = self._fuse(samples)
            if len(scores) == 1:
                head = last_head(unwrap(self.module))
                best = (scores > head.threshold).to(scores)
            else:
                best = scores.argmax(0, keepdim=True)
            samples[0].set_data(
                dict(
                    seg_logits=PixelData(data=scores),
                    pred_sem_seg=PixelData(data=best),
                )
            )
            merged.append(samples[0])
        return merged

    def _fuse(self, samples: list) -> Tensor:
        """Compute the merged scores (C, H, W) of one image."""
        total = None
        for sample in samples:
            part = self._part(sample.seg_logits.data.float())
            if total is None:
                total = part.clone()
            elif self.fusion.startswith('max'):
                torch.maximum(total, part, out=total)
            else:
                total += part
        if self.fusion.startswith('mean'):
            total /= len(samples)
        if self.fusion.endswith('probabilities'):
            return total
        return total.sigmoid() if len(total) == 1 else total.softmax(0)

    def _part(self, seg_logits: Tensor) -> Tensor:
        """Return what is fused of one prediction (C, H, W)."""
        logits = self.fusion.endswith('logits')
        if len(seg_logits) == 1:  # probabilities already
            return seg_logits.logit(eps=1e-6) if logits else seg_logits
        return seg_logits if logits else seg_logits.softmax(0)
