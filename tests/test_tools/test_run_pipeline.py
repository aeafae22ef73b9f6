"""tools/run_pipeline.py on the real tools, and its command line."""

import importlib.util
import json
import re
import subprocess
import sys

import pytest
import torch

from mmseg_wsss.workflow.pipeline import run
from tests import tiny
from tests.processes import run_in_server, run_python
from tests.test_tools.test_train_and_dump import ENV, ROOT, call
from tests.test_workflow.test_pipeline import fake

TOOL = 'tools/run_pipeline.py'
PIPELINE = """
stages = dict(
    classifier=dict(config='{root}/cam.py'),
    cams=dict(
        config='{{classifier.config}}',
        inputs=dict(checkpoint='{{classifier.checkpoint}}'),
    ),
    seeds=dict(
        config='{{cams.config}}',
        inputs=dict(cams='{{cams.cams}}'),
        options={{'test_dataloader.dataset.ann_file': '{root}/few.txt'}},
    ),
    evaluate=dict(
        config='{{classifier.config}}',
        inputs=dict(checkpoint='{{classifier.checkpoint}}'),
    ),
)
"""


@pytest.fixture
def tool():
    """The tool as a module: its main() in this process."""
    spec = importlib.util.spec_from_file_location('run_pipeline', ROOT / TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def faked(tmp_path, tool, monkeypatch, capsys):
    """Call main() on fake tools; returns what it printed."""
    pipeline = fake.make(tmp_path)
    monkeypatch.setattr(tool, 'TOOLS', tmp_path / 'tools')
    monkeypatch.setattr(tool.signal, 'signal', lambda *_: None)

    def main(*words):
        work = ['--work-dir', str(tmp_path / 'work')]
        monkeypatch.setattr('sys.argv', ['x', str(pipeline), *work, *words])
        try:
            tool.main()
        except SystemExit as error:
            return f'{capsys.readouterr().out}{error}'
        return capsys.readouterr().out

    return main


def test_real_stages(tmp_path, tool, monkeypatch, capsys):
    """Train a CAM network, write CAMs, compare both; then all is finished.

    The next test runs a stage as a process of its own.
    """
    tiny.make_dataset(tmp_path / 'tiny', count=7)
    cfg = tiny.config(tmp_path / 'tiny', tiny.cam_head(), tmp_path / 'x')
    cfg.log_level = 'INFO'
    cfg.dump(tmp_path / 'cam.py')
    (tmp_path / 'few.txt').write_text('img_1\nimg_4\n')
    pipeline = tmp_path / 'two.py'
    pipeline.write_text(PIPELINE.format(root=tmp_path))
    work = tmp_path / 'work'
    words = ['x', str(pipeline), '--work-dir', str(work)]
    monkeypatch.setattr(run, 'run_command', run_in_server)
    monkeypatch.setattr(tool.signal, 'signal', lambda *_: None)
    monkeypatch.setattr('sys.argv', words)
    tool.main()
    output = capsys.readouterr().out
    assert '[1/4] classifier' in output and '[2/4] cams' in output
    assert len(list((work / 'cams' / 'labels').glob('*.png'))) == 7
    assert len(list((work / 'cams' / 'cams').glob('*.npz'))) == 7
    stages = json.loads((work / 'pipeline.json').read_text())['stages']
    trained, cams, seeds, tested = (stage['record'] for stage in stages)
    assert trained['outputs']['checkpoint']['path'] == 'epoch_1.pth'
    assert 'mIoU' in trained['figures']
    assert list(cams['figures']) == ['mIoU', 'FP', 'FN']
    # At the best threshold, on the images of its own list.
    names = ['mIoU', 'FP', 'FN', 'F', 'best_threshold']
    assert list(seeds['figures']) == names
    swept = json.loads((work / 'seeds' / 'cam_eval.json').read_text())
    assert swept['images'] == 2
    assert swept['mIoU'] == pytest.approx(seeds['figures']['mIoU'], abs=1e-4)
    # The weights and images are those of the validation.
    assert tested['figures'] == trained['figures']
    assert '7 cams, 7 labels' in output
    monkeypatch.setattr('sys.argv', [*words, '--dry-run'])
    tool.main()
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in shown] == ['finished'] * 4


def test_dry_run_of_a_shipped_pipeline(tmp_path):
    """What it needs, does, and is compared with; nothing has to be there."""
    pipeline = ROOT / 'configs/pipelines/voc12_hfpl-seam.py'
    done = run_python([ROOT / TOOL, pipeline, '--dry-run'], tmp_path, ENV)
    assert done.returncode == 0, done.stderr
    text, lines = done.stdout, done.stdout.splitlines()
    network = 'configs/hfpl/isl-fsl_seam-r38_voc12.py'
    for stage, tool in (('classifier', 'train.py'), ('cams', 'make_cams.py')):
        assert re.search(f'^{stage} +to do: {tool} {network}$', text, re.M)
    for part in ('weights/resnet38_ilsvrc.pth', 'train_aug.txt', 'cls_labels'):
        (line,) = (x for x in lines if part in x)
        assert line.startswith('there is no ')
    assert 'compares with ISL + FSL' in text and '60.6 (without' in text


def test_a_checkpoint_of_another_network(tmp_path):
    tiny.make_dataset(tmp_path / 'tiny', count=7)
    cfg = tiny.config(tmp_path / 'tiny', tiny.cam_head(), tmp_path / 'x')
    cfg.dump(tmp_path / 'cam.py')
    weights = {'backbone.layer1.weight': torch.ones(8, 3, 3, 3)}
    torch.save(dict(state_dict=weights), tmp_path / 'other.pth')
    pipeline = tmp_path / 'cams.py'
    pipeline.write_text(
        f"stages = dict(cams=dict(config='{tmp_path}/cam.py', "
        f"inputs=dict(checkpoint='{tmp_path}/other.pth')))"
    )
    work = tmp_path / 'work'
    output = call(TOOL, pipeline, '--work-dir', work, fails=True)
    assert re.search(
        r'^stage cams failed: it ended with 1 \(error: the checkpoint does '
        r'not fit the model: \d tensors are missing',
        output,
        re.MULTILINE,
    ), output
    assert 'Traceback' not in output
    assert not (work / 'cams' / 'labels').exists()


def test_dry_run_from_and_until(faked, tmp_path):
    output = faked('--dry-run', '--until', 'cams')
    lines = [line.split(maxsplit=1)[1] for line in output.splitlines()]
    assert lines[0].startswith('to do: train.py ')
    assert lines[1].startswith('to do: make_cams.py ')
    assert lines[2:] == ['not reached'] * 3
    assert not (tmp_path / 'work').exists()
    for words in ([], ['--dry-run']):
        output = faked('--from', 'cams', *words)
        assert 'cams reads from classifier, which is not finished' in output
    output = faked('--until', 'cams')
    assert [c['stage'] for c in fake.calls(tmp_path)] == ['classifier', 'cams']
    assert 'segmentor         -' in output
    # What comes before is taken as it is.
    cam = tmp_path / 'cam.py'
    cam.write_text(cam.read_text().replace('width=1', 'width=2'))
    output = faked('--from', 'refine', '--until', 'segmentor')
    stages = [c['stage'] for c in fake.calls(tmp_path)]
    assert stages == ['refine', 'segmentor'], output
    assert '[3/5] refine' in output
    output = faked('--dry-run', '--cfg-options', 'use.refine=False')
    assert 'off (refine)' in output
    assert 'to do (its config or an input file changed)' in output
    faked()
    stages = [c['stage'] for c in fake.calls(tmp_path)]
    assert stages[:2] == ['classifier', 'cams'] and len(stages) == 5


def test_bad_calls_say_what_is_wrong(faked, tmp_path):
    assert 'choose among classifier' in faked('--from', 'nothing')
    output = faked('--from', 'refine', '--until', 'cams')
    assert 'refine comes after cams' in output
    assert 'need --launcher' in faked('--gpus', '2')
    assert 'no stage has' in faked('--cfg-options', 'use.x=True')
    fake.orders(tmp_path, cams='fail')
    output = faked()
    assert 'stage cams failed: it ended with 1' in output
    (tmp_path / 'labels.json').unlink()
    assert 'there is no' in faked() and 'labels.json' in faked('--dry-run')


def test_a_folder_with_stages_of_another_data_set(faked, tmp_path):
    """One that is gone may have been moved, and is no other."""
    other, here = tmp_path / 'other', tmp_path / 'work' / 'classifier'
    config = tmp_path / 'cam.py'
    config.write_text(f"data_root = '{tmp_path}'\n{config.read_text()}")
    warning = f'warning: {here.parent} has stages of the data set {other}'
    assert 'warning: ' not in faked()
    assert 'warning: ' not in faked()
    text = (here / 'config.py').read_text()
    (here / 'config.py').write_text(text.replace(f'{tmp_path}', f'{other}'))
    assert warning not in faked()
    other.mkdir()
    assert warning in faked()


def test_preparations_come_first(faked, tmp_path):
    (tmp_path / 'labels.json').unlink()
    draw = "import pathlib; pathlib.Path('{}').write_text('[]')"
    (tmp_path / 'draw.py').write_text(draw.format(tmp_path / 'labels.json'))
    with open(tmp_path / 'pipeline.py', 'a') as file:
        file.write("prepare = [['draw.py', '--all']]\n")
    shown = faked('--dry-run').splitlines()
    assert shown[0] == 'first: draw.py --all'
    assert '5 labels' in faked()
    (tmp_path / 'draw.py').write_text('raise SystemExit(3)')
    assert 'draw.py --all failed, see' in faked()


@pytest.mark.parametrize('stage', [None, 'cams'])
def test_a_stop_is_said_in_one_sentence(
    faked, tmp_path, tool, monkeypatch, stage
):
    """Where it was, and how to continue: Ctrl-C and a full disk."""

    def stop(*_, error):
        raise error

    at = f' in stage cams ({tmp_path}/work/cams)' if stage else ''
    place = 'run_stage' if stage else 'plan_states'
    words = ['--from', 'cams'] if stage else ['--dry-run']
    if stage:
        faked('--until', 'classifier')
    for error, said in (
        (KeyboardInterrupt(), f'stopped{at}; the same command resumes'),
        (OSError(28, 'No space', 'x'), "No space: 'x': free some space"),
    ):
        monkeypatch.setattr(
            tool, place, lambda *_, error=error: stop(error=error)
        )
        output = faked(*words)
        assert said in output and 'Traceback' not in output
        assert at in output


def test_a_full_disk_does_not_hide_a_failure(
    faked, tmp_path, tool, monkeypatch
):
    """pipeline.json and the report cannot be written either."""

    written = []

    def full(*_):
        if written:
            raise OSError(28, 'No space left on device')
        written.append(True)

    monkeypatch.setattr(tool, 'write_summary', full)
    fake.orders(tmp_path, classifier='fail')
    output = faked()
    assert 'stage classifier failed: it ended with 1' in output
    assert 'rerun the same command' in output
    assert 'Still to come: cams, refine, segmentor, evaluate.' in output
    assert 'Still to come' not in faked('--until', 'classifier')


def test_the_summary_is_there_before_the_first_stage(
    faked, tmp_path, tool, monkeypatch
):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tool, 'run_stage', stop)
    faked()
    stages = json.loads((tmp_path / 'work' / 'pipeline.json').read_text())
    assert [stage['record'] for stage in stages['stages']] == [None] * 5


def test_an_older_run_is_not_shown_as_this_one(faked, tmp_path):
    faked()
    config = tmp_path / 'cam.py'
    config.write_text(config.read_text().replace('width=1', 'width=2'))
    output = faked('--until', 'classifier')
    names = ['cams', 'refine', 'segmentor', 'evaluate']
    rows = [line.split() for line in output.splitlines()]
    assert [row[0] for row in rows if row[1:] == ['-']] == names
    page = (tmp_path / 'work' / 'report.html').read_text()
    assert '1 of 5 finished' in page
    # What is taken as it is counts.
    output = faked('--from', 'segmentor')
    assert output.count('5 labels') == 2
    assert '5 of 5 finished' in (tmp_path / 'work/report.html').read_text()


@pytest.mark.slow
def test_a_closed_pipe_is_no_traceback(tmp_path):
    """The reader of the output ends, as ``head`` does."""
    pipeline = fake.make(tmp_path)
    process = subprocess.Popen(
        [sys.executable, TOOL, pipeline, '--work-dir', tmp_path / 'work'],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait() == 1
    assert f'stopped in stage classifier ({tmp_path}/work/classifier)' in said
    assert said.strip().endswith('the same command resumes')
    assert 'Traceback' not in said and 'Exception' not in said


def test_a_missing_photo_says_how_to_continue(faked, tmp_path):
    (tmp_path / 'list.txt').unlink()
    output = faked()
    assert 'list.txt (stage classifier' in output
    assert 'rerun the same command' in output
