"""The tools as processes: train, resume, test, pseudo labels, two ranks."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from mmengine.config import Config

from tests import tiny
from tests.processes import run_python

ROOT = Path(__file__).resolve().parents[2]
ENV = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')


def call(*command, ranks=1, fails=False, hide_gpus=False):
    env = {**ENV, 'CUDA_VISIBLE_DEVICES': ''} if hide_gpus else ENV
    done = run_python(command, ROOT, env, ranks)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def metrics(work_dir):
    files = sorted(Path(work_dir).glob('*/*.json'))
    return json.loads(files[-1].read_text())


def files(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(Path(folder).rglob('*.*'))
    }


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A CAM network trained by tools/train.py, and its config file."""
    root = tmp_path_factory.mktemp('tools')
    tiny.make_dataset(root / 'tiny', count=7)
    cfg = tiny.config(root / 'tiny', tiny.cam_head(), root / 'work')
    cfg.log_level = 'INFO'
    cfg.dump(root / 'cam.py')
    output = call('tools/train.py', root / 'cam.py')
    assert 'image labels of 7 training images read' in output
    return root


def test_resume_goes_on(trained):
    output = call(
        'tools/train.py',
        trained / 'cam.py',
        '--resume',
        '--cfg-options',
        'train_cfg.max_epochs=2',
    )
    assert 'resumed epoch: 1' in output
    assert (trained / 'work' / 'epoch_2.pth').is_file()
    # A validation that may have been cut off is done again.
    steps = re.findall(r'Epoch\((train|val)\) \[(\d)\]', output)
    assert steps[0] == ('val', '1')
    assert ('train', '2') in steps and ('val', '2') in steps


def test_a_config_of_the_work_dir_stays(trained, tmp_path):
    """Resumed once, it does not resume for ever."""
    copied = shutil.copytree(trained / 'work', tmp_path / 'work') / 'cam.py'
    given = copied.read_text()
    words = ('--work-dir', tmp_path / 'work', '--resume')
    call('tools/train.py', copied, *words)
    assert copied.read_text() == given
    assert Config.fromfile(copied.with_name('last_run.py')).resume


def test_a_longer_run_needs_a_new_schedule(trained):
    def run(epochs, *words, fails=False):
        options = ['--cfg-options', f'train_cfg.max_epochs={epochs}']
        command = ['tools/train.py', trained / 'decay.py', *words, *options]
        return call(*command, fails=fails)

    cfg = Config.fromfile(trained / 'cam.py')
    cfg.work_dir = str(trained / 'decay')
    poly = dict(type='PolyLR', power=1, eta_min=0, begin=0, end=1)
    cfg.param_scheduler = [dict(poly, by_epoch=True)]
    cfg.dump(trained / 'decay.py')
    run(1)
    before = files(trained / 'decay')
    output = run(2, '--resume', fails=True)
    assert 'Traceback' not in output
    last = output.splitlines()[-1]
    assert last.startswith('error: the run to resume was made for 4 iter')
    assert 'load_from=CHECKPOINT' in last
    made = set(files(trained / 'decay')) - set(before)
    assert not [path for path in made if path.suffix == '.pth']
    run(1, '--resume')  # nothing is left to train


def test_a_training_that_began_with_another_checkpoint(trained):
    """--resume takes its own newest one, not ``load_from``."""
    first = trained / 'work' / 'epoch_1.pth'
    cfg = Config.fromfile(trained / 'cam.py')
    cfg.work_dir, cfg.load_from = str(trained / 'second'), str(first)
    cfg.train_cfg.update(max_epochs=2, val_interval=2)
    cfg.dump(trained / 'second.py')
    words = ('tools/train.py', trained / 'second.py', '--resume')
    output = call(*words)
    assert f'Load checkpoint from {first}' in output
    assert re.search(r'Epoch\(train\) \[1\]', output)
    options = ('--cfg-options', 'train_cfg.max_epochs=3')
    output = call(*words, *options)
    assert 'resumed epoch: 2' in output
    assert re.search(r'Epoch\(train\) \[3\]', output)
    # Its dumped config has resume=True, which is no matter of a test.
    dumped = next((trained / 'second').glob('*.py'))
    assert Config.fromfile(dumped).resume
    last = trained / 'second' / 'epoch_3.pth'
    away = ('--cfg-options', 'train_dataloader.dataset.ann_file=away.txt')
    call('tools/test.py', dumped, last, *away)
    gone = ('--cfg-options', 'test_dataloader.dataset.ann_file=away.txt')
    output = call('tools/test.py', dumped, last, *gone, fails=True)
    assert 'Traceback' not in output and 'is the data set in place' in output
    # What the config resumes itself, where there is nothing newer.
    elsewhere = ('--work-dir', trained / 'third', '--cfg-options')
    output = call(*words, *elsewhere, 'resume=True', 'randomness.seed=0')
    assert 'resumed epoch: 1' in output


def test_averaged_weights_are_loaded(trained):
    """EMAHook builds its copy in before_run, ahead of the checkpoint."""
    cfg = Config.fromfile(trained / 'cam.py')
    cfg.work_dir = str(trained / 'ema')
    cfg.custom_hooks.append(dict(type='EMAHook', momentum=0.5))
    cfg.dump(trained / 'ema.py')
    output = call('tools/train.py', trained / 'ema.py')
    validated = re.findall(r'mIoU: ([\d.]+)', output)[-1]
    checkpoint = trained / 'ema' / 'epoch_1.pth'
    output = call('tools/test.py', trained / 'ema.py', checkpoint)
    assert re.findall(r'mIoU: ([\d.]+)', output)[-1] == validated
    words = ('--out-dir', trained / 'ema_cams')
    call('tools/make_cams.py', trained / 'ema.py', checkpoint, *words)
    assert len(list((trained / 'ema_cams' / 'cams').glob('*.npz'))) == 7


def test_a_photo_is_moved_while_a_tool_runs(trained):
    photo = trained / 'tiny' / 'images' / 'img_3.png'
    photo.rename(trained / 'away.png')
    try:
        checkpoint = trained / 'work' / 'epoch_1.pth'
        for command, how in (
            (['train.py'], 'With --resume'),
            (['test.py', checkpoint], 'The same command starts again'),
            (['make_cams.py', checkpoint], 'The same command continues'),
        ):
            output = call(
                f'tools/{command[0]}',
                trained / 'cam.py',
                *command[1:],
                '--work-dir',
                trained / 'moved',
                '--cfg-options',
                'train_dataloader.num_workers=1',
                fails=True,
            )
            last = output.splitlines()[-1]
            assert last.startswith('error: [Errno 2] No such file')
            assert str(photo) in last and how in last
            assert 'Traceback' not in output
    finally:
        (trained / 'away.png').rename(photo)


def test_two_ranks_give_the_same_metrics_and_files(trained):
    checkpoint = trained / 'work' / 'epoch_1.pth'
    for ranks in (1, 2):
        launcher = ('--launcher', 'pytorch') if ranks > 1 else ()
        call(
            'tools/test.py',
            trained / 'cam.py',
            checkpoint,
            '--work-dir',
            trained / f'test_{ranks}',
            *launcher,
            ranks=ranks,
        )
        output = call(
            'tools/make_cams.py',
            trained / 'cam.py',
            checkpoint,
            '--out-dir',
            trained / f'pseudo_{ranks}',
            '--work-dir',
            trained / f'dump_{ranks}',
            *launcher,
            ranks=ranks,
        )
        assert 'pseudo labels of 7 images: mIoU' in output
    one, two = metrics(trained / 'test_1'), metrics(trained / 'test_2')
    for key in ('mIoU', 'OC_image_rate', 'OC_pixel_rate'):
        assert one[key] == two[key]
    single = files(trained / 'pseudo_1')
    assert len(single) == 16  # labels, CAMs, source.json, label_summary.json
    assert single == files(trained / 'pseudo_2')


def test_two_ranks_climb_to_the_same_maps(trained):
    cfg = Config.fromfile(trained / 'cam.py')
    cfg.tta_model = dict(type='mmseg_wsss.AdversarialCAMTTAModel', steps=2)
    cfg.dump(trained / 'advcam.py')
    for ranks in (1, 2):
        launcher = ('--launcher', 'pytorch') if ranks > 1 else ()
        call(
            'tools/make_cams.py',
            trained / 'advcam.py',
            trained / 'work' / 'epoch_1.pth',
            '--tta',
            '--out-dir',
            trained / f'climbed_{ranks}',
            '--work-dir',
            trained / f'climb_{ranks}',
            *launcher,
            ranks=ranks,
        )
    single = files(trained / 'climbed_1')
    assert len(single) == 16
    assert single == files(trained / 'climbed_2')


def test_dumping_goes_on_where_it_stopped(trained):
    out = trained / 'restart'
    command = (
        'tools/make_cams.py',
        trained / 'cam.py',
        trained / 'work' / 'epoch_1.pth',
        '--out-dir',
        out,
        '--work-dir',
        trained / 'dump',
    )
    call(*command)
    whole = files(out)
    (out / 'labels' / 'img_2.png').unlink()
    (out / 'cams' / 'img_5.npz').unlink()
    assert '5 of 7 images are done, 2 to do' in call(*command)
    assert files(out) == whole
    assert '7 of 7 images are done' in call(*command)
    # The Runner formats its config: what is to do must not be in it.
    cfg = Config.fromfile(trained / 'dump' / 'cam.py')
    assert cfg.test_dataloader.dataset.indices == 1
    other = list(command)
    other[2] = trained / 'work' / 'other.pth'
    shutil.copy(command[2], other[2])
    with open(other[2], 'ab') as content:
        content.write(b'0')
    assert 'another checkpoint' in call(*other, fails=True)


def test_dumping_with_test_time_augmentation(trained):
    command = (
        'tools/make_cams.py',
        trained / 'dump_tta' / 'cam_tta.py',
        trained / 'work' / 'epoch_1.pth',
        '--out-dir',
        trained / 'pseudo_tta',
        '--work-dir',
        trained / 'dump_tta',
    )
    command[1].parent.mkdir()
    cfg = tiny.config(trained / 'tiny', tiny.cam_head(), trained / 'work')
    cfg.log_level = 'INFO'
    cfg.tta_model.type = 'mmseg_wsss.CAMTTAModel'
    cfg.dump(command[1])
    given = command[1].read_text()
    ranks = ('--launcher', 'pytorch')
    output = call(*command, '--tta', *ranks, ranks=2, hide_gpus=True)
    assert 'pseudo labels of 7 images: mIoU' in output
    assert len(files(trained / 'pseudo_tta')) == 16
    assert json.loads((trained / 'pseudo_tta/source.json').read_text())[
        '--tta'
    ]
    assert 'made with another --tta' in call(*command, fails=True)
    tested = call('tools/test.py', *command[1:3], *command[5:], '--tta')
    # The evaluator sees what was written.
    found = [
        re.findall(r'mIoU:? (\d+\.\d+)', text) for text in (output, tested)
    ]
    assert float(found[0][-1]) == float(found[1][-1])
    # A config of the work dir stays as it was; it can be run again.
    assert command[1].read_text() == given
    assert Config.fromfile(command[1].with_name('last_run.py')).load_from


def test_data_root_moves_every_path(trained, tmp_path):
    from mmseg_wsss.jobs.command_line import move_paths

    cfg = dict(a=['x/data/b', 'data/b'], b=('data', 'database'), c=3)
    moved = move_paths(cfg, 'data', '/new')
    assert moved == dict(a=['x/data/b', '/new/b'], b=('/new', 'database'), c=3)


def test_browse_dataset(trained):
    out = trained / 'browse'
    call(
        'tools/analysis_tools/browse_dataset.py',
        trained / 'cam.py',
        '--split',
        'test',
        '--number',
        '2',
        '--out-dir',
        out,
    )
    assert len(list(out.glob('*.png'))) == 2


def test_bad_calls_say_what_is_wrong(trained, tmp_path):
    output = call('tools/train.py', tmp_path / 'none.py', fails=True)
    assert 'none.py' in output.splitlines()[-1]
    output = call(
        'tools/make_cams.py',
        ROOT / 'configs/ocr/ce_mobilenetv2_scenes.py',
        tmp_path / 'none.pth',
        fails=True,
    )
    assert 'the test pipeline loads no image labels' in output


def test_two_ranks_share_a_batch(trained):
    call(
        'tools/train.py',
        trained / 'cam.py',
        '--work-dir',
        trained / 'shared',
        '--split-batch',
        '--launcher',
        'pytorch',
        '--cfg-options',
        'train_dataloader.batch_size=4',
        ranks=2,
        hide_gpus=True,
    )
    cfg = Config.fromfile(trained / 'shared' / 'cam.py')
    assert cfg.train_dataloader.batch_size == 2
