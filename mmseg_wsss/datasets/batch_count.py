"""The batches of a training: their size on several ranks, their number."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_world_size
from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader


def split_batch(cfg: Config, ranks: int) -> None:
    """Divide the batch size of a training by the number of ranks.

    All ranks together then take the batch of the config.

    Args:
        cfg: Config with ``train_dataloader``, changed in place.
        ranks: Number of ranks.

    Raises:
        ValueError: If the batch size cannot be divided.
    """
    batch = cfg.train_dataloader.batch_size
    if batch % ranks:
        fits = [n for n in range(1, batch + 1) if batch % n == 0]
        raise ValueError(
            f'--split-batch: {ranks} ranks cannot share the batch of {batch} '
            f'of train_dataloader, {", ".join(map(str, fits))} can'
        )
    cfg.train_dataloader.batch_size = batch // ranks


def check_length(loop: BaseLoop) -> None:
    """Check that a training has an epoch, or an iteration.

    Args:
        loop: A training loop.

    Raises:
        ValueError: If its length is below 1.
    """
    for key in ('max_epochs', 'max_iters'):
        length = getattr(loop, key, None)
        if length is not None and length < 1:
            raise ValueError(
                f'training has no step: train_cfg.{key} is {length}; give 1 '
                'or more'
            )


def check_batch_count(loader: DataLoader) -> None:
    """Check that every rank gets at least one batch.

    With ``drop_last`` a batch larger than a rank's share of the images leaves
    none, and a training without a single step would end as if all was well.

    Args:
        loader: A training loader.

    Raises:
        ValueError: If it yields no batch.
    """
    if isinstance(loader.sampler, InfiniteSampler) or len(loader):
        return
    total, share = len(loader.dataset), len(loader.sampler)
    ranks = get_world_size()
    where = f', {share} for each of {ranks} ranks' if ranks > 1 else ''
    advice = f'set train_dataloader.batch_size to at most {share}'
    if not share:
        advice = 'check ann_file and data_prefix of train_dataloader.dataset'
    elif ranks > 1:
        advice += ', or start fewer ranks'
    raise ValueError(
        f'training has no batch: there are {total} images{where}, and '
        f'batches of {loader.batch_size} with drop_last=True: {advice}'
    )
