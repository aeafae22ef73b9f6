"""tools/export_onnx.py writes what PyTorch computes."""

import json
import os

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

import mmseg_wsss  # noqa: F401
from mmseg_wsss.compat import load_config
from tests.processes import ROOT, run_python
from tests.tiny import CLASSES, PALETTE

TOOL = ROOT / 'tools' / 'export_onnx.py'


@pytest.fixture
def segmentor(tmp_path):
    """A config, a segmentor in evaluation, and its checkpoint."""
    base = ROOT / 'configs/_base_/models/deeplabv3plus_mobilenetv2.py'
    config = tmp_path / 'config.py'
    config.write_text(
        f'_base_ = {str(base)!r}\n'
        'model = dict(decode_head=dict(num_classes=4))\n'
    )
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(load_config(config).model).eval()
    meta = dict(dataset_meta=dict(classes=CLASSES, palette=PALETTE))
    checkpoint = tmp_path / 'model.pth'
    torch.save(dict(state_dict=model.state_dict(), meta=meta), checkpoint)
    return config, model, checkpoint


def run(tmp_path, config, checkpoint, out='model.onnx'):
    words = [TOOL, config, checkpoint, '--out', out]
    return run_python(words, tmp_path, os.environ)


def test_onnxruntime_computes_the_same(segmentor, tmp_path):
    pytest.importorskip('onnxscript')
    onnxruntime = pytest.importorskip('onnxruntime')
    config, model, checkpoint = segmentor
    result = run(tmp_path, config, checkpoint)
    assert result.returncode == 0, result.stderr
    session = onnxruntime.InferenceSession(str(tmp_path / 'model.onnx'))
    for size in ((97, 131), (64, 64), (131, 75), (200, 33)):
        rgb = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
        # MMSeg's own way: BGR images through the data preprocessor.
        data = model.data_preprocessor(dict(inputs=[rgb.flip(0)]), False)
        meta = [dict(img_shape=size, ori_shape=size)]
        with torch.no_grad():
            expected = model.encode_decode(data['inputs'], meta).numpy()
        image = rgb[None].float().numpy()
        found = session.run(None, {'image': image})[0]
        difference = np.abs(found - expected).max()
        print(size, difference, np.abs(expected).max())
        assert found.shape == (1, 4, *size)
        assert difference < 1e-4
    about = json.loads((tmp_path / 'model.json').read_text())
    assert about['classes'] == list(CLASSES)
    assert about['palette'] == PALETTE


def test_wrong_input_ends_in_one_line(segmentor, tmp_path):
    pytest.importorskip('onnxscript')
    config, _, checkpoint = segmentor
    result = run(tmp_path, config, checkpoint, 'model.txt')
    assert result.stderr.splitlines()[-1].startswith('error: --out must end')
    stored = torch.load(checkpoint)
    stored['state_dict'].pop('decode_head.conv_seg.weight')
    torch.save(stored, checkpoint)
    result = run(tmp_path, config, checkpoint)
    assert 'tensors are missing' in result.stderr.splitlines()[-1]
    assert not (tmp_path / 'model.onnx').exists()
