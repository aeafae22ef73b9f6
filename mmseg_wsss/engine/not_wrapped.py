"""A model wrapper that does nothing, for networks without training."""

from __future__ import annotations

from mmseg.registry import MODEL_WRAPPERS
from torch import nn


@MODEL_WRAPPERS.register_module()
class NotWrapped:
    """The model itself, in place of MMEngine's distributed wrapper.

    DistributedDataParallel refuses a network of which nothing is trained. A
    config of such a network is tested on several ranks with
    ``model_wrapper_cfg=dict(type='mmseg_wsss.NotWrapped')``.
    """

    def __new__(cls, module: nn.Module, **_) -> nn.Module:
        """Return the module; what a real wrapper takes is ignored."""
        return module
