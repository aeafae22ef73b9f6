"""What the ablations of ISL, FSL and OCR ask the tools for."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from mmseg_wsss.compat import load_config

ROOT = Path(__file__).resolve().parents[1]
NAMES = ('runs', 'hfpl_ablation', 'ocr_ablation', 'ocr_anchors')


@pytest.fixture
def load(monkeypatch):
    """Import a module of benchmarks/, which finds its neighbours."""
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module
    for name in NAMES:
        sys.modules.pop(name, None)


def test_stride_8_is_that_of_training_and_of_the_cams(
    load, monkeypatch, tmp_path
):
    module = load('hfpl_ablation')
    asked = {}

    def train(config, work_dir, seed, metrics, *options):
        asked['train'] = options
        return {'seconds': 1}

    def cams(config, work_dir, *options):
        asked['cams'] = options
        (tmp_path / 'pseudo_labels.log').touch()
        figures = dict.fromkeys(module.COLUMNS, 1)
        (tmp_path / 'cam_eval.json').write_text(json.dumps(figures))
        return tmp_path

    monkeypatch.setattr(module, 'train', train)
    monkeypatch.setattr(module, 'pseudo_labels', cams)
    monkeypatch.setattr(module, 'newer', lambda file, than: True)
    module.run('voc-mini', tmp_path, 0, None, 's8-isl-fsl-published')
    network = [f'{key}={value}' for key, value in module.STRIDE_8.items()]
    assert asked['cams'] == ('--cfg-options', *network)
    form = load_config(ROOT / 'configs/_base_/losses/hfpl.py')
    text, code = form.fsl_loss, form.published_fsl_loss
    form = {k: v for k, v in code.items() if text.get(k) != v}
    assert {f'1.{k}': v for k, v in form.items()} == module.PUBLISHED
    form = {'1.upsample': 2, **module.PUBLISHED}
    loss = [f'{module.LOSS}{key}={value}' for key, value in form.items()]
    assert asked['train'] == (*network, *loss)
    module.run('voc-mini', tmp_path, 0, None, 'fsl-point')
    assert asked['cams'] == ()
    assert asked['train'] == (f'{module.LOSS}1.colours=point',)
    assert not any(v[:2] == 's8' for v in module.variants_of('scenes'))
    assert set(module.variants_of('voc-mini')) == set(module.VARIANTS)


def test_anchors_are_those_of_training_images(load, monkeypatch, tmp_path):
    module = load('ocr_anchors')
    run = tmp_path / 'ce'
    run.mkdir()
    (run / 'epoch_1.pth').touch()
    config = 'configs/ocr/ce_mobilenetv2_scenes.py'
    (run / 'result.json').write_text(json.dumps({'asked': [config, 0]}))
    calls = []

    def call(log, *arguments):
        calls.append(arguments)
        log.touch()
        figures = run / 'anchors' / '1' / '1.json'
        figures.parent.mkdir(parents=True)
        figures.write_text('{"OC_pixel_rate": 3.0, "OC_anchor_right": 40.0}')

    monkeypatch.setattr(module, 'call', call)
    found = module.anchors('scenes', tmp_path, 'ce')
    assert found['OC_anchor_right'] == 40
    assert found['OC_label_right'] != found['OC_label_right']  # NaN
    labels = tmp_path / 'cam' / 'pseudo_labels' / 'labels'
    assert calls[0][:3] == ('test.py', config, str(run / 'epoch_1.pth'))
    assert calls[0][-2:] == (
        'test_dataloader.dataset.ann_file=ImageSets/Segmentation/train.txt',
        f'test_evaluator.3.label_dir={labels}',
    )
    module.anchors('scenes', tmp_path, 'ce')
    assert len(calls) == 1  # it is kept
