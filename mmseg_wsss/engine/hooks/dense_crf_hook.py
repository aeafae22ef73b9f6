"""A hook that applies a DenseCRF as post-processing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps

import mmcv
import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.registry import HOOKS
from torch import Tensor, nn

from ...compat import unwrap
from ...models.scores import last_head, predicts_scores
from ...pseudo_labels.crf_params import CRFParams, crf_params
from ...pseudo_labels.dense_crf import crf_from_scores, require_pydensecrf


@HOOKS.register_module()
class DenseCRFHook(Hook):
    """Refine predictions with a DenseCRF while a segmentor is tested.

    Each sample that ``test_step`` returns, after test-time augmentations are
    merged, gets the CRF's marginals as ``seg_logits`` and their best class as
    ``pred_sem_seg``; metrics, PseudoLabelWriter and the visualiser see these.
    The CRF runs on the CPU, on the image as its file has it, in each rank for
    its own images. Use it as ``custom_hooks=[dict(
    type='mmseg_wsss.DenseCRFHook', params='hfpl_test')]``.

    The unary comes from probabilities: the softmax of ``seg_logits``, or
    ``seg_logits`` themselves where they lie in [0, 1] already, which are
    those of a :class:`CAMHead` and :class:`CLIPSeedSegmentor`
    (``predicts_scores``), of :class:`ScoreTTAModel`, :class:`CAMTTAModel` and
    other models with ``merges_scores``, and of one-channel (sigmoid) heads.
    The latter become two labels, p and 1 - p;
    the marginal of p is compared with the head's threshold.

    Args:
        params (str | dict | CRFParams): Settings, a name of ``CRF_PRESETS``
            or as :func:`crf_params` takes them. Defaults to 'hfpl_test'.
        min_score (float): Classes whose score nowhere in the image exceeds it
            are left out, which saves time; their marginal is 0. DHR takes
            0.05. Defaults to 0.0.

    Raises:
        ValueError: If an option is out of range.
        ImportError: If pydensecrf is missing.
    """

    def __init__(
        self,
        params: str | Mapping | CRFParams = 'hfpl_test',
        min_score: float = 0.0,
    ):
        if not 0 <= min_score < 1:
            raise ValueError(f'min_score must be in [0, 1), got {min_score}')
        require_pydensecrf()
        self.params = crf_params(params)
        self.min_score = min_score
        self._wrapped: tuple[nn.Module, object] | None = None

    def before_test(self, runner) -> None:
        """Wrap the model's ``test_step``."""
        self._wrap(runner.model)

    def after_test(self, runner) -> None:
        """Restore the model's step."""
        self._restore()

    def after_run(self, runner) -> None:
        """Restore the model's step."""
        self._restore()

    def _wrap(self, model: nn.Module) -> None:
        self._restore()
        has_scores = gives_scores(model)
        threshold = _threshold(unwrap(model))
        own = vars(model).get('test_step')
        step = model.test_step

        @wraps(step)
        def refined(*args, **kwargs):
            samples = step(*args, **kwargs)
            for sample in samples:
                if 'seg_logits' in sample:  # MMEngine may append losses
                    self._refine(sample, has_scores, threshold)
            return samples

        model.test_step = refined
        self._wrapped = model, own

    def _restore(self) -> None:
        if self._wrapped is None:
            return
        model, own = self._wrapped
        if own is None:
            del model.test_step
        else:
            model.test_step = own
        self._wrapped = None

    def _refine(self, sample, has_scores: bool, threshold: float) -> None:
        logits = sample.seg_logits.data
        scores = logits.detach().float()
        binary = len(scores) == 1
        if binary:
            scores = torch.cat([1 - scores, scores])
        elif not has_scores:
            scores = scores.softmax(0)
        refined = self._marginals(sample, scores.cpu().numpy())
        refined = refined.to(logits.device)
        if binary:
            refined = refined[1:]
            best = (refined > threshold).to(refined)
        else:
            best = refined.argmax(0, keepdim=True)
        sample.set_data(
            dict(
                seg_logits=PixelData(data=refined),
                pred_sem_seg=PixelData(data=best),
            )
        )

    def _marginals(self, sample, scores: np.ndarray) -> Tensor:
        image = _read(sample)
        if image.shape[:2] != scores.shape[1:]:
            raise ValueError(
                f'{sample.img_path} has height and width {image.shape[:2]}, '
                f'its seg_logits {scores.shape[1:]}: DenseCRFHook needs '
                "predictions of the file's size, which MMSeg makes from the "
                "ori_shape that LoadImageFromFile notes; let the pipeline's "
                'last step pack it'
            )
        highest = scores.reshape(len(scores), -1).max(1)
        kept = highest > self.min_score
        kept[highest.argmax()] = True
        marginals = np.zeros_like(scores)
        marginals[kept] = crf_from_scores(image, scores[kept], self.params)
        return torch.from_numpy(marginals)


def gives_scores(model: nn.Module) -> bool:
    """Return whether a model's ``seg_logits`` are scores in [0, 1].

    Args:
        model: What the Runner tests: a segmentor, or one inside DDP and
            test-time-augmentation wrappers.

    Returns:
        bool: False where they are logits.

    Raises:
        ValueError: If they are those of one augmentation only.
    """
    model = unwrap(model, keep_tta=True)
    if isinstance(model, BaseTTAModel):
        if getattr(model, 'merges_scores', False):
            return True
        raise ValueError(
            'DenseCRFHook refines seg_logits, which under '
            f"{type(model).__name__} are the last augmentation's only. Set "
            "tta_model=dict(type='mmseg_wsss.ScoreTTAModel'), for a CAM "
            "network 'mmseg_wsss.CAMTTAModel', or test without --tta"
        )
    return predicts_scores(model)


def _threshold(segmentor: nn.Module) -> float:
    """Return the threshold of a one-channel head."""
    threshold = getattr(last_head(segmentor), 'threshold', None)
    return 0.5 if threshold is None else threshold


def _read(sample) -> np.ndarray:
    """Read a sample's image as MMSeg does, but as RGB."""
    path = sample.get('img_path')
    if path is None:
        raise ValueError(
            'DenseCRFHook reads the image again, but the sample has no '
            "img_path: let the pipeline end in dict(type='PackWSSSInputs') "
            'or PackSegInputs with img_path among its meta_keys'
        )
    return mmcv.imread(path, channel_order='rgb', backend='cv2')
