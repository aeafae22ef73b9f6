"""The compatibility table: a sample of its rows, and how it is made."""

import importlib
import importlib.util
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = ('runs', 'measure', 'run', 'zoo_data', 'zoo_families')
MODULES += ('zoo_backbones', 'zoo_train', 'zoo_table', 'zoo')
COMPILED = importlib.util.find_spec('mmcv._ext') is not None


@pytest.fixture(scope='module')
def zoo():
    """The module benchmarks/zoo.py."""
    sys.path.insert(0, str(ROOT / 'benchmarks'))
    for name in MODULES:
        sys.modules.pop(name, None)
    module = importlib.import_module('zoo')
    module.register()
    yield module
    sys.path.remove(str(ROOT / 'benchmarks'))
    for name in MODULES:
        sys.modules.pop(name, None)


# ------------------------------------------------------------ a sample of it
def test_families(zoo, tmp_path, on_cpu):
    row = zoo.train_case('erfnet', tmp_path / 'scenes')
    config = 'erfnet/erfnet_fcn_4xb4-160k_cityscapes-512x1024.py'
    assert row == dict(config=config, result='works', reason='')

    row = zoo.train_case('pidnet', tmp_path / 'scenes')
    assert row['config'].startswith('pidnet/pidnet-s_')
    assert row['result'] == 'in an auxiliary head'
    assert row['reason'].startswith('ValueError: OCRLoss (decode_head.')


def test_a_family_that_needs_compiled_operators(zoo, tmp_path, on_cpu):
    row = zoo.train_case('point_rend', tmp_path / 'scenes')
    if COMPILED:
        assert (row['result'], row['reason']) == ('works', '')
    else:
        assert row['result'] == 'needs compiled mmcv'
        assert 'point_sample' in row['reason']


@pytest.mark.parametrize(
    'name',
    ['mmseg.MSCAN', 'mmpretrain.ConvNeXt', 'timm mobilenetv3_small_050'],
)
def test_backbones(zoo, tmp_path, on_cpu, name):
    row = zoo.train_case(name, tmp_path / 'scenes')
    assert row == dict(result='works', reason='')


def test_a_case_that_cannot(zoo, tmp_path, monkeypatch, on_cpu):
    module = sys.modules['zoo_train']
    settings = dict(type='ResNet', depth=17)
    monkeypatch.setattr(module, 'backbones', lambda: {'mine': settings})
    row = zoo.train_case('mine', tmp_path / 'scenes')
    assert row['result'] == 'cannot'
    assert row['reason'].startswith('KeyError:') and '17' in row['reason']


@pytest.mark.parametrize(
    ('errors', 'result', 'reason'),
    [
        ({'main': 'no'}, 'in an auxiliary head', 'ValueError: no'),
        ({'main': 'no', 'auxiliary': 'b'}, 'cannot', 'ValueError: no'),
        (
            {'main': 'a\nno\n', 'auxiliary': 'b', 'none': 'c'},
            'cannot',
            'ValueError: no (without mmseg_wsss too)',
        ),
        (
            {'main': "no 'mmcv._ext'", 'auxiliary': 'b'},
            'needs compiled mmcv',
            "ValueError: no 'mmcv._ext'",
        ),
    ],
)
def test_what_is_tried(zoo, tmp_path, monkeypatch, errors, result, reason):
    module = sys.modules['zoo_train']

    def attempt(path, data, head):
        return ValueError(errors[head]) if head in errors else None

    monkeypatch.setattr(module, 'attempt', attempt)
    monkeypatch.setattr(module, 'smallest', lambda name: Path('x/y.py'))
    row = zoo.train_case('x', tmp_path / 'scenes')
    assert row == dict(config='x/y.py', result=result, reason=reason)


# ---------------------------------------------------------------- the choice
def test_smallest_config(zoo):
    families = sys.modules['zoo_families']
    assert '_base_' not in families.families()
    assert {'ann', 'segformer', 'vit'} <= set(families.families())
    # By size, not by name: b, l, s and t. Of equal ones by number.
    assert '_vit-t_mask_' in families.smallest('segmenter').name
    # Not one of six channels; nor may a config that cannot be read stop it.
    assert 'levir' not in families.smallest('swin').name
    assert families._parameters(Path('there is none.py')) == float('inf')
    # Where none can be built the first by number.
    names = ['x_r101_4xb2-1k_a', 'x_r50_4xb2-80k_a', 'x_r50_4xb2-160k_a']
    paths = sorted(map(Path, names), key=families._by_name)
    assert [p.name for p in paths] == [names[1], names[2], names[0]]


def test_what_is_changed_in_a_config(zoo, tmp_path):
    families = sys.modules['zoo_families']
    path = families.CONFIGS / 'beit/beit-base_upernet_8xb2-160k_ade20k-640x640'
    cfg = families.family_config(path.with_suffix('.py'), tmp_path)
    steps = cfg.train_dataloader.dataset.pipeline
    assert [step['type'] for step in steps[-2:]] == [
        'mmseg_wsss.LoadImageLabels',
        'mmseg_wsss.PackWSSSInputs',
    ]
    text = str(cfg.model) + str(steps) + str(cfg.optim_wrapper)
    for absent in ('PackSegInputs', 'SyncBN', 'Pretrained', 'Amp'):
        assert absent not in text
    assert cfg.model.backbone.img_size == (128, 128)
    assert 'reduce_zero_label' not in str(steps)
    losses = cfg.model.decode_head.loss_decode
    assert [loss['type'] for loss in losses] == [
        'CrossEntropyLoss',
        'mmseg_wsss.OCRLoss',
    ]
    assert losses[0].avg_non_ignore
    heads = cfg.model.decode_head, cfg.model.auxiliary_head
    assert [head.num_classes for head in heads] == [7, 7]


def test_weights_of_classes(zoo):
    shrink = sys.modules['zoo_data'].shrink_module
    ce = dict(type='CrossEntropyLoss', class_weight=[2.0] * 19)
    shrink(ce, 19, 128)
    assert ce == dict(type='CrossEntropyLoss')
    with_none = dict(class_weight=[1.0] * 19 + [0.1])
    shrink(with_none, 19, 128)
    assert with_none['class_weight'] == [1.0] * 7 + [0.1]


@pytest.mark.parametrize(
    ('logs', 'message'),
    [
        ([{'decode.loss_ce': 1.0}], r"loss_ocr is not among \['decode.loss"),
        ([{'loss_ocr': 1.0}, {'loss_ocr': float('nan')}], 'loss_ocr is nan'),
        ([], 'no iteration'),
    ],
)
def test_losses_are_checked(zoo, logs, message):
    with pytest.raises(ValueError, match=message):
        sys.modules['zoo_train'].check_losses(logs, ('loss_ocr',))


# ------------------------------------------------------------- the processes
def test_a_crash_is_a_row(zoo, monkeypatch):
    def crash(name, data):
        os.write(2, b'first words\nlast words\n\n')
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(zoo, 'train_case', crash)
    row = zoo.measure('x', 60)
    assert row == dict(result='cannot', reason='exit code -9: last words')
    monkeypatch.setattr(zoo, 'train_case', lambda *_: time.sleep(60))
    row = zoo.measure('x', 0.5)
    assert row == dict(result='cannot', reason='not finished after 0 s')
    monkeypatch.setattr(zoo, 'train_case', lambda *_: dict(result='works'))
    assert zoo.measure('x', 60) == dict(result='works')


@pytest.fixture
def call(zoo, monkeypatch, tmp_path):
    """Run the command with made-up rows; returns the names it trained."""
    trained = []

    def measure(name, seconds):
        trained.append(name)
        reason = 'KeyError: a | "b"' if name == 'ann' else ''
        result = 'cannot' if name == 'ann' else 'works'
        config = {} if '.' in name else {'config': f'{name}/{name}_r50.py'}
        return dict(config, result=result, reason=reason)

    monkeypatch.setattr(zoo, 'measure', measure)
    monkeypatch.setattr(zoo, 'register', lambda: None)

    def run(*arguments):
        trained.clear()
        options = ['--results', str(tmp_path / 'zoo.json'), *arguments]
        monkeypatch.setattr(sys, 'argv', ['zoo.py', *options])
        zoo.main()
        return list(trained)

    return run


def test_finished_rows_are_kept(call, zoo, monkeypatch, tmp_path):
    only = '--only', 'ann', 'mmseg.BEiT'
    assert call(*only) == ['ann', 'mmseg.BEiT']
    assert call(*only) == []
    assert call('--only', 'ann', 'fcn') == ['fcn']
    assert call('--only', 'ann', '--again') == ['ann']
    monkeypatch.setattr(zoo, 'versions', lambda: 'torch 9')
    assert call('--only', 'fcn') == ['fcn']
    rows = json.loads((tmp_path / 'zoo.json').read_text())
    (rows,) = rows.values()
    assert set(rows) == {'ann', 'fcn', 'mmseg.BEiT'}
    assert rows['fcn']['versions'] == 'torch 9'
    with pytest.raises(SystemExit):
        call('--only', 'x')


def test_page(call, zoo, monkeypatch, tmp_path):
    for stack in ('openmmlab', 'onedl'):
        monkeypatch.setattr(zoo, 'stack_name', lambda stack=stack: stack)
        monkeypatch.setattr(zoo, 'versions', lambda stack=stack: f'{stack} 1')
        names = ['ann'] if stack == 'onedl' else ['ann', 'mmseg.BEiT']
        call('--only', *names, '--out', str(tmp_path / 'page.md'))
    text = (tmp_path / 'page.md').read_text()
    assert text.startswith('# Compatibility\n\nWhat trains with mmseg_wsss')
    assert '- OneDL: onedl 1.\n- upstream: openmmlab 1.\n' in text
    assert '| family | OneDL | upstream | why |\n|---|---|---|---|\n' in text
    assert (
        "| ann<br>`ann_r50` | cannot | cannot | `KeyError: a ' 'b'` |" in text
    )
    assert '| mmseg.BEiT | - | works |  |' in text
    assert '- OneDL: cannot 1.\n- upstream: cannot 1.\n' in text


def test_reasons_of_each_stack(zoo):
    known = {
        'onedl': {'ann': dict(config='a/b.py', result='works', reason='')},
        'openmmlab': {
            'ann': dict(config='a/c.py', result='cannot', reason='E: no')
        },
    }
    table = sys.modules['zoo_table'].table('family', ['ann'], known)
    row = '| ann<br>`b`<br>`c` | works | cannot | upstream: `E: no` |'
    assert table.split('\n')[-1] == row


def test_a_long_reason_is_cut(zoo):
    code = sys.modules['zoo_table'].code
    assert code('x' * 200) == f'`{"x" * 160} ...`'
    alone = ' (without mmseg_wsss too)'
    assert code(f'{"x" * 200}{alone}') == f'`{"x" * 160} ...`{alone}'


def test_the_page_is_of_the_results(zoo):
    results = ROOT / 'benchmarks' / 'results' / 'zoo.json'
    page = (ROOT / 'docs' / 'compatibility.md').read_text()
    assert page == sys.modules['zoo_table'].page(
        json.loads(results.read_text())
    )
