"""A metric that writes CAMs and pseudo labels in MMSeg's test loop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine.evaluator import BaseMetric
from mmengine.model import BaseTTAModel
from mmseg.registry import METRICS
from torch import nn

from ..compat import unwrap
from ..io.cam import write_cam_file
from ..io.labels import write_label_file
from ..pseudo_labels.cam import label_from_scores
from ..structures import foreground_indices


@METRICS.register_module()
class PseudoLabelWriter(BaseMetric):
    """Write CAMs and pseudo labels of the images a model is tested on.

    It can be combined with other metrics in ``test_evaluator``. The test
    pipeline must load image labels: a pseudo label is the best class among
    them. Each rank writes its own images, each file whole or not at all.

    Files hold the class indices of the data set's full list, as its masks do:
    where it uses a subset of its classes (``label_map``), or shifts labels
    (``reduce_zero_label``), this is undone, so that MMSeg's LoadAnnotations
    reads a pseudo label like a mask.

    Under test-time augmentation it writes what :class:`CAMTTAModel` merged.
    MMSeg's SegTTAModel leaves the scores of its last augmentation only: an
    error, raised through WeakSupervisionHook. That also says whether the CAMs
    have a background of their own (:class:`SIPEHead`): then it is the first
    row of each file.

    Args:
        label_dir (str, optional): Folder of the pseudo labels
            ``<stem>.png``, 8-bit palette PNGs of the image's size.
        cam_dir (str, optional): Folder of the CAMs ``<stem>.npz``:
            ``classes`` int64 (K,), ``cam`` float16 (K, h, w) in [0, 1] of the
            image's foreground labels, at a quarter of its size.
        **kwargs: As for MMEngine's ``BaseMetric``.

    Raises:
        ValueError: If neither folder is given.
    """

    def __init__(
        self,
        label_dir: str | None = None,
        cam_dir: str | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if label_dir is None and cam_dir is None:
            raise ValueError(
                'PseudoLabelWriter writes nothing: give label_dir, cam_dir or '
                'both'
            )
        self.label_dir = None if label_dir is None else Path(label_dir)
        self.cam_dir = None if cam_dir is None else Path(cam_dir)
        self._own_background = False
        self._written: dict[str, str] = {}

    def check_model(self, model: nn.Module) -> None:
        """Check that a model's ``seg_logits`` are those of the whole image.

        Also store whether the head predicts a map of the background.

        Args:
            model: What the Runner tests.

        Raises:
            ValueError: If they are one augmentation's.
        """
        model = unwrap(model, keep_tta=True)
        if isinstance(model, BaseTTAModel) and not getattr(
            model, 'merges_scores', False
        ):
            raise ValueError(
                'PseudoLabelWriter writes seg_logits, which under '
                f"{type(model).__name__} are the last augmentation's only. "
                'For a CAM network set '
                "tta_model=dict(type='mmseg_wsss.CAMTTAModel'), else test "
                'without --tta'
            )
        head = getattr(unwrap(model), 'decode_head', None)
        self._own_background = getattr(head, 'own_background', False)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Write the files of each image.

        Args:
            data_batch: Unused.
            data_samples: Predictions as dicts, with ``seg_logits`` (C, H, W),
                ``image_labels`` (C,), ``background_index`` (0 where it is
                missing) and ``img_path``.

        Raises:
            ValueError: If labels are missing, or two images share a stem.
        """
        for sample in data_samples:
            path = sample['img_path']
            stem = Path(path).stem
            if self._written.setdefault(stem, path) != path:
                raise ValueError(
                    f'{path} and {self._written[stem]} would both be written '
                    f'as {stem}: image names must be unique'
                )
            if 'image_labels' not in sample:
                raise ValueError(
                    f'{path} has no image labels: add LoadImageLabels to the '
                    'test pipeline and end it with PackWSSSInputs'
                )
            scores = sample['seg_logits']['data']
            labels = sample['image_labels'].to(scores.device)
            if self.label_dir is not None:
                self._write_label(stem, scores, labels)
            if self.cam_dir is not None:
                background = sample.get('background_index', 0)
                self._write_cam(stem, scores, labels, background)
            self.results.append(1)

    def _write_label(self, stem: str, scores, labels) -> None:
        label = label_from_scores(scores, labels).cpu().numpy()
        write_label_file(
            self.label_dir / f'{stem}.png', label, self.dataset_meta
        )

    def _write_cam(
        self, stem: str, scores, labels, background: int | None
    ) -> None:
        foreground = foreground_indices(len(scores), background)
        classes = [k for k in foreground if labels[k] > 0]
        if self._own_background:
            classes = [background, *classes]
        write_cam_file(
            self.cam_dir / f'{stem}.npz',
            classes,
            scores[classes],
            self.dataset_meta,
        )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Count the images.

        Args:
            results: One entry per image.

        Returns:
            dict[str, float]: ``written``, the number of images.
        """
        return {'written': float(len(results))}
