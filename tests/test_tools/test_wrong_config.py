"""Every tool on a config ends in one line where it cannot be read."""

import os
from pathlib import Path

import pytest

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
    if 'add_config_arguments' in path.read_text()
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
