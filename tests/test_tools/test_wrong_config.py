"""Every tool on a config ends in one line where it cannot be read."""

import os
from pathlib import Path

import pytest

from mmseg_wsss.compat import load_config
from mmseg_wsss.jobs.command_line import config_parser
from tests.processes import ROOT, run_python

REQUIRED = {
    'test': ['x.pth'],
    'export_onnx': ['x.pth', '--out', 'x.onnx'],
    'make_cams': ['x.pth'],
    'segment_photos': ['x.pth', 'photos', '--out-dir', 'x'],
    'browse_csd': ['--out-dir', 'x'],
    'browse_dataset': ['--out-dir', 'x'],
    'browse_mars': ['--out', 'x.png'],
    'compare_cams': ['--cams', 'a=.', '--out', 'x.png'],
    'compare_labels': ['--labels', 'a=.', '--out', 'x.png'],
    'eval_cams': ['.'],
}
TOOLS = [
    path
    for path in sorted((ROOT / 'tools').rglob('*.py'))
    if 'config_parser' in path.read_text()
]


@pytest.mark.parametrize('tool', TOOLS, ids=lambda path: path.stem)
def test_one_line(tool, tmp_path):
    arguments = REQUIRED.get(tool.stem, [])
    words = [tool, 'none.py', *arguments]
    result = run_python(words, tmp_path, os.environ)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last == 'error: there is no config none.py'
    assert 'Traceback' not in result.stderr
    broken = tmp_path / 'broken.py'
    broken.write_text("_base_ = './gone.py'\n")
    result = run_python(
        [tool, Path(broken.name), *arguments], tmp_path, os.environ
    )
    assert result.returncode == 1
    assert 'gone.py' in result.stderr and 'Traceback' not in result.stderr
    assert os.listdir(tmp_path) == ['broken.py']


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('x = 1\ny = [1, 2)\n', ['base.py, line 2: SyntaxError: ']),
        ('x = 1\n\ny = Tru\n', ["base.py, line 3: NameError: name 'Tru'"]),
        ('z = 1\n', ['top.py, line 2: AttributeError: ', "'x'"]),
        ('x = 1 # \xe9\n', ['base.py: UnicodeDecodeError: ']),
    ],
)
def test_a_mistake_in_a_config(tmp_path, text, words):
    """File and line are those of the user, not of MMEngine's copy."""
    (tmp_path / 'base.py').write_bytes(text.encode('latin1'))
    (tmp_path / 'top.py').write_text("_base_ = './base.py'\ny = _base_.x\n")
    with pytest.raises(ValueError) as error:
        load_config(tmp_path / 'top.py')
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize('word', ['use.ocr', '=False', 'a=[1,2'])
def test_options_that_are_no_settings(word, capsys):
    parser = config_parser('')
    with pytest.raises(SystemExit):
        parser.parse_args(['c.py', '--cfg-options', 'x=1', word])
    said = capsys.readouterr().err.splitlines()[-1]
    assert '--cfg-options takes key=value' in said and word[-3:] in said


def test_mixed_precision_needs_a_gpu(tmp_path):
    (tmp_path / 'c.py').write_text("optim_wrapper = dict(type='OptimWrapper')")
    said = 'error: mixed precision (--amp, AmpOptimWrapper) needs a GPU'
    other = ['--cfg-options', 'optim_wrapper.type=AmpOptimWrapper']
    hidden = {**os.environ, 'CUDA_VISIBLE_DEVICES': ''}
    for words in (['--amp'], other):
        command = [ROOT / 'tools/train.py', 'c.py', *words]
        result = run_python(command, tmp_path, hidden)
        assert result.returncode == 1
        assert result.stderr.splitlines()[-1].startswith(said)
