"""Pipeline step that packs an image together with its image labels."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...structures import set_image_labels, set_paste_views


@TRANSFORMS.register_module()
class PackWSSSInputs(BaseTransform):
    """Do what MMSeg's ``PackSegInputs`` does and pack the image labels too.

    Required key: ``image_labels``, multi-hot (C,), from
    :class:`mmseg_wsss.LoadImageLabels`. It becomes the data field
    ``image_labels`` of the ``SegDataSample``, a float32 tensor (C,). Views of
    :class:`mmseg_wsss.CSDCopyPaste` are packed where there are any.

    Args:
        meta_keys: Keys that become meta information, in place of those that
            ``PackSegInputs`` takes by default (None).
        require_labels: Insist on image labels; False for pipelines that
            serve training and evaluation alike.
    """

    def __init__(
        self,
        meta_keys: Sequence[str] | None = None,
        require_labels: bool = True,
    ) -> None:
        pack = {'type': 'mmseg.PackSegInputs'}
        if meta_keys is not None:
            pack['meta_keys'] = tuple(meta_keys)
        self.pack = TRANSFORMS.build(pack)
        self.require_labels = require_labels

    def transform(self, results: dict) -> dict:
        """Pack the results.

        Args:
            results: Result dict of the pipeline.

        Returns:
            dict: ``inputs``, the image tensor, and ``data_samples``, the
            ``SegDataSample``.

        Raises:
            ValueError: If there are no image labels but must be, or they
                are no multi-hot vector.
        """
        labels = results.get('image_labels')
        if labels is None and self.require_labels:
            raise ValueError(
                'PackWSSSInputs found no image labels of '
                f'{results.get("img_path", "an image")}: put '
                "dict(type='mmseg_wsss.LoadImageLabels', ...) before it in "
                'the pipeline, or use PackWSSSInputs(require_labels=False) '
                'for evaluation'
            )
        if min(results['img'].strides) < 0:  # of one column, flipped
            results['img'] = results['img'].copy()
        packed = self.pack(results)
        if labels is not None:
            set_image_labels(
                packed['data_samples'],
                labels,
                results.get('background_index', 0),
            )
        if 'paste_views' in results:
            set_paste_views(packed['data_samples'], **results['paste_views'])
        return packed

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(meta_keys={self.pack.meta_keys}, '
            f'require_labels={self.require_labels})'
        )
