"""COCO 2014 with its 80 object classes and background."""

from __future__ import annotations

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from .palette import voc_palette

# In ascending order of category id (1..90 with gaps); mask value = place + 1.
_NAMES = (
    'person|bicycle|car|motorcycle|airplane|bus|train|truck|boat|'
    'traffic light|fire hydrant|stop sign|parking meter|bench|bird|cat|dog|'
    'horse|sheep|cow|elephant|bear|zebra|giraffe|backpack|umbrella|handbag|'
    'tie|suitcase|frisbee|skis|snowboard|sports ball|kite|baseball bat|'
    'baseball glove|skateboard|surfboard|tennis racket|bottle|wine glass|cup|'
    'fork|knife|spoon|bowl|banana|apple|sandwich|orange|broccoli|carrot|'
    'hot dog|pizza|donut|cake|chair|couch|potted plant|bed|dining table|'
    'toilet|tv|laptop|mouse|remote|keyboard|cell phone|microwave|oven|'
    'toaster|sink|refrigerator|book|clock|vase|scissors|teddy bear|'
    'hair drier|toothbrush'
)
COCO_CLASSES = tuple(_NAMES.split('|'))


@DATASETS.register_module()
class COCO2014Dataset(BaseSegDataset):
    """COCO 2014 as weak segmentation papers use it: 81 classes.

    Masks with values 0 (background) and 1..80 (classes in ascending order of
    the original category id), 255 ignored, are made by
    ``tools/dataset_converters/coco_instances2masks.py``. The papers differ
    in their masks (COCO-Stuff maps, painted polygons), so scores compare
    only between runs on the same masks.

    Args:
        **kwargs: See :class:`mmseg.datasets.BaseSegDataset`.
    """

    METAINFO = {
        'classes': ('background', *COCO_CLASSES),
        'palette': voc_palette(len(COCO_CLASSES) + 1),
    }
