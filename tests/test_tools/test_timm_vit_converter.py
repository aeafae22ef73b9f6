"""timm_vit2mmpretrain.py as a process, on weights that this test draws."""

import os

import pytest
import torch
from mmengine.runner import load_checkpoint

from tests.processes import ROOT, run_python

TOOL = ROOT / 'tools/model_converters/timm_vit2mmpretrain.py'
MODEL = 'vit_tiny_patch16_224'


def run(tmp_path, weights, model=MODEL):
    source, target = tmp_path / 'timm.pth', tmp_path / 'out.pth'
    torch.save(weights, source)
    command = [TOOL, model, target, '--checkpoint', source]
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = run_python(command, tmp_path, env)
    assert (done.returncode == 0) == target.exists()
    return target, done.stdout + done.stderr


@pytest.mark.parametrize('key', [None, 'model', 'state_dict'])
def test_mmpretrain_computes_what_timm_does(key, tmp_path):
    timm = pytest.importorskip('timm')
    models = pytest.importorskip('mmpretrain.models')
    torch.manual_seed(0)
    source = timm.create_model(MODEL).eval()
    for value in source.parameters():
        value.data.normal_(std=0.1)
    weights = source.state_dict()
    target, output = run(tmp_path, {key: weights} if key else weights)
    assert target.exists(), output
    arch = dict(
        embed_dims=192, num_layers=12, num_heads=3, feedforward_channels=768
    )
    ours = models.VisionTransformer(arch, 224, 16, out_type='raw')
    ours.eval()
    prefixed = torch.nn.ModuleDict(dict(backbone=ours))
    load_checkpoint(prefixed, str(target), map_location='cpu', strict=True)
    images = torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        expected = source.forward_features(images)
        torch.testing.assert_close(
            ours(images)[-1], expected, atol=1e-4, rtol=1e-4
        )


def test_what_does_not_fit_is_named(tmp_path):
    timm = pytest.importorskip('timm')
    weights = timm.create_model(MODEL).state_dict()
    del weights['norm.bias']
    assert 'missing: norm.bias' in run(tmp_path, weights)[1]
    weights['norm.bias'] = torch.zeros(5)
    assert 'norm.bias is (5,), not (192,)' in run(tmp_path, weights)[1]
    distilled = 'deit_tiny_distilled_patch16_224'
    model = timm.create_model(distilled, num_classes=0)
    _, output = run(tmp_path, model.state_dict(), distilled)
    assert 'dist_token has no place' in output and 'Traceback' not in output
    output = run(tmp_path, weights, 'no_such_vit')[1]
    assert 'no_such_vit' in output and 'Traceback' not in output
