"""tools/export_onnx.py writes what PyTorch computes."""

import json
import os
import subprocess
import sys
from importlib import util
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_wsss.workflow.deploy import onnx_export
from tests import tiny
from tests.test_tools.test_train_and_dump import ROOT, call

TOOL = 'tools/export_onnx.py'
# The head of DeepLabV3+: pooling over the image, several resolutions.
HEAD = dict(
    type='DepthwiseSeparableASPPHead',
    in_channels=8,
    in_index=0,
    channels=8,
    dilations=(1, 3),
    c1_in_channels=0,
    c1_channels=0,
    num_classes=4,
    norm_cfg=dict(type='BN'),
    loss_decode=dict(type='CrossEntropyLoss'),
)


@pytest.fixture
def segmentor(tmp_path):
    """A config, a segmentor in evaluation, and its checkpoint."""
    cfg = tiny.config(tmp_path, HEAD, tmp_path / 'work')
    cfg.log_level = 'INFO'
    cfg.model.data_preprocessor.update(
        mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0]
    )
    cfg.test_dataloader.dataset.pipeline.insert(
        1, dict(type='Resize', scale=(64, 64), keep_ratio=True)
    )
    cfg.dump(tmp_path / 'config.py')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    meta = dict(classes=tiny.CLASSES, palette=tiny.PALETTE)
    torch.save(
        dict(state_dict=model.state_dict(), meta=dict(dataset_meta=meta)),
        tmp_path / 'model.pth',
    )
    return model


def test_onnxruntime_computes_the_same(segmentor, tmp_path):
    pytest.importorskip('onnxscript')
    onnxruntime = pytest.importorskip('onnxruntime')
    # Not in the server of tests: torch.export hangs in a forked process.
    words = [ROOT / TOOL, tmp_path / 'config.py', tmp_path / 'model.pth']
    done = subprocess.run(
        [sys.executable, *words, '--out', tmp_path / 'model.onnx'],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    output = done.stdout + done.stderr
    assert 'differ by' in output.splitlines()[-1]
    session = onnxruntime.InferenceSession(str(tmp_path / 'model.onnx'))
    for number, *size in ((1, 97, 131), (3, 64, 64), (2, 200, 33)):
        rgb = torch.randint(0, 256, (number, 3, *size), dtype=torch.uint8)
        # MMSeg's own way: BGR images through the data preprocessor.
        images = list(rgb.flip(1))
        data = segmentor.data_preprocessor(dict(inputs=images), False)
        meta = [dict(img_shape=size, ori_shape=size)] * number
        with torch.no_grad():
            expected = segmentor.encode_decode(data['inputs'], meta).numpy()
        found = session.run(None, {'image': rgb.float().numpy()})[0]
        assert found.shape == (number, 4, *size)
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    about = json.loads((tmp_path / 'model.json').read_text())
    assert about['classes'] == list(tiny.CLASSES)
    assert about['palette'] == tiny.PALETTE
    resize = dict(type='Resize', scale=[64, 64], keep_ratio=True)
    assert about['transforms'] == [resize]
    for name, array in (
        ('input', session.get_inputs()[0]),
        ('output', session.get_outputs()[0]),
    ):
        assert about[name]['name'] == array.name
        assert about[name]['shape'][1] == array.shape[1]
    assert {p.name for p in tmp_path.glob('model.*')} == {
        *('model.onnx', 'model.json', 'model.pth')
    }


def test_wrong_input_ends_in_one_line(segmentor, tmp_path):
    pytest.importorskip('onnxscript')

    def last(out='model.onnx'):
        words = [tmp_path / 'config.py', tmp_path / 'model.pth']
        words += ['--out', tmp_path / out]
        output = call(TOOL, *words, fails=True)
        assert not (tmp_path / 'model.onnx').exists()
        return output.splitlines()[-1]

    assert last(out='model.txt').startswith('error: --out must end in .onnx')
    stored = torch.load(tmp_path / 'model.pth')
    stored['meta']['dataset_meta']['classes'] = tiny.CLASSES[::-1]
    torch.save(stored, tmp_path / 'model.pth')
    assert 'was trained with the classes' in last()
    stored['state_dict'].pop('decode_head.conv_seg.weight')
    torch.save(stored, tmp_path / 'model.pth')
    assert 'tensors are missing' in last()


def test_a_network_that_cannot_be_exported():
    two_heads = SimpleNamespace(decode_head=nn.ModuleList())
    one_channel = SimpleNamespace(
        decode_head=SimpleNamespace(out_channels=1, num_classes=2)
    )
    for model in (two_heads, one_channel, nn.Linear(1, 1)):
        with pytest.raises(ValueError, match='one decode head'):
            onnx_export.ImageToLogits(model, {})
    head = SimpleNamespace(out_channels=2, num_classes=2)
    model = SimpleNamespace(decode_head=head)
    with pytest.raises(ValueError, match='pads images'):
        onnx_export.ImageToLogits(model, dict(test_cfg=dict(size_divisor=8)))


def test_a_wrong_file_is_not_written(segmentor, tmp_path, monkeypatch):
    """What onnxruntime computes is compared before the file is there."""
    pytest.importorskip('onnxscript')
    pytest.importorskip('onnxruntime')

    class Baked(nn.Module):
        """Stand-in of a network with the sizes of its trace inside."""

        def forward(self, image):
            return image + image.shape[3] * (image.shape[3] != 131)

    class Traced(nn.Module):
        def forward(self, image):
            return image + 0

    traced = torch.onnx.export(
        Traced(),
        (torch.zeros(2, 3, 97, 131),),
        dynamo=True,
        dynamic_shapes=(dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC),),
        input_names=['image'],
        verbose=False,
    )
    difference = onnx_export.compare(
        Traced(), _saved(traced, tmp_path / 'a.onnx')
    )
    assert difference == (0, pytest.approx(255, abs=1))
    assert onnx_export.compare(Baked(), tmp_path / 'a.onnx')[0] == 200
    monkeypatch.setattr(onnx_export, 'compare', lambda *_: (0.1, 9.0))
    cfg = SimpleNamespace(model={})
    stand_in = SimpleNamespace(cfg=cfg, model=segmentor)
    with pytest.raises(ValueError, match='Nothing was written'):
        onnx_export.export_onnx(stand_in, tmp_path / 'b.onnx')
    assert not list(tmp_path.glob('*b.*'))


def _saved(program, path):
    program.save(str(path))
    return path


def test_missing_packages(monkeypatch):
    monkeypatch.setattr(util, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match='pip install onnx onnxruntime'):
        onnx_export.check_packages()
