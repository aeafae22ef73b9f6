"""mmseg_wsss.compat: stack checks, resuming, config scopes, CPU ranks."""

import ast
import importlib
import importlib.metadata
import io
import os
import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.testing.runner_test_case import ToyDataset, ToyModel

from mmseg_wsss import compat

ROOT = Path(__file__).parents[1]


def run(*command, **env):
    """Run Python in a clean environment; return (exit code, output)."""
    keep = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    done = subprocess.run(
        [sys.executable, *command],
        env=keep | {'CUDA_VISIBLE_DEVICES': ''} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout


class TestSharedCpu:
    @pytest.mark.parametrize('policy', ['PASSIVE', 'ACTIVE'])
    def test_only_an_unset_policy_is_set(self, monkeypatch, policy):
        monkeypatch.delenv('OMP_WAIT_POLICY', raising=False)
        if policy == 'ACTIVE':
            monkeypatch.setenv('OMP_WAIT_POLICY', policy)
        compat.share_cpu()
        assert os.environ['OMP_WAIT_POLICY'] == policy

    @pytest.mark.parametrize('tool', sorted((ROOT / 'tools').rglob('*.py')))
    def test_tools_import_it_before_torch(self, tool):
        names = []
        for node in ast.parse(tool.read_text()).body:
            if isinstance(node, ast.Import):
                names += [alias.name.split('.')[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names.append(node.module.split('.')[0])
        late = {'torch', 'torchvision', 'mmengine', 'mmcv', 'mmseg', 'cv2'}
        if late & {*names}:
            assert 'mmseg_wsss' in names
            before = names[: names.index('mmseg_wsss')]
            assert not late & {*before}


class TestStack:
    def test_name_follows_the_installed_packages(self):
        try:
            importlib.metadata.version('onedl-mmengine')
            expected = 'onedl'
        except importlib.metadata.PackageNotFoundError:
            expected = 'openmmlab'
        assert compat.stack_name() == expected

    def test_this_environment_passes_without_a_word(self, capfd):
        with warnings.catch_warnings():
            warnings.simplefilter('error', UserWarning)
            compat.check_stack()
        assert capfd.readouterr() == ('', '')

    def test_missing_and_old_packages_in_one_error(self, monkeypatch):
        found = {'mmengine': '0.10.7', 'mmcv': '1.7.1', 'mmseg': None}
        monkeypatch.setattr(compat, '_installed_version', found.get)
        with pytest.raises(ImportError) as error:
            compat.check_stack()
        text = str(error.value)
        assert 'mmcv>=2.0.0 (1.7.1)' in text
        assert 'mmseg>=1.2.0 (not installed)' in text
        assert 'mmengine>=' not in text
        assert 'Found: mmengine 0.10.7, mmcv 1.7.1.' in text
        assert 'pip install "mmseg_wsss[onedl]"' in text
        assert 'pip install "mmseg_wsss[openmmlab]"' in text

    def test_nothing_installed(self, monkeypatch):
        monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
        with pytest.raises(ImportError, match=r'Found: none\.'):
            compat.check_stack()

    def test_leftover_folder_counts_as_missing(self, tmp_path, monkeypatch):
        (tmp_path / 'mmleft').mkdir()
        monkeypatch.syspath_prepend(tmp_path)
        assert compat._installed_version('mmleft') is None

    def test_version_of_a_checkout_without_metadata(
        self, tmp_path, monkeypatch
    ):
        (tmp_path / 'mmplain.py').write_text("__version__ = '3.2.1'")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setitem(compat._DISTRIBUTIONS, 'mmplain', ('no-such',))
        assert compat._installed_version('mmplain') == '3.2.1'

    def test_newer_packages_only_warn(self, monkeypatch):
        found = {'mmengine': '1.0.0', 'mmcv': '2.1.0', 'mmseg': '1.2.2'}
        monkeypatch.setattr(compat, '_installed_version', found.get)
        with pytest.warns(UserWarning, match=r'mmengine 1\.0\.0') as record:
            compat.check_stack()
        assert len(record) == 1

    def test_mmcv_refused_by_mmseg(self, monkeypatch):
        real = importlib.import_module

        def refuse(name):
            if name == 'mmseg':
                raise AssertionError('MMCV==2.2.0 is incompatible')
            return real(name)

        monkeypatch.setattr(importlib, 'import_module', refuse)
        with pytest.raises(ImportError, match=r'MMCV==2\.2\.0 is incompat'):
            compat.check_stack()

    @pytest.mark.parametrize(
        ('text', 'numbers'),
        [('2.14.1+cpu', (2, 14, 1)), ('2.0.0rc4', (2, 0, 0)), ('', ())],
    )
    def test_release(self, text, numbers):
        assert compat._release(text) == numbers


class TestQuietImport:
    def test_only_chatter_is_dropped(self, capsys):
        with compat.quiet_import():
            print('Could not import OneDL')
            print('downloading', end='')
            print(' 3 files\nCould not import OneDL')
            print('done', end='')
        assert capsys.readouterr().out == 'downloading 3 files\ndone'

    def test_only_the_known_warning_is_dropped(self):
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter('always')
            with compat.quiet_import():
                warnings.warn(
                    'Fail to import ``MultiScaleDeformableAttention``'
                )
                warnings.warn('something else')
        assert [str(w.message) for w in record] == ['something else']

    def test_errors_come_through(self):
        stdout = sys.stdout
        with (
            pytest.raises(ModuleNotFoundError, match='no_such_module'),
            compat.quiet_import(),
        ):
            importlib.import_module('no_such_module')
        assert sys.stdout is stdout


@pytest.fixture
def safe_globals():
    """Start with torch's own list of safe names and restore it afterwards."""
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    yield
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(before)


def toy_config(work_dir, epochs, **more):
    loader = {
        'dataset': ToyDataset(),
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        'batch_size': 4,
        'num_workers': 0,
    }
    optimizer = {'type': 'SGD', 'lr': 0.01, 'momentum': 0.9}
    return {
        'model': ToyModel(),
        'work_dir': str(work_dir),
        'train_dataloader': loader,
        'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': optimizer},
        'param_scheduler': {'type': 'MultiStepLR', 'milestones': [1]},
        'train_cfg': {'by_epoch': True, 'max_epochs': epochs},
        'default_hooks': {'logger': {'type': 'LoggerHook', 'interval': 1}},
        'log_level': 'ERROR',
        **more,
    }


class NumpyScore(Hook):
    """Leave numpy values where best scores and the like are stored."""

    def before_save_checkpoint(self, runner, checkpoint):
        checkpoint['meta']['score'] = np.float64(0.5)
        checkpoint['meta']['counts'] = np.arange(3, dtype=np.uint8)
        checkpoint['meta']['classes'] = np.array(['cat', 'dog'])


@pytest.mark.skipif(
    compat._release(torch.__version__) < (2, 6),
    reason='torch refuses unknown names from 2.6 on',
)
@pytest.mark.usefixtures('safe_globals')
class TestAllowResume:
    def test_runner_resumes(self, tmp_path):
        name = f'first_{tmp_path.name}'
        config = toy_config(tmp_path, 2, experiment_name=name)
        Runner(**config, custom_hooks=[NumpyScore()]).train()
        file = tmp_path / 'epoch_2.pth'
        with pytest.raises(pickle.UnpicklingError):
            torch.load(file, weights_only=True)

        compat.allow_resume()
        loaded = torch.load(file, weights_only=True)
        assert loaded['meta']['score'] == 0.5
        assert loaded['meta']['counts'].tolist() == [0, 1, 2]
        loss = loaded['message_hub']['log_scalars']['train/loss']
        assert len(loss.data[0]) == 6

        name = f'second_{tmp_path.name}'
        config = toy_config(tmp_path, 3, experiment_name=name, resume=True)
        runner = Runner(**config)
        runner.train()
        assert (runner.epoch, runner.iter) == (3, 9)
        history = runner.message_hub.get_scalar('train/loss').data[0]
        assert len(history) == 9

    @pytest.mark.parametrize('core', [b'numpy.core', b'numpy._core'])
    def test_files_of_numpy_1_and_2(self, core):
        value = {'score': np.float64(0.5), 'ids': np.arange(4)}
        file = io.BytesIO()
        torch.save(value, file, _use_new_zipfile_serialization=False)
        for written in (b'cnumpy.core', b'cnumpy._core'):
            data = file.getvalue().replace(written, b'c' + core)
            file = io.BytesIO(data)
        assert core + b'.multiarray' in data
        compat.allow_resume()
        loaded = torch.load(file, weights_only=True)
        assert loaded['score'] == 0.5
        assert loaded['ids'].tolist() == [0, 1, 2, 3]

    def test_other_names_stay_refused(self):
        class Evil:
            def __reduce__(self):
                return getattr, (np.ndarray, 'tofile')

        file = io.BytesIO()
        torch.save(Evil(), file)
        file.seek(0)
        compat.allow_resume()
        with pytest.raises(pickle.UnpicklingError, match='refused'):
            torch.load(file, weights_only=True)

    def test_nothing_to_do_on_older_torch(self, monkeypatch):
        monkeypatch.setattr(torch, '__version__', '2.5.1+cu121')
        compat.allow_resume()
        assert torch.serialization.get_safe_globals() == []


def test_runner_resumes_on_every_torch(tmp_path):
    compat.allow_resume()
    for epochs in (1, 2):
        name = f'{epochs}_{tmp_path.name}'
        config = toy_config(tmp_path, epochs, experiment_name=name)
        runner = Runner(**config, resume=True, custom_hooks=[NumpyScore()])
        runner.train()
    history = runner.message_hub.get_scalar('train/loss').data[0]
    assert len(history) == 6


class TestConfigScopes:
    def test_base_from_mmseg(self, tmp_path):
        file = tmp_path / 'a.py'
        file.write_text("_base_ = ['mmseg::_base_/default_runtime.py']\n")
        assert compat.load_config(file).default_scope == 'mmseg'

    def test_base_from_this_package(self, tmp_path):
        package = tmp_path / 'mmseg_wsss'
        configs = package / '.mim' / 'configs' / '_base_'
        configs.mkdir(parents=True)
        for name in ('compat.py', 'version.py'):
            shutil.copy(ROOT / 'mmseg_wsss' / name, package)
        (package / '__init__.py').touch()
        (package / '.mim' / 'model-index.yml').write_text('Import: []\n')
        (configs / 'm.py').write_text(
            "model = dict(type='EncoderDecoder', heads=[dict(type='A')])\n"
        )
        (tmp_path / 'a.py').write_text("_base_ = ['mmseg_wsss::_base_/m.py']")
        script = tmp_path / 'load.py'
        script.write_text(
            'from mmseg_wsss.compat import load_config\n'
            f'print(load_config({str(tmp_path / "a.py")!r})._cfg_dict)\n'
        )
        code, output = run(str(script))
        assert code == 0, output
        (shown,) = [line for line in output.splitlines() if line[:1] == '{']
        assert "'type': 'EncoderDecoder'" in shown
        assert "'_scope_': 'mmseg'" in shown
        assert 'mmseg_wsss' not in shown


def test_find_steps():
    load = dict(type='mmseg.LoadAnnotations')
    flips = [dict(type='RandomFlip'), load]
    pipeline = [dict(type='LoadAnnotations'), dict(type='MyLoadAnnotations')]
    pipeline.append(dict(type='TestTimeAug', transforms=[flips]))
    found = compat.find_steps(pipeline, 'LoadAnnotations')
    assert [id(step) for step in found] == [id(pipeline[0]), id(load)]
    assert compat.find_steps([dict(prob=1)], 'RandomFlip') == []
    assert compat.is_type(load, 'LoadAnnotations')
    assert not compat.is_type(load, 'Annotations')


def test_unwrap():
    class Wrapper(torch.nn.Module):
        test_step = None  # BaseTTAModel checks that there is one

        def __init__(self, module):
            super().__init__()
            self.module = module

    from mmengine.model import BaseTTAModel
    from mmengine.registry import MODEL_WRAPPERS

    class TTA(BaseTTAModel):
        def merge_preds(self, data_samples_list):
            return data_samples_list

    MODEL_WRAPPERS.register_module(name='TestWrapper', module=Wrapper)
    try:
        model = ToyModel()
        tta = TTA(Wrapper(model))
        assert compat.unwrap(model) is model
        assert compat.unwrap(Wrapper(tta)) is model
        assert compat.unwrap(Wrapper(tta), keep_tta=True) is tta
    finally:
        MODEL_WRAPPERS.module_dict.pop('TestWrapper')


def test_a_clone_that_is_not_installed(tmp_path, monkeypatch):
    def fromfile(path, **_):
        raise FileNotFoundError('no x/mmseg_wsss/.mim/model-index.yml')

    monkeypatch.setattr('mmengine.config.Config.fromfile', fromfile)
    (tmp_path / 'config.py').touch()
    with pytest.raises(ValueError, match=r'pip install -e \.'):
        compat.load_config(tmp_path / 'config.py')
