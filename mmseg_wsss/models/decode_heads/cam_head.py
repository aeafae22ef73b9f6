"""A CAM network's head, as an MMSeg decode head."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...pseudo_labels.cam import (
    NORMALISATIONS,
    background_score,
    normalise_cam,
)
from ...structures import (
    check_unpadded,
    common_background_index,
    current_data_samples,
    find_image_labels,
    foreground_indices,
    stack_image_labels,
)
from ...utils import check_option

CANDIDATES = ('auto', 'predicted', 'all')


@MODELS.register_module()
class CAMHead(BaseDecodeHead):
    """Class activation maps from image labels.

    A 1x1 convolution of the features is the raw CAM (N, K, h, w) of the K
    foreground classes at the backbone's own stride. In training it goes, with
    the image labels, to image-level losses such as :class:`GAPLoss`; no mask
    is read. Prediction returns scores (N, C, H, W) in [0, 1]: each candidate
    class's CAM normalised in the image, 0 for the other classes, and a
    background score. They take the place of ``seg_logits``, so that MMSeg's
    metrics, visualiser and test loop work on them. Images must be tested
    whole and without padding.

    Prediction has four public steps: :meth:`activation`,
    :meth:`class_logits`, :meth:`candidate_mask` and :meth:`scores`.
    :class:`CAMTTAModel` sums the activations of several scales between them;
    a subclass whose :meth:`forward` returns something else overrides the
    first two, and :meth:`criterion_inputs`.

    Args:
        in_channels (int | list[int]): Channels of the features.
        num_classes (int): C, all classes of the data set, background
            included.
        background_index (int, optional): Index of the background, None if the
            data set has none. Defaults to 0.
        background_threshold (float): Constant background score in [0, 1].
            Defaults to 0.3.
        candidates (str): Which classes prediction considers. 'auto' takes the
            image labels where the test pipeline loads them (seeds of training
            images), else as 'predicted': classes whose pooled score is
            positive. 'all' considers every class. Defaults to 'auto'.
        normalise (str): How prediction scales each class's map: 'max' (PSA,
            IRN) or 'min_max' (SEAM, HFPL, MCTformer), see
            :func:`~mmseg_wsss.pseudo_labels.cam.normalise_cam`. Defaults to
            'max'.
        loss_decode (dict | list[dict]): Image-level losses.
        dropout_ratio (float): Dropout before the classifier. Defaults to 0.5.
        **kwargs: As for MMSeg's ``BaseDecodeHead``.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> head = CAMHead(in_channels=8, num_classes=3)
        >>> head([torch.rand(2, 8, 7, 7)]).shape
        torch.Size([2, 2, 7, 7])
    """

    # Whether activation returns a map of the background before the classes'.
    own_background = False
    # What it predicts are scores in [0, 1], no logits.
    predicts_scores = True
    # Whether its maps are CAMs, one of each class, which AdvCAM can climb.
    climbs = True

    def __init__(
        self,
        in_channels: int | list[int],
        num_classes: int,
        background_index: int | None = 0,
        background_threshold: float = 0.3,
        candidates: str = 'auto',
        normalise: str = 'max',
        loss_decode: dict | list[dict] | None = None,
        dropout_ratio: float = 0.5,
        **kwargs,
    ):
        check_option('candidates', candidates, CANDIDATES)
        check_option('normalise', normalise, NORMALISATIONS)
        if not 0 <= background_threshold <= 1:
            raise ValueError(
                'background_threshold is a score in [0, 1], got '
                f'{background_threshold}'
            )
        super().__init__(
            in_channels,
            kwargs.pop('channels', 1),  # of a convolution replaced below
            num_classes=num_classes,
            out_channels=num_classes,
            loss_decode=loss_decode or dict(type='mmseg_wsss.GAPLoss'),
            dropout_ratio=dropout_ratio,
            **kwargs,
        )
        self.background_index = background_index
        self.background_threshold = background_threshold
        self.candidates = candidates
        self.normalise = normalise
        self._warned = False
        self.foreground = foreground_indices(num_classes, background_index)
        self.conv_seg = nn.Conv2d(
            self.in_channels, len(self.foreground), 1, bias=False
        )

    def forward(self, inputs: list[Tensor] | Tensor) -> Tensor:
        """Compute the raw CAM.

        Args:
            inputs: Feature maps of the backbone. Some backbones with a
                single output return the bare tensor.

        Returns:
            Tensor: Logits (N, K, h, w) of the foreground classes.

        Raises:
            ValueError: If the features are no maps.
        """
        return self.cls_seg(self._select(inputs))

    def _select(self, inputs: list[Tensor] | Tensor) -> Tensor:
        """Return the features of the classifier (N, D, h, w)."""
        if isinstance(inputs, Tensor):
            inputs = [inputs]
        features = self._transform_inputs(inputs)
        if features.ndim != 4:
            raise ValueError(
                f'{type(self).__name__} needs feature maps (N, C, h, w), the '
                f'backbone gives {tuple(features.shape)}: set '
                "out_type='featmap' in it"
            )
        return features

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples) -> dict:
        """Compute the image-level losses.

        Args:
            seg_logits: Raw CAM (N, K, h, w).
            batch_data_samples (list[SegDataSample]): With image labels.

        Returns:
            dict[str, Tensor]: Losses by name, and ``acc_label``, the percent
            of (image, class) decisions that are right.
        """
        labels = stack_image_labels(batch_data_samples)
        labels = labels.to(self.conv_seg.weight.device)
        foreground = self._foreground_labels(labels)
        background = common_background_index(batch_data_samples)
        if background != self.background_index:
            raise ValueError(
                f'CAMHead has background_index={self.background_index}, but '
                f'the image labels were loaded with {background}: give '
                'CAMHead and LoadImageLabels the same'
            )
        criteria = self.loss_decode
        if not isinstance(criteria, nn.ModuleList):
            criteria = [criteria]
        cam, others = self.criterion_inputs(seg_logits)
        losses: dict[str, Tensor] = {}
        for criterion in criteria:
            value = criterion(
                cam,
                image_labels=labels,
                background_index=background,
                ignore_index=self.ignore_index,
                **others,
            )
            name = criterion.loss_name
            losses[name] = losses.get(name, 0) + value
        present = self.class_logits(seg_logits).detach() > 0
        right = present == (foreground > 0)
        losses['acc_label'] = right.float().mean() * 100
        return losses

    def criterion_inputs(
        self, seg_logits: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the raw CAM, and further keyword arguments of the losses."""
        return seg_logits, {}

    def _foreground_labels(self, labels: Tensor) -> Tensor:
        """Return labels (N, K) of the foreground classes."""
        if labels.shape[1] != self.num_classes:
            raise ValueError(
                f'CAMHead has num_classes={self.num_classes}, but the image '
                f'labels have {labels.shape[1]} entries'
            )
        return labels[:, self.foreground]

    def predict(self, inputs, batch_img_metas, test_cfg) -> Tensor:
        """Predict scores, see :meth:`predict_by_feat`."""
        if test_cfg is not None and test_cfg.get('mode') == 'slide':
            raise ValueError(
                'a CAM is normalised over the whole image: set '
                "test_cfg=dict(mode='whole')"
            )
        return super().predict(inputs, batch_img_metas, test_cfg)

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas) -> Tensor:
        """Normalise CAMs at image size and add the background score.

        Args:
            seg_logits: Raw CAM (N, K, h, w).
            batch_img_metas (list[dict]): Meta information of the images.

        Returns:
            Tensor: Scores (N, C, H, W), float32 in [0, 1].

        Raises:
            ValueError: If an image was padded.
        """
        for meta in batch_img_metas:
            check_unpadded(meta)
        meta = batch_img_metas[0]
        shape = meta.get('pad_shape') or meta['img_shape']
        cam = self.upsample(self.activation(seg_logits), shape[:2])
        candidates = self.candidate_mask(
            self.class_logits(seg_logits), self._current_labels()
        )
        return self.scores(cam, candidates)

    def activation(self, seg_logits: Tensor) -> Tensor:
        """Return the CAM's positive part, (N, K, h, w), float32."""
        return seg_logits.float().relu()

    def class_logits(self, seg_logits: Tensor) -> Tensor:
        """Return the CAM's mean over the image, (N, K)."""
        return seg_logits.mean((2, 3))

    def upsample(self, cam: Tensor, size: Sequence[int]) -> Tensor:
        """Resize maps (N, K, h, w) bilinearly to ``size`` (H, W)."""
        return F.interpolate(
            cam, tuple(size), mode='bilinear', align_corners=self.align_corners
        )

    def candidate_mask(
        self, logits: Tensor, image_labels: Tensor | None = None
    ) -> Tensor:
        """Return which classes prediction considers.

        Args:
            logits: Pooled logits (N, K).
            image_labels: Multi-hot labels (N, C). Without them 'auto' works
                as 'predicted'.

        Returns:
            Tensor: 1 for candidates, 0 for other classes, float32 (N, K).
        """
        if self.candidates == 'all':
            return torch.ones_like(logits, dtype=torch.float32)
        if self.candidates == 'auto' and image_labels is not None:
            labels = self._foreground_labels(image_labels)
            return labels.to(logits.device, torch.float32)
        return (logits > 0).float()

    def scores(self, cam: Tensor, candidates: Tensor) -> Tensor:
        """Compute the scores that are returned as ``seg_logits``.

        Args:
            cam: Non-negative maps (N, K, H, W), of any scale.
            candidates: Mask (N, K) of :meth:`candidate_mask`.

        Returns:
            Tensor: Scores (N, C, H, W), float32 in [0, 1].
        """
        cam = normalise_cam(cam, self.normalise) * candidates[:, :, None, None]
        background = background_score(cam, self.background_threshold)
        return self._join(background, cam)

    def _join(self, background: Tensor, cam: Tensor) -> Tensor:
        """Return maps (N, C, H, W) of all classes in their order."""
        scores = cam.new_zeros(len(cam), self.num_classes, *cam.shape[2:])
        scores[:, self.foreground] = cam
        if self.background_index is not None:
            scores[:, self.background_index] = background[:, 0]
        return scores

    def _current_labels(self) -> Tensor | None:
        """Return the current batch's image labels, if 'auto' needs them."""
        if self.candidates != 'auto':
            return None
        if current_data_samples() is None and not self._warned:
            self._warned = True
            print_log(
                'CAMHead finds no current batch and masks CAMs by the classes '
                'it predicts. With WeakSupervisionHook or WSSSEncoderDecoder '
                'it reads the image labels.',
                logger='current',
                level=logging.WARNING,
            )
        return find_image_labels()
