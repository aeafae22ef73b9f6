"""resnet38_mxnet2torch.py as a process, on files written by this test."""

import importlib.util
import os
import struct
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from mmseg_wsss.models.backbones.resnet38 import ResNet38
from tests.processes import run_python

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/model_converters/resnet38_mxnet2torch.py'
MAGICS = {'v1': 0xF993FAC8, 'v2': 0xF993FAC9, 'v3': 0xF993FACA}
FLAGS = {'float32': 0, 'float64': 1, 'float16': 2}
BASE = 2


def pack_array(array, layout):
    dims = array.shape
    if layout == 'legacy':
        head = struct.pack(f'<I{len(dims)}I', len(dims), *dims)
    elif layout == 'v1':
        head = struct.pack(
            f'<II{len(dims)}q', MAGICS[layout], len(dims), *dims
        )
    else:
        head = struct.pack(
            f'<Iii{len(dims)}q', MAGICS[layout], 0, len(dims), *dims
        )
    flag = FLAGS[array.dtype.name]
    return head + struct.pack('<iii', 1, 0, flag) + array.tobytes()


def pack_params(params, layout='v2', magic=0x112):
    data = struct.pack('<QQQ', magic, 0, len(params))
    for array in params.values():
        data += pack_array(array, layout)
    data += struct.pack('<Q', len(params))
    for name in params:
        data += struct.pack('<Q', len(name)) + name.encode()
    return data


def make_params(dtype='float32'):
    """MXNet names written out, torch names and values from a small net."""
    blocks = {'b6': '6a', 'b7': '7a'}
    for stage, depth in ((2, 3), (3, 3), (4, 6), (5, 3)):
        blocks[f'b{stage}'] = f'{stage}a'
        for k in range(1, depth):
            blocks[f'b{stage}_{k}'] = f'{stage}b{k}'
    leaves = {
        'weight': ('arg', 'gamma'),
        'bias': ('arg', 'beta'),
        'running_mean': ('aux', 'moving_mean'),
        'running_var': ('aux', 'moving_var'),
    }
    rng = np.random.default_rng(0)
    params, expected = {}, {}
    for key, like in ResNet38(base_channels=BASE).state_dict().items():
        if key.endswith('num_batches_tracked'):
            continue
        value = rng.normal(size=like.shape).astype(dtype)
        *module, leaf = key.split('.')
        group, leaf = leaves[leaf]
        if module == ['conv1a']:
            name = 'arg:conv1a_weight'
        elif module == ['bn7']:
            name = f'{group}:bn7_{leaf}'
        else:
            kind, branch = module[1].split('_')
            block = blocks[module[0]]
            if kind == 'conv':
                name = f'arg:res{block}_{branch}_weight'
            else:
                name = f'{group}:bn{block}_{branch}_{leaf}'
        params[name] = value
        expected[key] = torch.from_numpy(value.astype('float32'))
    params['arg:linear1000_weight'] = np.zeros((1000, 128), dtype)
    params['arg:linear1000_bias'] = np.zeros(1000, dtype)
    return params, expected


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('r38_converter', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # The public file's width of 64 takes hundreds of MB.
    module.ResNet38 = partial(ResNet38, base_channels=BASE)
    return module


@pytest.fixture(scope='module')
def good():
    return make_params()


def write(tmp_path, data):
    """Write a file of parameters; that path, and the checkpoint's."""
    source = tmp_path / 'r38.params'
    source.write_bytes(data)
    return [str(source), str(tmp_path / 'out' / 'r38.pth')]


def test_names_of_the_public_file(good):
    """A few names spelled out, independent of the loop above."""
    params, expected = good
    pairs = {
        'arg:res2a_branch1_weight': 'b2.conv_branch1.weight',
        'arg:res4b5_branch2b1_weight': 'b4_5.conv_branch2b1.weight',
        'arg:bn5b2_branch2a_gamma': 'b5_2.bn_branch2a.weight',
        'arg:bn6a_branch2b2_beta': 'b6.bn_branch2b2.bias',
        'aux:bn7a_branch2b1_moving_mean': 'b7.bn_branch2b1.running_mean',
        'aux:bn7_moving_var': 'bn7.running_var',
    }
    for name, key in pairs.items():
        assert np.array_equal(params[name], expected[key].numpy())


def test_round_trip(tmp_path, tool, good):
    params, expected = good
    paths = write(tmp_path, pack_params(params))
    tool.main(paths)
    target = Path(paths[1])
    checkpoint = torch.load(target, weights_only=True)
    assert checkpoint['meta']['architecture'] == 'ResNet38'
    assert 'RGB' in checkpoint['meta']['preprocessing']
    assert [p.name for p in target.parent.iterdir()] == ['r38.pth']

    plain = ResNet38(base_channels=BASE)
    plain.load_state_dict(checkpoint['state_dict'], strict=True)
    model = ResNet38(
        base_channels=BASE,
        init_cfg={'type': 'Pretrained', 'checkpoint': str(target)},
    )
    model.init_weights()
    for key, value in expected.items():
        assert torch.equal(model.state_dict()[key], value), key


@pytest.mark.parametrize('layout', ['legacy', 'v2'])
@pytest.mark.parametrize('dtype', ['float16', 'float64'])
def test_other_layouts_and_dtypes_become_float32(tool, layout, dtype):
    params, expected = make_params(dtype)
    got = tool.read_params(pack_params(params, layout))
    state_dict, problems = tool.convert(got)
    assert problems == []
    for key, value in expected.items():
        assert state_dict[key].dtype == torch.float32
        assert torch.equal(state_dict[key], value), key


def test_missing_left_over_and_wrong_shape(tmp_path, tool, good, capsys):
    params = dict(good[0])
    del params['aux:bn3b1_branch2a_moving_var']
    params['arg:res9a_branch2a_weight'] = np.zeros((2, 3), 'float32')
    params['arg:extra'] = np.zeros(4, 'float32')
    params['arg:conv1a_weight'] = np.zeros((BASE, 3, 7, 7), 'float32')
    params['arg:bn7_beta'] = np.full(64 * BASE, np.nan, 'float32')
    paths = write(tmp_path, pack_params(params))
    with pytest.raises(SystemExit, match='error: 7 problems, nothing written'):
        tool.main(paths)
    assert not Path(paths[1]).exists()
    lines = capsys.readouterr().err.splitlines()
    for line in (
        'missing: b3_1.bn_branch2a.running_var (8,)',
        'left over: arg:res9a_branch2a_weight (2, 3)',
        'left over: arg:extra (4,)',
        'wrong shape: arg:conv1a_weight (2, 3, 7, 7), '
        'but conv1a.weight is (2, 3, 3, 3)',
        'not finite: arg:bn7_beta (128,)',
    ):
        assert line in lines


def test_wrong_width_is_reported(tool, good, monkeypatch):
    monkeypatch.setattr(tool, 'ResNet38', partial(ResNet38, base_channels=4))
    state_dict, problems = tool.convert(good[0])
    wrong = 'wrong shape: arg:conv1a_weight (2, 3, 3, 3), but conv1a.weight '
    assert any(line.startswith(wrong) for line in problems)
    assert 'conv1a.weight' not in state_dict


@pytest.mark.parametrize('layout', ['v1', 'v2', 'v3', 'legacy'])
def test_layouts(layout, tool):
    arrays = {
        'a': np.arange(6, dtype='float32').reshape(1, 2, 3),
        'b': np.arange(2, dtype='float64'),
        'c': np.float16([[1.5]]),
    }
    got = tool.read_params(pack_params(arrays, layout))
    assert list(got) == list(arrays)
    for name, array in arrays.items():
        assert got[name].dtype == array.dtype
        assert np.array_equal(got[name], array)


def test_every_truncation_is_noticed(tool):
    data = pack_params({'a': np.ones((2, 2), 'float32')})
    for size in range(len(data)):
        with pytest.raises(ValueError, match='truncated'):
            tool.read_params(data[:size])


def test_damaged_arrays(tool):
    data = pack_params({'a': np.ones((2, 2), 'float32')})
    at = 24  # behind the list's header: magic, storage, ndim, dims, ...

    def patched(offset, layout, value):
        patch = struct.pack(layout, value)
        start = at + offset
        return data[:start] + patch + data[start + len(patch) :]

    cases = [
        (patched(0, '<I', 0xDEADBEEF), 'no MXNet array'),
        (patched(4, '<i', 1), 'storage type 1'),
        (patched(8, '<i', 1000), '1000 dimensions'),
        (patched(8, '<i', 0), 'empty'),
        (patched(12, '<q', -2), 'impossible shape'),
        (patched(12, '<q', 2**40), 'truncated'),
        (patched(36, '<i', 77), 'dtype number 77'),
    ]
    for damaged, text in cases:
        with pytest.raises(ValueError, match=text):
            tool.read_params(damaged)
    twice = struct.pack('<QQQ', 0x112, 0, 2)
    twice += 2 * pack_array(np.ones(1, 'float32'), 'v2')
    twice += struct.pack('<Q', 2) + 2 * (struct.pack('<Q', 1) + b'a')
    with pytest.raises(ValueError, match='occurs twice'):
        tool.read_params(twice)


def test_truncated_file_as_a_process(tmp_path, good):
    paths = write(tmp_path, pack_params(good[0])[:-1000])
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = run_python([TOOL, *paths], tmp_path, env)
    assert done.returncode == 1
    assert 'error: cannot read' in done.stderr
    assert 'truncated' in done.stderr
    assert 'Traceback' not in done.stderr
    assert not Path(paths[1]).exists()


@pytest.mark.parametrize(
    ('data', 'text'),
    [
        (None, 'No such file'),
        (b'', 'truncated'),
        (pack_params({}, magic=0x113), 'not an MXNet .params file'),
    ],
)
def test_bad_files(tmp_path, tool, data, text):
    source, target = tmp_path / 'r38.params', tmp_path / 'r38.pth'
    if data is not None:
        source.write_bytes(data)
    with pytest.raises(SystemExit) as stop:
        tool.main([str(source), str(target)])
    assert stop.value.code.startswith(f'error: cannot read {source}')
    assert text in stop.value.code
    assert not target.exists()


def test_failed_write_leaves_nothing(tmp_path, tool, good, monkeypatch):
    def fail(checkpoint, path):
        path.write_bytes(b'half')
        raise OSError('disk full')

    monkeypatch.setattr(tool.torch, 'save', fail)
    source, target = tmp_path / 'r38.params', tmp_path / 'out' / 'r38.pth'
    source.write_bytes(pack_params(good[0]))
    with pytest.raises(SystemExit, match=r'cannot write .*: disk full'):
        tool.main([str(source), str(target)])
    assert list(target.parent.iterdir()) == []
