"""A tiny random CLIP tower, texts for it, and WeCLIP on the tiny data set."""

import numpy as np
import torch
from mmengine.runner import Runner

from mmseg_wsss.compat import unwrap
from mmseg_wsss.io.text_embeddings import (
    TextEmbeddings,
    save_text_embeddings,
)
from tests import tiny

TINY = dict(embed_dim=32, depth=3, num_heads=4, num_classes=8, img_size=64)
TOWER = dict(
    type='mmseg_wsss.CLIPTower',
    model_name='vit_base_patch16_clip_quickgelu_224',
    attention_layers=2,
    architecture=TINY,
)
BACKBONE = dict(type='mmseg_wsss.FrozenCLIP', tower=TOWER)
HEAD = dict(
    type='mmseg_wsss.TokenFusionHead',
    in_channels=[32, 32],
    channels=16,
    num_classes=4,
    dropout_ratio=0,
    loss_decode=[dict(type='mmseg_wsss.BalancedCrossEntropy')],
    loss_affinity=dict(type='mmseg_wsss.PairAffinityLoss', radius=1),
)


def write_texts(path, names=tiny.CLASSES[1:], backgrounds=2, dims=8):
    """Each name has its vector, whatever the others are."""
    vectors = []
    for name in (*names, *map(str, range(backgrounds))):
        rng = np.random.default_rng(list(name.encode()))
        vector = rng.normal(size=dims)
        vectors.append(vector / np.linalg.norm(vector))
    vectors = np.array(vectors, np.float32)
    texts = TextEmbeddings(
        'tiny',
        tuple(names),
        tuple(names),
        tuple(map(str, range(backgrounds))),
        vectors[: len(names)],
        vectors[len(names) :],
    )
    save_text_embeddings(path, texts)
    return str(path)


def config(root, work_dir, epochs=1, batch=2, **hook):
    """A Runner config; images of 32, padded to 40, which the tower sees as 48.

    The masks of its training folder do not exist.
    """
    texts = root / 'clip_text.npz'
    if not texts.is_file():
        write_texts(texts)
    cfg = tiny.config(root, HEAD, work_dir, masks='none')
    del cfg.train_dataloader.dataset.pipeline[1]
    cfg.train_dataloader.batch_size = batch
    cfg.model.backbone = BACKBONE
    cfg.model.data_preprocessor.size = (40, 40)
    cfg.custom_hooks += [
        dict(
            type='mmseg_wsss.CLIPLabelsHook',
            text_embeddings=str(texts),
            **{
                'layers': 2,
                'refine_layers': 2,
                'refine_from': 2,
                **hook,
            },
        ),
        dict(type='mmseg_wsss.EpochSeedHook'),
    ]
    cfg.train_dataloader.sampler.type = 'mmseg_wsss.SeededSampler'
    cfg.optim_wrapper.optimizer.lr = 0.02
    cfg.train_cfg.max_epochs = epochs
    return cfg


def sharpen(model):
    """Give the tower attention that is not even, so that labels are no ties.

    Where it is, a map is scaled up from rounding errors, which depend on the
    size of the batch.
    """
    generator = torch.Generator().manual_seed(0)
    for parameter in unwrap(model).backbone.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data += 0.2 * noise.to(parameter.device)


def train(cfg, double=False):
    """Train, in float64 if asked to, and return the Runner."""
    torch.set_default_dtype(torch.float64 if double else torch.float32)
    try:
        runner = Runner.from_cfg(cfg)
        sharpen(runner.model)
        runner.train()
    finally:
        torch.set_default_dtype(torch.float32)
    return runner
