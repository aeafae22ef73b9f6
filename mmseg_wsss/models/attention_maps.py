"""Attention maps of vision transformers of MMPretrain and timm.

Both libraries compute attention in one fused kernel, which keeps no map. A
hook on each block's ``qkv`` layer recomputes the map from its output; the
network itself, its output and its speed without the hook are unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn

# Attributes of attentions whose maps do not follow from qkv alone.
BIASED = ('relative_position_bias_table', 'relative_position_bias', 'rope')


@contextmanager
def record_attention(
    network: nn.Module, mean_of_heads: bool = False, detached: bool = False
) -> Iterator[list[Tensor]]:
    """Record the attention maps of a transformer's blocks.

    Args:
        network: A vision transformer of MMPretrain or timm whose attentions
            are softmaxes of scaled dot products, or some of its blocks.
        mean_of_heads: Keep only the mean over heads, (N, T, T) per block.
        detached: Record without gradient, which saves its memory.

    Yields:
        list[Tensor]: It is filled while the network runs: one map (N, heads,
        T, T) per block, in their order, over all T tokens. Rows are queries
        and sum to 1. Gradients flow where they are enabled, unless detached.

    Raises:
        ValueError: If the network has no such attention.

    Example::

        vit = timm.create_model('vit_tiny_patch16_224').eval()
        with record_attention(vit) as maps, torch.no_grad():
            vit(torch.rand(1, 3, 224, 224))
        attention = torch.stack(maps).mean(2)  # (12, 1, 197, 197)
    """
    attentions = _attentions(network)
    maps: list[Tensor] = []
    handles = [
        attention.qkv.register_forward_hook(
            partial(_record, attention, maps, mean_of_heads, detached)
        )
        for attention in attentions
    ]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


def _record(
    attention: nn.Module,
    maps: list[Tensor],
    mean_of_heads: bool,
    detached: bool,
    layer,
    args,
    qkv: Tensor,
) -> None:
    """Compute a map from queries and keys (N, T, 3 * heads * d)."""
    qkv = qkv.detach() if detached else qkv
    parts = qkv.unflatten(2, (3, attention.num_heads, -1))
    query, key, _ = parts.permute(2, 0, 3, 1, 4)
    if hasattr(attention, 'q_norm'):  # timm's; identities in most networks
        query, key = attention.q_norm(query), attention.k_norm(key)
    logits = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
    found = logits.softmax(-1)
    maps.append(found.mean(1) if mean_of_heads else found)


@contextmanager
def record_head_outputs(network: nn.Module) -> Iterator[list[Tensor]]:
    """Record the largest outputs of the heads of a transformer's blocks.

    Args:
        network: As for :func:`record_attention`.

    Yields:
        list[Tensor]: It is filled while the network runs: per block the
        maximum over the tokens (N, heads, d) of the heads' outputs, which go
        into the block's projection; without gradient.

    Raises:
        ValueError: If the network has no such attention.
    """
    found: list[Tensor] = []

    def record(heads: int, projection: nn.Module, args: tuple) -> None:
        outputs = args[0].detach().unflatten(2, (heads, -1))
        found.append(outputs.amax(1))

    handles = [
        attention.proj.register_forward_pre_hook(
            partial(record, attention.num_heads)
        )
        for attention in _attentions(network)
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _attentions(network: nn.Module) -> list[nn.Module]:
    """List the attentions whose maps follow from qkv."""
    attentions = [
        module
        for module in network.modules()
        if isinstance(getattr(module, 'qkv', None), nn.Linear)
        and hasattr(module, 'num_heads')
    ]
    biased = any(
        getattr(module, name, None) is not None
        for module in attentions
        for name in BIASED
    )
    if not attentions or biased:
        raise ValueError(
            f'{type(network).__name__} has no attentions that are softmaxes '
            'of scaled dot products: use a plain vision transformer of '
            'MMPretrain or timm'
        )
    return attentions
