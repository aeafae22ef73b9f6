"""The kinds of stages that a pipeline can have: one for each of our tools."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """What a tool reads, and what it leaves in its folder.

    Attributes:
        tool: File name in ``tools/``.
        keys: The parts of a config that the tool makes use of. A stage is
            made anew if one of them changes. A dot goes one dict down.
        inputs: Names of what a stage may take from others.
        outputs: Where the results lie in the stage's folder, by name. ''
            stands for the checkpoint, whose name is known when it is there.
        fields: Settings of such a stage and their defaults.
        needed: Inputs that the tool cannot do without.
    """

    tool: str
    keys: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: dict[str, str]
    fields: dict[str, object] = field(default_factory=dict)
    needed: tuple[str, ...] = ()


_COMMON = ('custom_imports', 'default_scope')
_IMAGES = (*_COMMON, 'test_dataloader')
_TEST = (*_IMAGES, 'model', 'custom_hooks', 'tta_model', 'tta_pipeline')
_TRAIN = (
    *_COMMON,
    *('model', 'train_dataloader', 'train_cfg', 'optim_wrapper'),
    *('param_scheduler', 'auto_scale_lr', 'custom_hooks', 'default_hooks'),
    *('val_dataloader', 'val_cfg', 'val_evaluator', 'load_from'),
    *('randomness', 'runner_type', 'find_unused_parameters', 'sync_bn'),
)
_STEPS = ('cams', 'labels', 'features', 'centroids', 'checkpoint')

KINDS = {
    'train': Kind(
        'train.py',
        _TRAIN,
        ('start', 'labels', 'neighbours'),
        {'checkpoint': ''},
        {'choose': 'last', 'amp': False},
    ),
    'cams': Kind(
        'make_cams.py',
        _TEST,
        ('checkpoint',),
        {'cams': 'cams', 'labels': 'labels'},
        {'tta': False},
        needed=('checkpoint',),
    ),
    'labels': Kind(
        'make_pseudo_labels.py',
        _IMAGES,
        _STEPS,
        {'labels': 'labels'},
        {'pipeline': 'refine_pipeline', 'save_scores': False},
    ),
    'features': Kind(
        'extract_features.py',
        (*_IMAGES, 'feature_extractor', 'feature_extraction'),
        ('checkpoint',),
        {'features': 'features'},
        {'amp': False},
    ),
    'centroids': Kind(
        'make_centroids.py',
        (*_IMAGES, 'selection'),
        _STEPS,
        {'centroids': 'centroids.npz'},
        {'pipeline': 'centroid_pipeline'},
    ),
    'neighbours': Kind(
        'make_neighbours.py',
        (*_IMAGES, 'model.extractor', 'neighbour_pipeline'),
        (),
        {'neighbours': 'neighbours.npz'},
    ),
    'evaluate': Kind(
        'test.py',
        (*_TEST, 'test_evaluator', 'test_cfg'),
        ('checkpoint',),
        {'predictions': 'predictions'},
        {'tta': False},
        needed=('checkpoint',),
    ),
}

# The kind that a stage of this name has if it does not say another.
BY_NAME = {
    'classifier': 'train',
    'affinity': 'train',
    'segmentor': 'train',
    'stego': 'train',
    'refine': 'labels',
    'confident': 'labels',
    'walk': 'labels',
    'debias': 'labels',
    **{name: name for name in KINDS},
}
