"""Weakly supervised semantic segmentation as a plugin of MMSegmentation 1.x.

Importing this package registers everything in MMSegmentation's registries::

    custom_imports = dict(imports=['mmseg_wsss'])

after which ``type='OCRLoss'`` works; ``type='mmseg_wsss.OCRLoss'`` works
without the import.
"""

from .compat import allow_resume, check_stack, quiet_import, share_cpu
from .version import __version__

share_cpu()
check_stack()
allow_resume()
with quiet_import():
    from . import datasets, engine, evaluation, models
    from .datasets import *
    from .engine import *
    from .evaluation import *
    from .models import *
    from .structures import (
        batch_context,
        current_data_samples,
        current_image_labels,
        current_images,
        current_segmentor,
        network_inputs,
        set_image_labels,
        set_pixel_weights,
    )

__all__ = [
    *datasets.__all__,
    *engine.__all__,
    *evaluation.__all__,
    *models.__all__,
    '__version__',
    'batch_context',
    'current_data_samples',
    'current_image_labels',
    'current_images',
    'current_segmentor',
    'network_inputs',
    'set_image_labels',
    'set_pixel_weights',
]


def __getattr__(name: str):
    """Import what needs MMPretrain when a config or a user asks for it."""
    if name == 'MultiTokenViT':
        from .models.backbones.token_vit import MultiTokenViT

        return MultiTokenViT
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
