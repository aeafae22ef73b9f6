"""Weakly supervised semantic segmentation as a plugin of MMSegmentation 1.x.

Importing this package registers everything in MMSegmentation's registries::

    custom_imports = dict(imports=['mmseg_wsss'])

after which ``type='OCRLoss'`` works; ``type='mmseg_wsss.OCRLoss'`` works
without the import.
"""

from .compat import allow_resume, check_stack, quiet_import
from .version import __version__

check_stack()
allow_resume()
with quiet_import():
    from .datasets import (
        COCO2014Dataset,
        LoadImageLabels,
        PackWSSSInputs,
        ScenesDataset,
        cooccurrence,
        label_statistics,
        load_image_labels,
        save_image_labels,
    )
    from .engine import ChannelsLastHook, WeakSupervisionHook
    from .evaluation import (
        ContourMetric,
        FalseRateMetric,
        OutOfCandidateMetric,
        PseudoLabelWriter,
    )
    from .models import (
        FSL,
        BinomialISL,
        CAMHead,
        CAMTTAModel,
        GAPLoss,
        LargeFOVHead,
        OCRLoss,
        ResNet38,
        WeakSupervisionMixin,
        WSSSCascadeEncoderDecoder,
        WSSSEncoderDecoder,
        feature_similarity_loss,
        importance_sampling_loss,
        ocr_loss,
        pooling_loss,
        prior_correlation,
    )
    from .structures import (
        batch_context,
        current_data_samples,
        current_image_labels,
        current_images,
        set_image_labels,
    )

__all__ = [
    'FSL',
    'BinomialISL',
    'CAMHead',
    'CAMTTAModel',
    'COCO2014Dataset',
    'ChannelsLastHook',
    'ContourMetric',
    'FalseRateMetric',
    'GAPLoss',
    'LargeFOVHead',
    'LoadImageLabels',
    'OCRLoss',
    'OutOfCandidateMetric',
    'PackWSSSInputs',
    'PseudoLabelWriter',
    'ResNet38',
    'ScenesDataset',
    'WSSSCascadeEncoderDecoder',
    'WSSSEncoderDecoder',
    'WeakSupervisionHook',
    'WeakSupervisionMixin',
    '__version__',
    'batch_context',
    'cooccurrence',
    'current_data_samples',
    'current_image_labels',
    'current_images',
    'feature_similarity_loss',
    'importance_sampling_loss',
    'label_statistics',
    'load_image_labels',
    'ocr_loss',
    'pooling_loss',
    'prior_correlation',
    'save_image_labels',
    'set_image_labels',
]
