"""Seeds of a frozen CLIP, as an MMSeg segmentor that is not trained."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from torch import Tensor

from ...structures import has_image_labels, stack_image_labels
from ...structures.classes import listed_classes
from ...utils import check_option
from ..backbones.clip_tower import whole_patches
from ..clip_maps import CLIPMaps
from ..decode_heads.cam_head import CANDIDATES


@MODELS.register_module()
class CLIPSeedSegmentor(BaseSegmentor):
    """Text-driven Grad-CAM of a frozen CLIP, spread by its attention.

    CLIP-ES's seeds, see :mod:`mmseg_wsss.pseudo_labels.text_cam`: only texts
    of the candidate classes and of backgrounds compete in an image. Prediction
    returns scores (N, C, H, W) in [0, 1] as a CAM network does, so that
    MMSeg's test loop and metrics, ``tools/make_cams.py`` without a checkpoint
    and every refinement work on it. The background's score is 1 - the largest
    of the others. Images of any size are resized to the next multiples of the
    patch size.

    Args:
        tower (dict): Settings of a :class:`CLIPTower`.
        text_embeddings (str): File of ``tools/make_text_embeddings.py``. It
            may hold more classes.
        classes (str | Sequence[str]): All classes in their order, background
            included, or the name of the data set that has them.
        background_index (int, optional): Index of the background, None if
            the data set has none. Defaults to 0.
        candidates (str): As in :class:`CAMHead`: 'auto' takes the image
            labels where the test pipeline loads them, else as 'predicted':
            classes more probable than one of all texts would be by chance.
            'all' takes every class. Defaults to 'auto'.
        box_threshold (float): Share of a map's maximum above which its boxes
            lie. Defaults to 0.4.
        data_preprocessor (dict, optional): With CLIP's mean and deviation.

    Raises:
        FileNotFoundError: If there is no file of texts.
        ValueError: If an option is out of range, the file lacks a class, or
            its vectors are of another space than the tower's.
    """

    align_corners = False
    # As of a CAMHead.
    predicts_scores = True

    def __init__(
        self,
        tower: dict,
        text_embeddings: str | os.PathLike,
        classes: str | Sequence[str],
        background_index: int | None = 0,
        candidates: str = 'auto',
        box_threshold: float = 0.4,
        data_preprocessor: dict | None = None,
    ):
        check_option('candidates', candidates, CANDIDATES)
        super().__init__(data_preprocessor=data_preprocessor)
        self.candidates = candidates
        classes = listed_classes(classes)
        self.num_classes = len(classes)
        self.maps = CLIPMaps(
            text_embeddings, classes, background_index, box_threshold
        )
        self.tower = MODELS.build(tower)
        self.maps.check_tower(self.tower)

    def scores(self, inputs: Tensor, labels: Tensor | None = None) -> Tensor:
        """Compute the scores of a batch.

        Args:
            inputs: Normalised images (N, 3, H, W).
            labels: Image labels (N, C); without them the candidates are
                predicted, or all classes.

        Returns:
            Tensor: Scores (N, C, H, W), float32 in [0, 1].

        Raises:
            ValueError: If the labels have another number of classes.
        """
        features = self.tower(whole_patches(inputs, self.tower.patch_size))
        present = self._present(labels, len(inputs))
        maps = self.maps(self.tower, features, present)
        return self.maps.scores(maps, inputs.shape[2:])

    def _present(self, labels: Tensor | None, count: int) -> list:
        """Return the candidate classes of each image, None to predict them."""
        if self.candidates == 'all':
            return [list(range(len(self.maps.texts)))] * count
        if self.candidates == 'predicted' or labels is None:
            return [None] * count
        return self.maps.present(labels)

    def predict(self, inputs: Tensor, data_samples=None) -> list:
        """Predict the scores at the images' original size.

        Args:
            inputs: Normalised images (N, 3, H, W).
            data_samples (list[SegDataSample], optional): Their samples.

        Returns:
            list[SegDataSample]: With ``seg_logits``, the scores, and
            ``pred_sem_seg``, their best class.
        """
        return self.postprocess_result(
            self.encode_decode(inputs, data_samples), data_samples
        )

    def encode_decode(self, inputs: Tensor, batch_data_samples) -> Tensor:
        """Compute the scores, with the samples' image labels if they do."""
        labels = None
        if has_image_labels(batch_data_samples):
            labels = stack_image_labels(batch_data_samples)
        return self.scores(inputs, labels)

    def _forward(self, inputs: Tensor, data_samples=None) -> Tensor:
        return self.encode_decode(inputs, data_samples)

    def extract_feat(self, inputs: Tensor) -> list[Tensor]:
        """Return the tokens of layers 1 to L - 1, see :class:`CLIPTower`."""
        whole = whole_patches(inputs, self.tower.patch_size)
        return self.tower(whole).tokens

    def loss(self, inputs: Tensor, data_samples) -> dict:
        """Raise ValueError: nothing is trained.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            'CLIPSeedSegmentor is frozen, there is nothing to train: write '
            'its seeds with tools/make_cams.py, without a checkpoint, and '
            'train a segmentor on the labels'
        )
