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
        AddBackground,
        COCO2014Dataset,
        DenseCRFRefine,
        IRNConfidentLabels,
        LoadCAM,
        LoadImageLabels,
        NormaliseScores,
        PackWSSSInputs,
        PixelAdaptiveRefine,
        PSAConfidentLabels,
        RandomWalk,
        ScenesDataset,
        ScoresToLabel,
        cooccurrence,
        label_statistics,
        load_image_labels,
        save_image_labels,
    )
    from .engine import (
        ChannelsLastHook,
        DenseCRFHook,
        WeakSupervisionHook,
    )
    from .evaluation import (
        ContourMetric,
        FalseRateMetric,
        OutOfCandidateMetric,
        PseudoLabelWriter,
    )
    from .models import (
        FSL,
        AffinityHead,
        AffinityLoss,
        BinomialISL,
        CAMHead,
        CAMTTAModel,
        DisplacementLoss,
        GAPLoss,
        IRNHead,
        LargeFOVHead,
        OCRLoss,
        ResNet38,
        ScoreTTAModel,
        StemResNet,
        WeakSupervisionMixin,
        WSSSCascadeEncoderDecoder,
        WSSSEncoderDecoder,
        affinity_loss,
        displacement_loss,
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
    'AddBackground',
    'AffinityHead',
    'AffinityLoss',
    'BinomialISL',
    'CAMHead',
    'CAMTTAModel',
    'COCO2014Dataset',
    'ChannelsLastHook',
    'ContourMetric',
    'DenseCRFHook',
    'DenseCRFRefine',
    'DisplacementLoss',
    'FalseRateMetric',
    'GAPLoss',
    'IRNConfidentLabels',
    'IRNHead',
    'LargeFOVHead',
    'LoadCAM',
    'LoadImageLabels',
    'NormaliseScores',
    'OCRLoss',
    'OutOfCandidateMetric',
    'PSAConfidentLabels',
    'PackWSSSInputs',
    'PixelAdaptiveRefine',
    'PseudoLabelWriter',
    'RandomWalk',
    'ResNet38',
    'ScenesDataset',
    'ScoreTTAModel',
    'ScoresToLabel',
    'StemResNet',
    'WSSSCascadeEncoderDecoder',
    'WSSSEncoderDecoder',
    'WeakSupervisionHook',
    'WeakSupervisionMixin',
    '__version__',
    'affinity_loss',
    'batch_context',
    'cooccurrence',
    'current_data_samples',
    'current_image_labels',
    'current_images',
    'displacement_loss',
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
