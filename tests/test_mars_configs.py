"""MARS's configs fit together: features, debiasing, segmentors, pipelines."""

import pytest
from mmengine.config import Config

from tests.test_configs import CONFIGS, ROOT

SEGMENTORS = [
    path
    for path in CONFIGS
    if path.name.startswith('mars') and 'ignored' not in path.name
]
STEGO = [path for path in CONFIGS if path.name.startswith('stego_vit-b8')]


def read(path):
    return Config.fromfile(ROOT / path, import_custom_modules=False)


@pytest.mark.parametrize('path', SEGMENTORS, ids=str)
def test_the_teacher_is_restricted_beside_ocr_alone(path):
    cfg = read(path)
    kinds = [hook['type'] for hook in cfg.custom_hooks]
    assert kinds.count('mmseg_wsss.ComplementHook') == 1
    hook = cfg.custom_hooks[kinds.index('mmseg_wsss.ComplementHook')]
    losses = cfg.model.decode_head.loss_decode
    losses = losses if isinstance(losses, list) else [losses]
    with_ocr = any('OCRLoss' in loss['type'] for loss in losses)
    assert with_ocr == path.name.startswith('mars-ocr_')
    assert hook.get('restrict_to_labels', False) == with_ocr
    if with_ocr:
        alone = read(path.with_name(path.name.replace('mars-ocr', 'mars')))
        for key in ('train_dataloader', 'optim_wrapper', 'train_cfg'):
            assert cfg[key] == alone[key]
        assert cfg.model.backbone == alone.model.backbone
        other = alone.custom_hooks[kinds.index('mmseg_wsss.ComplementHook')]
        assert hook.ema == other.ema


@pytest.mark.parametrize('path', STEGO, ids=str)
def test_debiasing_takes_the_features_of_stego(path):
    stego = read(path)
    file = f'mars/debias_{path.stem.split("_")[-1]}.py'
    debias = read(file)
    assert debias.feature_extractor == stego.feature_extractor
    assert debias.feature_extraction == stego.feature_extraction
    trained = stego.model.extractor
    assert debias.feature_extractor.extractor == {
        **trained,
        'pretrained': False,
    }
    last = f'{stego.work_dir}/iter_{stego.train_cfg.max_iters}.pth'
    assert stego.feature_extractor.checkpoint == last


def test_pipelines_have_configs_that_belong_together():
    every = (Config.fromfile(p) for p in (ROOT / 'pipelines').glob('*.py'))
    found = [cfg.configs for cfg in every if 'mars' in cfg.get('configs', ())]
    assert len(found) > 4
    for configs in found:
        alone, both = configs.mars, configs.mars_ocr
        assert both.replace('/mars-ocr_', '/mars_') == alone
        if 'stego' in configs:
            data = configs.debias.removesuffix('.py').split('_')[-1]
            assert configs.stego == (
                f'configs/mars/stego_vit-b8-dino_{data}.py'
            )


@pytest.mark.parametrize(('name', 'patch'), [('b8', 8), ('s16', 16)])
def test_leopart_takes_the_place_of_stegos_features(name, patch):
    plain = read('mars/debias_voc12.py')
    cfg = read(f'mars/debias_leopart-vit-{name}_voc12.py')
    assert cfg.feature_extractor.type == 'mmseg_wsss.TimmFeatures'
    assert f'patch{patch}_' in cfg.feature_extractor.model_name
    assert cfg.feature_extraction == dict(
        plain.feature_extraction, stride=patch
    )
    for key in ('centroid_pipeline', 'selection', 'debias_pipeline'):
        assert cfg[key] == plain[key]
