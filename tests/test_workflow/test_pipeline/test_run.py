"""Running stages: skipped, resumed, repeated, failed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from zipfile import ZipFile

import pytest

from mmseg_wsss.io import lock
from mmseg_wsss.io.lock import exclusive_lock
from mmseg_wsss.workflow.pipeline import (
    Launch,
    StageFailedError,
    StageFolder,
    plan_states,
    read_plan,
    run,
    run_command,
    table,
    write_summary,
)
from mmseg_wsss.workflow.pipeline.run import failure
from tests.test_workflow.test_pipeline import fake
from tests.test_workflow.test_pipeline.test_plan import edit

ROOT = Path(__file__).resolve().parents[3]
ALL = ['classifier', 'cams', 'refine', 'segmentor', 'evaluate']


@pytest.fixture
def pipeline(tmp_path):
    return fake.make(tmp_path)


def stages_run(root):
    return [call['stage'] for call in fake.calls(root)]


def states(pipeline, first=None, **options):
    plan = read_plan(pipeline, options, pipeline.parent / 'work')
    return {n: tuple(s) for n, s in plan_states(plan, first).items()}


def test_a_run_passes_on_what_was_made(pipeline):
    root, work = pipeline.parent, pipeline.parent / 'work'
    assert all(s == ('to do', '') for s in states(pipeline).values())
    said = fake.run(pipeline)
    calls = {call['stage']: call for call in fake.calls(root)}
    assert list(calls) == ALL
    assert calls['cams']['argv'][1] == f'{work}/classifier/epoch_3.pth'
    steps = calls['refine']['cfg']['refine_pipeline']
    assert steps[0]['cam_dir'] == f'{work}/cams/cams'
    dataset = calls['segmentor']['cfg']['train_dataloader']['dataset']
    assert dataset['data_prefix']['seg_map_path'] == f'{work}/refine/labels'
    assert calls['evaluate']['argv'][1] == f'{work}/segmentor/epoch_3.pth'
    assert '   aAcc 70.1, mIoU 45.97' in said
    assert sum('Epoch(val) [3][6/6]' in line for line in said) == 2
    record = json.loads((work / 'refine' / 'stage.json').read_text())
    assert record['figures'] == {'mIoU': 48.41, 'FP': 30.66, 'FN': 20.92}
    assert record['outputs'] == {'labels': {'path': 'labels', 'files': 5}}
    assert not list(work.glob('*/begun.json'))


def test_finished_stages_are_skipped(pipeline):
    fake.run(pipeline)
    fake.calls(pipeline.parent)
    assert {s[0] for s in states(pipeline).values()} == {'finished'}
    fake.run(pipeline)
    assert not stages_run(pipeline.parent)


def test_a_change_makes_a_stage_and_what_follows_anew(pipeline):
    root, work = pipeline.parent, pipeline.parent / 'work'
    fake.run(pipeline)
    fake.calls(root)
    edit(root / 'crf.py', 'alpha=2', 'alpha=3')
    assert states(pipeline) == {
        'classifier': ('finished', ''),
        'cams': ('finished', ''),
        'refine': ('to do', 'its config or an input file changed'),
        'segmentor': ('to do', 'refine runs before'),
        'evaluate': ('to do', 'segmentor runs before'),
    }
    said = fake.run(pipeline)
    calls = fake.calls(root)
    assert [call['stage'] for call in calls] == ALL[2:]
    # Not resumed: what was there is elsewhere.
    assert not calls[1]['cfg'].get('resume')
    names = [p.name.rpartition('_')[0] for p in (work / 'old').iterdir()]
    assert sorted(names) == sorted(ALL[2:])
    assert any('refine has run again; its old' in line for line in said)
    # The labels change everything.
    (root / 'labels.json').write_text('{"0": ["cat"]}')
    fake.run(pipeline)
    assert stages_run(root) == ALL


def test_a_stage_made_again_is_news_to_those_behind(pipeline):
    root, work = pipeline.parent, pipeline.parent / 'work'
    fake.run(pipeline)
    fake.calls(root)
    # The same config, but another result.
    (work / 'cams').rename(root / 'away')
    fake.run(pipeline)
    assert stages_run(root) == ALL[1:]


def test_a_switch_runs_only_what_it_touches(pipeline):
    fake.run(pipeline)
    fake.calls(pipeline.parent)
    fake.run(pipeline, **{'use.ocr': True})
    assert stages_run(pipeline.parent) == ['segmentor', 'evaluate']
    fake.run(pipeline, **{'use.ocr': True, 'use.refine': False})
    assert stages_run(pipeline.parent) == ['segmentor', 'evaluate']


def test_lost_files_are_made_again_in_place(pipeline):
    root, work = pipeline.parent, pipeline.parent / 'work'
    fake.run(pipeline)
    fake.calls(root)
    (work / 'refine' / 'labels' / '3.png').unlink()
    assert states(pipeline)['refine'] == ('resume', 'files are missing')
    fake.run(pipeline)
    assert stages_run(root) == ALL[2:]
    assert len(list((work / 'refine' / 'labels').iterdir())) == 5


def test_a_failure_says_which_why_and_what_to_do(pipeline):
    root, work = pipeline.parent, pipeline.parent / 'work'
    fake.orders(root, segmentor='fail')
    with pytest.raises(StageFailedError) as failure:
        fake.run(pipeline)
    text = str(failure.value)
    cause = 'ValueError: the cat is not a dog'
    assert f'stage segmentor failed: it ended with 1 ({cause}). ' in text
    assert f'   | {cause}' in text
    assert f'{work}/segmentor/output.log' in text
    assert 'rerun the same command' in text
    assert stages_run(root) == ALL[:4]
    assert states(pipeline)['segmentor'] == ('resume', 'it was stopped')
    # Fixed: it is resumed from its own checkpoint.
    fake.orders(root)
    fake.run(pipeline)
    train, _ = fake.calls(root)
    assert train['stage'] == 'segmentor' and train['cfg']['resume']
    assert train['cfg']['load_from'] == f'{work}/segmentor/epoch_2.pth'
    record = json.loads((work / 'segmentor' / 'stage.json').read_text())
    assert record['stopped_before']


@pytest.mark.parametrize(
    ('lines', 'cause'),
    [
        (['error: no batch', 'more', 'x.ChildFailedError: '], ' (error: no b'),
        (['[rank1]: x.MyError: bad', *['more'] * 40], ' (x.MyError: bad). '),
        (['ValueError: of an earlier run', '$ python x'], '. The'),
        (['no Error: here'], '. The'),
    ],
)
def test_the_error_above_what_a_launcher_adds(pipeline, lines, cause):
    plan = read_plan(pipeline)
    folder = StageFolder(pipeline.parent / 'failed')
    folder.path.mkdir()
    folder.log.write_text('\n'.join(lines))
    text = failure(plan.stages['segmentor'], folder, 'ended with 1')
    assert f'stage segmentor failed: it ended with 1{cause}' in text


@pytest.mark.parametrize(
    ('whole', 'half', 'note', 'expected'),
    [
        (['epoch_1', 'epoch_2'], [], 'epoch_2', 'epoch_2'),
        (['epoch_1', 'epoch_2'], [], 'epoch_1', 'epoch_1'),
        # Killed while the next was written, the noted one being removed.
        (['epoch_2'], ['epoch_3'], 'epoch_1', 'epoch_2'),
        (['iter_500', 'best_mIoU_iter_900'], [], None, 'iter_500'),
        ([], ['epoch_1'], 'epoch_1', None),
        ([], [], None, None),
    ],
)
def test_the_checkpoint_of_a_killed_training(
    tmp_path, whole, half, note, expected
):
    for name in whole:
        with ZipFile(tmp_path / f'{name}.pth', 'w') as file:
            file.writestr('data', 'x')
    for name in half:
        (tmp_path / f'{name}.pth').write_bytes(b'PK\x03\x04 and no end')
    if note:
        (tmp_path / 'last_checkpoint').write_text(f'/moved/since/{note}.pth')
    found = StageFolder(tmp_path).resume_from
    assert (found and found.stem) == expected


def test_a_training_without_checkpoint_says_that_it_restarts(pipeline):
    root, work = pipeline.parent, pipeline.parent / 'work'
    fake.orders(root, classifier='fail')
    with pytest.raises(StageFailedError):
        fake.run(pipeline)
    fake.orders(root)
    for file in (work / 'classifier').glob('epoch_*.pth'):
        file.write_text('half')
    assert any(
        'restarts: it was stopped' in line for line in fake.run(pipeline)
    )


def test_a_stopped_stage_with_another_config_begins_anew(pipeline):
    root = pipeline.parent
    fake.orders(root, classifier='fail')
    with pytest.raises(StageFailedError):
        fake.run(pipeline)
    fake.orders(root)
    fake.calls(root)
    edit(root / 'cam.py', 'width=1', 'width=2')
    fake.run(pipeline)
    assert not fake.calls(root)[0]['cfg'].get('resume')


def test_a_tool_that_makes_nothing_has_failed(pipeline):
    fake.orders(pipeline.parent, refine='nothing')
    with pytest.raises(StageFailedError, match='refine failed: it left no'):
        fake.run(pipeline)


@pytest.mark.slow
def test_a_killed_run_goes_on(pipeline):
    """SIGKILL to all processes in the middle of a training."""
    root, work = pipeline.parent, pipeline.parent / 'work'
    fake.orders(root, segmentor='hang')
    command = [
        sys.executable,
        '-m',
        'tests.test_workflow.test_pipeline.fake',
        pipeline,
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (work / 'segmentor' / 'epoch_2.pth').is_file():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert stages_run(root) == ALL[:4]
    fake.orders(root)
    fake.run(pipeline)
    train, test = fake.calls(root)
    assert train['cfg']['load_from'] == f'{work}/segmentor/epoch_2.pth'
    assert test['argv'][1] == f'{work}/segmentor/epoch_3.pth'


def test_an_interrupted_run_ends_the_tool(tmp_path, monkeypatch):
    monkeypatch.setattr(run, 'INTERVAL', 0)
    code = 'import time; print("1 of 2 images, 3 per minute"); time.sleep(60)'
    said = []

    def interrupt(line):
        said.append(line)
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_command([sys.executable, '-c', code], tmp_path / 'log', interrupt)
    assert said == ['   1 of 2 images, 3 per minute']
    assert time.monotonic() - start < 30


def test_the_best_checkpoint_is_given_on(pipeline):
    root, work = pipeline.parent, pipeline.parent / 'work'
    edit(pipeline, 'classifier=dict(', "classifier=dict(choose='best',")
    with pytest.raises(StageFailedError, match='left no checkpoint'):
        fake.run(pipeline)
    (work / 'classifier' / 'best_mIoU_epoch_1.pth').write_text('x')
    fake.run(pipeline)
    best = f'{work}/classifier/best_mIoU_epoch_1.pth'
    assert fake.calls(root)[-4]['argv'][1] == best
    # Going on, a finished training would not find it again.
    Path(best).unlink()
    assert states(pipeline)['classifier'] == ('to do', 'files are missing')


def test_beginning_later_takes_what_is_there(pipeline):
    fake.run(pipeline)
    edit(pipeline.parent / 'cam.py', 'width=1', 'width=2')
    assert states(pipeline)['cams'][0] == 'to do'
    later = states(pipeline, first='refine')
    assert later['cams'] == ('finished', 'taken as it is')
    assert later['refine'] == ('finished', '')


def test_table_and_summary(pipeline):
    fake.run(pipeline, **{'use.refine': False})
    options = {'use.refine': False}
    plan = read_plan(pipeline, options, pipeline.parent / 'work')
    content = write_summary(plan)
    stored = json.loads((plan.work_dir / 'pipeline.json').read_text())
    assert stored == content
    assert [s['name'] for s in stored['stages']] == ALL
    assert stored['stages'][3]['upstream'] == ['cams']
    lines = table(content).splitlines()
    assert lines[0].split() == ['stage', 'seconds', 'made', 'figures']
    assert '5 cams, 5 labels' in lines[2] and 'mIoU 48.41' in lines[2]
    assert lines[3].split() == ['refine', 'off']
    assert 'epoch_3.pth' in lines[4]


def test_the_summary_leaves_out_what_would_run_again(pipeline):
    fake.run(pipeline)
    edit(pipeline.parent / 'crf.py', 'alpha=2', 'alpha=3')
    plan = read_plan(pipeline, {}, pipeline.parent / 'work')
    content = write_summary(plan)
    known = [s['name'] for s in content['stages'] if s['record']]
    assert known == ALL[:2]
    rows = [line.split() for line in table(content).splitlines()]
    assert rows[3:] == [[name, '-'] for name in ALL[2:]]
    # As --from has it.
    content = write_summary(plan, 'segmentor')
    known = [s['name'] for s in content['stages'] if s['record']]
    assert known == ALL


def test_damaged_records_are_named(pipeline):
    fake.run(pipeline)
    (pipeline.parent / 'work' / 'cams' / 'stage.json').write_text('{')
    with pytest.raises(ValueError, match=r'stage.json is damaged'):
        states(pipeline)


def test_launchers(tmp_path):
    tools = Path('/tools')
    words = ['config.py', '--work-dir', 'x']
    plain = Launch(tools=tools).command('train.py', words)
    assert plain == [sys.executable, '/tools/train.py', *words]
    torchrun = Launch('pytorch', 8, tools=tools).command('train.py', words)
    assert torchrun == [
        *(sys.executable, '-m', 'torch.distributed.run', '--standalone'),
        *('--nproc_per_node=8', '/tools/train.py', *words),
        *('--launcher', 'pytorch'),
    ]
    shared = Launch('pytorch', 8, tools=tools, split_batch=True)
    assert shared.command('train.py', words) == [*torchrun, '--split-batch']
    assert '--split-batch' not in shared.command('test.py', words)
    slurm = Launch('slurm', 4, ('-p', 'gpu'), tools=tools)
    assert slurm.command('test.py', words) == [
        *('srun', '--ntasks=4', '--kill-on-bad-exit=1', '-p', 'gpu'),
        *(sys.executable, '-u', '/tools/test.py', *words),
        *('--launcher', 'slurm'),
    ]
    for bad in (('none', 2), ('pytorch', 0), ('fork', 1)):
        with pytest.raises(ValueError, match=r'launcher|gpus'):
            Launch(*bad)


def test_workers_reach_every_tool(pipeline):
    from mmseg_wsss.workflow.pipeline import run_stage

    root = pipeline.parent
    plan = read_plan(pipeline, {}, root / 'work')
    launch = Launch(tools=root / 'tools', num_workers=0)
    for stage in plan.on:
        run_stage(plan, stage, launch, str)
    calls = {call['stage']: call for call in fake.calls(root)}
    assert calls['refine']['argv'][-2:] == ['--num-workers', '0']
    for name, part in (('classifier', 'train'), ('evaluate', 'test')):
        loader = calls[name]['cfg'][f'{part}_dataloader']
        assert loader['num_workers'] == 0
        assert loader['persistent_workers'] is False
    # Who does the work makes no difference to what comes out.
    assert {s[0] for s in states(pipeline).values()} == {'finished'}


def test_a_training_logs_scalars(pipeline):
    root = pipeline.parent
    local, other = dict(type='LocalVisBackend'), dict(type='WandbVisBackend')
    mine = dict(type='SegLocalVisualizer', vis_backends=[other])
    (root / 'ce.py').write_text(
        (root / 'ce.py').read_text() + f'visualizer = {mine}\n'
    )
    fake.run(pipeline)
    calls = {call['stage']: call['cfg'] for call in fake.calls(root)}
    assert calls['classifier']['visualizer'] == dict(
        type='Visualizer', vis_backends=[local]
    )
    assert calls['segmentor']['visualizer'] == dict(
        mine, vis_backends=[other, local]
    )
    assert 'visualizer' not in calls['cams']


def test_records_are_those_of_version_0_1(pipeline):
    """A work dir of an older version is resumed: same files and keys.

    Only figures_of is new.
    """
    root, work = pipeline.parent, pipeline.parent / 'work'
    fake.orders(root, segmentor='fail')
    with pytest.raises(StageFailedError):
        fake.run(pipeline)
    finished = json.loads((work / 'cams' / 'stage.json').read_text())
    assert list(finished) == [
        *('stage', 'hash', 'upstream', 'figures_of', 'id', 'outputs'),
        *('figures', 'seconds', 'stopped_before'),
    ]
    started = json.loads((work / 'segmentor' / 'begun.json').read_text())
    assert list(started) == ['stage', 'hash', 'upstream', 'figures_of']
    upstream = json.loads((work / 'classifier' / 'stage.json').read_text())
    assert finished['upstream'] == {'classifier': upstream['id']}
    assert (work / 'segmentor' / 'output.log').is_file()
    assert (work / 'segmentor' / 'config.py').is_file()


def test_one_run_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, 'PATIENCE', 0.1)
    with (
        exclusive_lock(tmp_path),
        pytest.raises(RuntimeError, match='another run is at work'),
        exclusive_lock(tmp_path),
    ):
        pass
    with exclusive_lock(tmp_path):
        pass
