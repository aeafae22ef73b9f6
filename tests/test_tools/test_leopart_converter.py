"""leopart2timm.py as a process, on files that this test writes."""

import os
from types import SimpleNamespace

import pytest
import torch

from mmseg_wsss import TimmFeatures
from tests.processes import ROOT, run_python

TOOL = ROOT / 'tools/model_converters/leopart2timm.py'
MODEL = 'vit_tiny_patch16_224'


@pytest.fixture(scope='module')
def student():
    """A random transformer of timm, the student."""
    timm = pytest.importorskip('timm')
    torch.manual_seed(0)
    return timm.create_model(MODEL, num_classes=0)


@pytest.fixture
def weights(student):
    """Tensors by the names that Leopart's training gives them."""
    found = {}
    for name, value in student.state_dict().items():
        found[f'model.{name}'] = value
        found[f'teacher.{name}'] = value + 1
    for network in ('model', 'teacher'):
        found[f'{network}.projection_head.0.weight'] = torch.ones(4, 192)
        found[f'{network}.prototypes.weight'] = torch.ones(3, 4)
    return found


def run(tmp_path, content, fails=False, model=MODEL):
    source, target = tmp_path / 'leopart.ckpt', tmp_path / 'out.pth'
    if content is not None:
        torch.save(content, source)
    command = [TOOL, source, target, '--model', model]
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = run_python(command, tmp_path, env)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    assert target.exists() != fails
    return target, done.stdout + done.stderr


@pytest.mark.parametrize('lightning', [False, True])
def test_features_are_those_of_the_student(
    lightning, tmp_path, student, weights
):
    content = weights
    if lightning:
        content = dict(
            state_dict=weights, epoch=3, hyper_parameters=dict(arch='vit')
        )
    target, output = run(tmp_path, content)
    assert f'{len(student.state_dict())} tensors' in output
    stored = torch.load(target, weights_only=True)['state_dict']
    assert stored.keys() == student.state_dict().keys()
    for name, value in student.state_dict().items():
        assert torch.equal(stored[name], value)
    extractor = TimmFeatures(MODEL, checkpoint=target)
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        tokens = student.eval().forward_features(extractor.normalise(images))
    expected = tokens[:, 1:].transpose(1, 2).reshape(1, 192, 14, 14)
    torch.testing.assert_close(
        extractor(images), expected, atol=1e-4, rtol=1e-4
    )


def test_what_does_not_fit_is_named(tmp_path, weights):
    norm = weights.pop('model.norm.weight')
    assert 'missing: norm.weight' in run(tmp_path, weights, fails=True)[1]
    weights['model.norm.weight'] = norm[:5]
    output = run(tmp_path, weights, fails=True)[1]
    assert 'norm.weight is (5,), not (192,)' in output
    more = {**weights, 'model.norm.weight': norm, 'model.other': norm}
    assert 'left over: other' in run(tmp_path, more, fails=True)[1]
    output = run(tmp_path, {'other': norm}, fails=True)[1]
    assert 'no student of this --model' in output


def test_files_that_cannot_be_read(tmp_path, weights):
    assert 'No such file' in run(tmp_path, None, fails=True)[1]
    callback = dict(state_dict=weights, callbacks=SimpleNamespace(best=1))
    output = run(tmp_path, callback, fails=True)[1]
    assert 'holds objects of other packages' in output
    assert "['state_dict']" in output and 'Traceback' not in output
    output = run(tmp_path, [weights['model.norm.bias']], fails=True)[1]
    assert 'holds no dict of weights' in output
    output = run(tmp_path, weights, fails=True, model='no_such_vit')[1]
    assert 'no_such_vit' in output and 'Traceback' not in output
