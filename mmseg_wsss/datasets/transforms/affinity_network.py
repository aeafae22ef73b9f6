"""Loader of affinity networks."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import CheckpointLoader
from mmseg.registry import MODELS
from torch import nn

from ...compat import is_type
from ...io.checkpoints import check_classes, check_weights

# IRNHead of 0.1 had a second branch, which the walk did not use.
OLD_OPTIONS = (
    'displacement',
    'num_fine',
    'displacement_channels',
    'displacement_width',
)


def load_affinity_network(
    checkpoint: str,
    model: dict | str | None = None,
    device: str = 'cpu',
    metainfo: Mapping | None = None,
) -> nn.Module:
    """Build a segmentor whose head predicts pair affinities.

    Args:
        checkpoint: Checkpoint file.
        model: The segmentor's config, a config file, or None for the config
            in the checkpoint.
        device: Where it goes.
        metainfo: That of the data set, whose classes are compared with those
            of the checkpoint.

    Returns:
        nn.Module: The segmentor in eval mode.

    Raises:
        ValueError: If it is no affinity network, there is no config,
            weights are missing, have another shape or are not finite, or the
            classes differ.
    """
    stored = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    if model is None:
        text = stored.get('meta', {}).get('cfg')
        if text is None:
            raise ValueError(
                f'{checkpoint} stores no config: give RandomWalk(model=...) '
                'the config file it was trained with'
            )
        model = Config.fromstring(text, '.py').model
    elif isinstance(model, str):
        model = Config.fromfile(model).model
    model = copy.deepcopy(model)
    head = model.get('decode_head', {})
    if is_type(head, 'IRNHead'):
        for name in OLD_OPTIONS:
            head.pop(name, None)
    # A worker process or a notebook may have no scope yet.
    with DefaultScope.overwrite_default_scope('mmseg'):
        network = MODELS.build(model)
    if not hasattr(network.decode_head, 'walk_graph'):
        raise ValueError(
            f'{checkpoint} is a network with the head '
            f'{type(network.decode_head).__name__}: RandomWalk needs an '
            'AffinityHead or an IRNHead'
        )
    weights = stored.get('state_dict', stored)
    check_weights(network, weights, checkpoint)
    check_classes(stored, metainfo or {}, checkpoint)
    network.load_state_dict(weights, strict=False)
    return network.to(device).eval()
