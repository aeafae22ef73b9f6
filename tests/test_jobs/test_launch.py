"""Starting ranks on a machine without an accelerator."""

import pytest
import torch
from mmengine.config import Config

from mmseg_wsss.jobs import launch
from tests.test_compat import ROOT, run

LAUNCH = """
import sys
from mmengine.dist import all_gather, get_world_size
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg_wsss.jobs import launch
from tests.test_compat import toy_config, torch

torch.set_num_threads(1)
cfg = Config({'env_cfg': {'dist_cfg': {'backend': 'nccl', 'timeout': 60}}})
launch.prepare_launch(cfg, 'pytorch')
config = toy_config(sys.argv[1], 2, launcher='pytorch', cfg=cfg)
runner = Runner(**config, env_cfg=cfg.env_cfg)
runner.train()
first, second = all_gather(next(runner.model.parameters()).detach())
assert torch.equal(first, second)
assert runner.iter == 4, runner.iter
assert type(runner.model).__name__ == 'MMDistributedDataParallel'
sys.stdout.write(f'{get_world_size()} ranks\\n')
launch.exit_process()
"""


class TestPrepareLaunch:
    @pytest.fixture(autouse=True)
    def on_cpu(self, monkeypatch):
        monkeypatch.setattr(launch, 'get_device', lambda: 'cpu')
        names = ['RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT']
        for name in [*names, *launch._LOCAL_RANK.values()]:
            monkeypatch.setenv(name, 'set so that it is restored')
            monkeypatch.delenv(name)

    @pytest.fixture
    def started(self, monkeypatch):
        calls = []
        monkeypatch.setattr(launch, 'start_gloo', lambda *a: calls.append(a))
        return calls

    def test_nothing_to_do_without_launcher(self):
        cfg = Config({'sync_bn': 'torch'})
        launch.prepare_launch(cfg, 'none')
        assert cfg.to_dict() == {'sync_bn': 'torch'}

    def test_nothing_to_do_on_an_accelerator(self, monkeypatch, started):
        monkeypatch.setattr(launch, 'get_device', lambda: 'cuda')
        cfg = Config({})
        launch.prepare_launch(cfg, 'pytorch')
        assert cfg.to_dict() == {}
        assert not started

    @pytest.mark.parametrize(
        ('launcher', 'variable'),
        [
            ('pytorch', 'LOCAL_RANK'),
            ('slurm', 'SLURM_LOCALID'),
            ('mpi', 'OMPI_COMM_WORLD_LOCAL_RANK'),
        ],
    )
    def test_a_gpu_for_each_rank(self, monkeypatch, launcher, variable):
        monkeypatch.setattr(launch, 'get_device', lambda: 'cuda')
        monkeypatch.setattr(launch.torch.cuda, 'device_count', lambda: 2)
        for rank in '01':
            monkeypatch.setenv(variable, rank)
            launch.check_local_device(launcher)
        monkeypatch.setenv(variable, '2')
        launch.check_local_device('none')
        with pytest.raises(ValueError, match=r'rank 2 .* sees 2:'):
            launch.check_local_device(launcher)
        with monkeypatch.context() as gloo:
            gloo.setattr(launch.dist, 'is_initialized', lambda: True)
            launch.check_local_device(launcher)
        # A driver too old for this PyTorch.
        monkeypatch.setattr(launch, 'get_device', lambda: 'cpu')
        launch.check_local_device(launcher)

    def test_config_for_cpu_ranks(self, started):
        norm = {'type': 'SyncBN', 'requires_grad': True}
        heads = [{'norm_cfg': dict(norm)}]
        cfg = Config(
            {
                'env_cfg': {'dist_cfg': {'backend': 'nccl', 'timeout': 90}},
                'find_unused_parameters': True,
                'sync_bn': 'torch',
                'model': {'backbone': {'norm_cfg': norm}, 'heads': heads},
            }
        )
        launch.prepare_launch(cfg, 'pytorch')
        assert started == [('pytorch', 90)]
        assert cfg.env_cfg.dist_cfg.backend == 'gloo'
        assert cfg.model_wrapper_cfg.type == 'MMDistributedDataParallel'
        assert cfg.model_wrapper_cfg.device_ids is None
        assert cfg.model_wrapper_cfg.find_unused_parameters is True
        assert cfg.model.backbone.norm_cfg.type == 'BN'
        assert cfg.model.heads[0].norm_cfg.type == 'BN'
        assert 'sync_bn' not in cfg

    def test_own_wrapper_is_kept(self, started):
        wrapper = {'type': 'MMSeparateDistributedDataParallel'}
        cfg = Config({'model_wrapper_cfg': wrapper})
        launch.prepare_launch(cfg, 'pytorch')
        assert cfg.model_wrapper_cfg == {**wrapper, 'device_ids': None}

    def test_unknown_launcher(self):
        with pytest.raises(ValueError, match='unknown launcher'):
            launch.prepare_launch(Config({}), 'horovod')

    def test_not_started_by_a_launcher(self):
        with pytest.raises(ValueError, match=r'RANK.*torchrun'):
            launch.prepare_launch(Config({}), 'pytorch')

    @pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
    def test_other_launchers_need_gpus(self, launcher):
        with pytest.raises(ValueError, match=r'needs GPUs.*torchrun'):
            launch.prepare_launch(Config({}), launcher)

    def test_other_launchers_on_gpus(self, monkeypatch):
        calls = []
        monkeypatch.setattr(launch, 'get_device', lambda: 'cuda')
        monkeypatch.setattr(launch.torch.cuda, 'device_count', lambda: 1)
        monkeypatch.setattr(launch, 'set_multi_processing', lambda **_: None)
        monkeypatch.setattr(
            launch, 'init_dist', lambda *a, **k: calls.append((a, k))
        )
        launch.start_gloo('slurm', 60)
        launch.start_gloo('mpi')
        assert calls == [
            (('slurm',), dict(backend='gloo', timeout=60)),
            (('mpi',), dict(backend='gloo')),
        ]
        monkeypatch.setenv('SLURM_LOCALID', '1')
        with pytest.raises(ValueError, match='no GPU for rank 1'):
            launch.start_gloo('slurm')

    def test_gloo_and_exit(self, monkeypatch):
        values = dict(RANK=0, LOCAL_RANK=0, WORLD_SIZE=1)
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setenv('MASTER_ADDR', 'localhost')
        monkeypatch.setenv('MASTER_PORT', '0')
        launch.start_gloo('pytorch', timeout=60)
        try:
            assert torch.distributed.get_backend() == 'gloo'
            launch.start_gloo('pytorch')
            # A tool exits at once, with its exit code.
            calls = []
            monkeypatch.setattr(launch.os, '_exit', calls.append)
            # The log files of this process stay open: other tests use them.
            monkeypatch.setattr(
                launch.logging, 'shutdown', lambda: calls.append('logs')
            )
            with pytest.raises(SystemExit):
                launch.exit_process(3)
            assert calls == ['logs', 3]
        finally:
            torch.distributed.destroy_process_group()
        with pytest.raises(SystemExit, match='4'):
            launch.exit_process(4)

    @pytest.mark.slow
    def test_two_ranks_train(self, tmp_path):
        script = tmp_path / 'train.py'
        script.write_text(LAUNCH)
        torchrun = '-m torch.distributed.run --standalone --nproc_per_node 2'
        code, output = run(
            *torchrun.split(), str(script), str(tmp_path), PYTHONPATH=str(ROOT)
        )
        assert code == 0, output
        assert output.count('2 ranks\n') == 2, output


class TestStartRanks:
    @pytest.fixture
    def calls(self, monkeypatch):
        calls = []

        def record(name):
            return lambda *args, **kwargs: calls.append((name, args, kwargs))

        monkeypatch.setattr(launch, 'init_dist', record('init_dist'))
        monkeypatch.setattr(launch, 'set_multi_processing', record('mp'))
        return calls

    def test_as_the_runner_does(self, calls):
        env_cfg = dict(
            mp_cfg=dict(mp_start_method='fork'),
            dist_cfg=dict(backend='nccl', timeout=60),
        )
        launch.start_ranks(Config(dict(launcher='slurm', env_cfg=env_cfg)))
        assert calls == [
            ('mp', (), dict(mp_start_method='fork', distributed=True)),
            ('init_dist', ('slurm',), dict(backend='nccl', timeout=60)),
        ]

    def test_nothing_to_do(self, calls, monkeypatch):
        launch.start_ranks(Config(dict(launcher='none')))
        monkeypatch.setattr(launch.dist, 'is_initialized', lambda: True)
        launch.start_ranks(Config(dict(launcher='pytorch')))
        assert not calls
