"""The recipe of WeCLIP, against the paper and its code."""

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import HOOKS

from tests.test_configs import ROOT

NAMES = ('voc12', 'coco14', 'voc-mini')


def parse(name):
    path = ROOT / 'weclip' / f'weclip_vit-b16_{name}.py'
    cfg = Config.fromfile(path, import_custom_modules=False)
    init_default_scope(cfg.default_scope)
    return cfg


def hook_of(cfg):
    return HOOKS.build(dict(cfg.custom_hooks[-1]))


@pytest.mark.parametrize('name', NAMES)
def test_training_is_the_published(name):
    cfg = parse(name)
    assert cfg.optim_wrapper.optimizer == dict(
        type='AdamW', lr=0.002, betas=(0.9, 0.999), weight_decay=0.01
    )
    iterations = dict(zip(NAMES, (30000, 80000, 4032), strict=True))[name]
    warm_up, poly = cfg.param_scheduler
    assert (warm_up.type, warm_up.start_factor) == ('LinearLR', 1e-6)
    assert (warm_up.begin, warm_up.end) == (0, 50)
    assert (poly.type, poly.power, poly.eta_min) == ('PolyLR', 1, 0)
    assert (poly.begin, poly.end) == (50, iterations)
    assert not warm_up.by_epoch and not poly.by_epoch
    assert cfg.train_dataloader.batch_size == 4
    if name == 'voc-mini':
        assert cfg.train_cfg.max_epochs * 224 == iterations
    else:
        assert cfg.train_cfg.max_iters == iterations
        steps = cfg.train_dataloader.dataset.pipeline
        assert steps[2].ratio_range == (0.5, 2.0)
        assert steps[3].crop_size == (320, 320)
        assert cfg.model.data_preprocessor.size == (320, 320)
    head = cfg.model.decode_head
    assert head.loss_decode.type == 'mmseg_wsss.BalancedCrossEntropy'
    assert head.loss_affinity == dict(
        type='mmseg_wsss.PairAffinityLoss', radius=8, loss_weight=0.1
    )
    assert (head.channels, head.dropout_ratio) == (256, 0.1)
    assert len(head.in_channels) == 11
    assert cfg.tta_model.fusion == 'mean_logits'


@pytest.mark.parametrize('name', NAMES)
def test_labels_are_the_published(name):
    cfg = parse(name)
    hook, coco = hook_of(cfg), name == 'coco14'
    assert hook.box_threshold == (0.7 if coco else 0.4)
    assert (hook.layers, hook.refine_layers) == (8, 10 if coco else 6)
    starts = dict(zip(NAMES, (15000, 40000, 2000), strict=True))
    assert hook.refine_from == starts[name]
    tower = cfg.model.backbone.tower
    assert tower.attention_layers == max(hook.layers, hook.refine_layers)
    # The texts are those of CLIP-ES.
    seeds = ROOT / 'clip_es' / f'clip-es_vit-b16_{name}.py'
    seeds = Config.fromfile(seeds, import_custom_modules=False)
    assert seeds.model.text_embeddings == hook.text_embeddings
    for key in ('mean', 'std'):
        own = cfg.model.data_preprocessor[key]
        assert own == seeds.model.data_preprocessor[key]
    assert {k: v for k, v in tower.items() if k != 'attention_layers'} == {
        k: v for k, v in seeds.model.tower.items() if k != 'attention_layers'
    }


def test_maps_without_a_gradient_change_nothing_else():
    plain = parse('voc12')
    path = ROOT / 'weclip' / 'weclip_similarity_vit-b16_voc12.py'
    cfg = Config.fromfile(path, import_custom_modules=False)
    hook = hook_of(cfg)
    assert (hook.method, hook.box_threshold) == ('similarity', 0.79)
    assert (hook.layers, hook.refine_layers) == (6, 6)
    assert hook.refine_from == hook_of(plain).refine_from
    for one in (cfg, plain):
        one.custom_hooks.pop()
    assert cfg._cfg_dict == plain._cfg_dict


def test_the_second_network_changes_nothing_else():
    plain = parse('voc12')
    path = ROOT / 'weclip' / 'weclip_vit-b16-dinov2_voc12.py'
    cfg = Config.fromfile(path, import_custom_modules=False)
    assert cfg.optim_wrapper.optimizer.pop('lr') == 0.0002
    assert plain.optim_wrapper.optimizer.pop('lr') == 0.002
    second = cfg.model.backbone.pop('second')
    assert second.model_name == 'vit_small_patch14_dinov2.lvd142m'
    assert cfg.model.decode_head.pop('in_channels') == [768, 384]
    plain.model.decode_head.pop('in_channels')
    assert cfg.model.pop('type') == 'mmseg_wsss.WSSSEncoderDecoder'
    plain.model.pop('type')
    assert cfg._cfg_dict == plain._cfg_dict


@pytest.mark.parametrize('name', NAMES[:2])
def test_sizes_of_the_test(name):
    cfg = parse(name)
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.pipeline[1] == dict(
            type='Resize', scale=(512, 512), keep_ratio=True
        )
    scales = cfg.tta_pipeline[1].transforms[0]
    assert [step.scale for step in scales] == [(512, 512), (384, 384)]
