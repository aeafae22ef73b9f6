"""A CAM network's head, as an MMSeg decode head."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from mmengine.logging import print_log
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...pseudo_labels.cam import (
    NORMALISATIONS,
    background_score,
    normalise_cam,
)
from ...structures import (
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

    A 1x1 convolution turns features into a raw CAM (N, K, h, w) of the K
    foreground classes at the backbone's own stride. Training hands it, with
    the image labels, to image-level losses such as :class:`GAPLoss`; no mask
    is read. Prediction returns scores (N, C, H, W) in [0, 1]: each candidate
    class's CAM normalised in the image, 0 for the other classes, and a
    background score. They take the place of ``seg_logits``, so that MMSeg's
    metrics, visualiser and test loop work on them. Images must be tested
    whole and without padding.

    Prediction is made of four public steps: :meth:`activation`,
    :meth:`class_logits`, :meth:`candidate_mask` and :meth:`scores`.
    :class:`CAMTTAModel` takes them apart to sum CAMs of several scales before
    they are normalised; a subclass whose :meth:`forward` returns something
    else overrides the first two, and :meth:`criterion_inputs`.

    Args:
        in_channels (int | list[int]): Channels of the features.
        num_classes (int): C, all classes of the data set, background
            included.
        background_index (int, optional): Index of the background, None if the
            data set has none. Defaults to 0.
        background_threshold (float): Constant background score in [0, 1].
            Defaults to 0.3.
        background_alpha (float, optional): If given, the background score is
            (1 - max CAM) ** alpha instead. Defaults to None.
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
    """

    # Whether activation returns a map of the background before the classes'.
    own_background = False

    def __init__(
        self,
        in_channels: int | list[int],
        num_classes: int,
        background_index: int | None = 0,
        background_threshold: float = 0.3,
        background_alpha: float | None = None,
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
        self.background_alpha = background_alpha
        self.candidates = candidates
        self.normalise = normalise
        self._told_no_batch = False
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
        if isinstance(inputs, Tensor):
            inputs = [inputs]
        features = self._transform_inputs(inputs)
        if features.ndim != 4:
            raise ValueError(
                f'CAMHead needs feature maps (N, C, h, w), the backbone gives '
                f"{tuple(features.shape)}: set out_type='featmap' in it"
            )
        return self.cls_seg(features)

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
                **others,
            )
            name = criterion.loss_name
            losses[name] = losses[name] + value if name in losses else value
        present = self.class_logits(seg_logits).detach() > 0
        right = present == (foreground > 0)
        losses['acc_label'] = right.float().mean() * 100
        return losses

    def criterion_inputs(
        self, seg_logits: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the losses get of the output of :meth:`forward`.

        Args:
            seg_logits: Raw CAM (N, K, h, w).

        Returns:
            tuple[Tensor, dict[str, Tensor]]: The raw CAM, and further
            keyword arguments of every loss; none here.
        """
        return seg_logits, {}

    def _foreground_labels(self, labels: Tensor) -> Tensor:
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
        """
        shape = batch_img_metas[0].get('pad_shape')
        if shape is None:
            shape = batch_img_metas[0]['img_shape']
        cam = self.upsample(self.activation(seg_logits), shape[:2])
        candidates = self.candidate_mask(
            self.class_logits(seg_logits), self._current_labels()
        )
        return self.scores(cam, candidates)

    def activation(self, seg_logits: Tensor) -> Tensor:
        """Convert the output of :meth:`forward` to non-negative maps.

        Args:
            seg_logits: Raw CAM (N, K, h, w).

        Returns:
            Tensor: Its positive part, float32 (N, K, h, w).
        """
        return seg_logits.float().relu()

    def class_logits(self, seg_logits: Tensor) -> Tensor:
        """Pool the output of :meth:`forward` to one logit per class.

        Args:
            seg_logits: Raw CAM (N, K, h, w).

        Returns:
            Tensor: Its mean over the image (N, K).
        """
        return seg_logits.mean((2, 3))

    def upsample(self, cam: Tensor, size: Sequence[int]) -> Tensor:
        """Resize maps (N, K, h, w) bilinearly to ``size`` (H, W)."""
        return resize(
            cam,
            size=tuple(size),
            mode='bilinear',
            align_corners=self.align_corners,
            warning=False,
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

        Raises:
            ValueError: If the labels have another number of classes.
        """
        if self.candidates == 'all':
            return torch.ones_like(logits, dtype=torch.float32)
        if self.candidates == 'auto' and image_labels is not None:
            return (
                self._foreground_labels(image_labels).to(logits.device).float()
            )
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
        scores = cam.new_zeros(len(cam), self.num_classes, *cam.shape[2:])
        scores[:, self.foreground] = cam
        if self.background_index is not None:
            scores[:, self.background_index] = background_score(
                cam, self.background_threshold, self.background_alpha
            )[:, 0]
        return scores

    def _current_labels(self) -> Tensor | None:
        """Return the current batch's image labels, if 'auto' needs them."""
        if self.candidates != 'auto':
            return None
        if current_data_samples() is None and not self._told_no_batch:
            self._told_no_batch = True
            print_log(
                'CAMHead sees no current batch and masks CAMs by the classes '
                'it predicts. WeakSupervisionHook or WSSSEncoderDecoder give '
                'it the image labels.',
                logger='current',
                level=logging.WARNING,
            )
        return find_image_labels()
