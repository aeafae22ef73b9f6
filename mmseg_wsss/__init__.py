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
        CSDCopyPaste,
        CSDDataset,
        LoadImageLabels,
        PackWSSSInputs,
        ScenesDataset,
        SeededSampler,
        cooccurrence,
        label_statistics,
        load_image_labels,
        partner_prior,
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
        CSDLoss,
        GAPLoss,
        LargeFOVHead,
        OCRLoss,
        ResNet38,
        WeakSupervisionMixin,
        WSSSCascadeEncoderDecoder,
        WSSSEncoderDecoder,
        background_consistency,
        feature_similarity_loss,
        foreground_consistency,
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
        current_segmentor,
        set_image_labels,
    )

__all__ = [
    'FSL',
    'BinomialISL',
    'CAMHead',
    'CAMTTAModel',
    'COCO2014Dataset',
    'CSDCopyPaste',
    'CSDDataset',
    'CSDLoss',
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
    'SeededSampler',
    'WSSSCascadeEncoderDecoder',
    'WSSSEncoderDecoder',
    'WeakSupervisionHook',
    'WeakSupervisionMixin',
    '__version__',
    'background_consistency',
    'batch_context',
    'cooccurrence',
    'current_data_samples',
    'current_image_labels',
    'current_images',
    'current_segmentor',
    'feature_similarity_loss',
    'foreground_consistency',
    'importance_sampling_loss',
    'label_statistics',
    'load_image_labels',
    'ocr_loss',
    'partner_prior',
    'pooling_loss',
    'prior_correlation',
    'save_image_labels',
    'set_image_labels',
]
