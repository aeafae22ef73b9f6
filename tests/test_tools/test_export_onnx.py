"""tools/export_onnx.py writes what PyTorch computes."""

import json
import os
import re
import subprocess
import sys
from importlib import util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image
from torch import nn

from mmseg_wsss.compat import load_config
from mmseg_wsss.io.photos import read_photo
from mmseg_wsss.workflow.deploy import onnx_export
from mmseg_wsss.workflow.deploy.segmentor import Segmentor
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
    # As the segmentor of own photos.
    cfg.model.type = 'mmseg_wsss.PriorEncoderDecoder'
    cfg.model.auxiliary_head = dict(
        type='mmseg_wsss.CAMHead', in_channels=8, in_index=0, num_classes=4
    )
    steps = cfg.test_dataloader.dataset.pipeline
    steps[0].backend_args = dict(backend='mmseg_wsss.photo', max_side=60)
    steps.insert(1, dict(type='Resize', scale=(64, 64), keep_ratio=True))
    cfg.dump(tmp_path / 'config.py')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    # All classes get the same mean, so that no photo is of one only.
    image = torch.randn(1, 3, 9, 9).repeat_interleave(7, 2)
    image = image.repeat_interleave(7, 3)
    with torch.no_grad():
        logits = model.encode_decode(image, [dict(img_shape=(63, 63))])
        model.decode_head.conv_seg.bias -= logits.mean((0, 2, 3))
    meta = dict(classes=tiny.CLASSES, palette=tiny.PALETTE)
    torch.save(
        dict(state_dict=model.state_dict(), meta=dict(dataset_meta=meta)),
        tmp_path / 'model.pth',
    )
    return model


@pytest.mark.slow
def test_onnxruntime_computes_the_same(segmentor, tmp_path, monkeypatch):
    pytest.importorskip('onnxscript')
    onnxruntime = pytest.importorskip('onnxruntime')
    # An interpreter of its own, as a user starts it.
    words = [ROOT / TOOL, tmp_path / 'config.py', tmp_path / 'model.pth']
    done = subprocess.run(
        [sys.executable, *words, '--out', tmp_path / 'model.onnx'],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert 'differ by' in done.stdout + done.stderr
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
    assert about['transforms'] == [resize] and about['max_side'] == 60
    for name, array in (
        ('input', session.get_inputs()[0]),
        ('output', session.get_outputs()[0]),
    ):
        assert about[name]['name'] == array.name
        assert about[name]['shape'][1] == array.shape[1]
    assert {p.name for p in tmp_path.glob('model.*')} == {
        *('model.onnx', 'model.json', 'model.pth')
    }
    # The program of the documentation finds the same classes.
    cells = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    photo = Image.fromarray(np.kron(cells, np.ones((9, 9, 1), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / 'photo.jpg', exif=exif)
    text = (ROOT / 'docs' / 'own_data.md').read_text()
    (code,) = re.findall('```python\n(import json.*?)```', text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    cfg = load_config(tmp_path / 'config.py')
    loaded = Segmentor(cfg, tmp_path / 'model.pth')
    expected = loaded.predict(read_photo(tmp_path / 'photo.jpg'))
    assert expected.shape == (63, 45) and len(np.unique(expected)) > 1
    assert (names['mask'] == expected).mean() > 0.99
    photo.putalpha(Image.new('L', photo.size, 0))  # its colours are hidden
    photo.save(tmp_path / 'clear.png')
    exec(code.replace('photo.jpg', 'clear.png'), names)
    expected = read_photo(tmp_path / 'clear.png')
    assert np.array_equal(np.array(names['photo']), expected)


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


class Plus(nn.Module):
    """Add a number; at the size of the trace another one."""

    def __init__(self, traced=0, other=0):
        super().__init__()
        self.traced, self.other = traced, other

    def forward(self, image):
        plus = self.traced if image.shape[2:] == (97, 131) else self.other
        return image + plus


def test_comparison_at_several_sizes(tmp_path):
    """A network with the size of its trace inside is found out."""
    pytest.importorskip('onnxscript')
    pytest.importorskip('onnxruntime')
    program = torch.onnx.export(
        nn.Identity().eval(),
        (torch.zeros(2, 3, 64, 96),),
        dynamo=True,
        dynamic_shapes=(dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC),),
        input_names=['image'],
        verbose=False,
    )
    path = str(tmp_path / 'identity.onnx')
    program.save(path)
    difference, largest = onnx_export.compare(Plus(), path)
    assert difference == 0 and 254 < largest < 255
    assert onnx_export.compare(Plus(0, 2), path)[0] == pytest.approx(
        2, abs=1e-4
    )
    assert onnx_export.compare(Plus(3, 0), path)[0] == pytest.approx(
        3, abs=1e-4
    )


def test_a_wrong_file_is_not_written(segmentor, tmp_path, monkeypatch):
    pytest.importorskip('onnxscript')  # for torch 2.6 and newer only

    def export(network, inputs, path, **options):
        Path(path).write_bytes(b'network')

    monkeypatch.setattr(torch.onnx, 'export', export)
    stand_in = SimpleNamespace(cfg=SimpleNamespace(model={}), model=segmentor)
    with pytest.raises(ValueError, match='onnxruntime cannot run the export'):
        onnx_export.export_onnx(stand_in, tmp_path / 'b.onnx')
    for difference in (0.1, float('nan')):
        found = difference, 9.0
        monkeypatch.setattr(onnx_export, 'compare', lambda *_, x=found: x)
        with pytest.raises(ValueError, match='Nothing was written'):
            onnx_export.export_onnx(stand_in, tmp_path / 'b.onnx')
    assert not [p for p in tmp_path.iterdir() if p.suffix == '.onnx']


def test_missing_packages(monkeypatch):
    monkeypatch.setattr(util, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match='pip install onnx onnxruntime'):
        onnx_export.check_packages()
