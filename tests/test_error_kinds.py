"""benchmarks/error_kinds.py on a mask that is known."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from mmseg_wsss.io.labels import save_label
from tests import tiny

BENCHMARKS = Path(__file__).resolve().parents[1] / 'benchmarks'


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ('runs', 'error_kinds'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module('error_kinds')


def test_each_pixel_is_of_one_kind(script):
    truth = np.zeros((40, 40), np.uint8)
    truth[:, 20:], truth[:8, 20:], truth[:, 39] = 1, 2, 255
    found = truth.copy()
    found[20, :4] = 3  # absent on background, far from the boundary
    found[21, 30:33] = 3  # absent on an object
    found[22, 18:20] = 1  # present on background, at the boundary
    found[23, 30] = 0
    found[24, 30:35] = 2
    found[:, 39] = 3  # ignored
    counts = {k: int(v.sum()) for k, v in script.kinds(truth, found).items()}
    assert counts == dict(
        wrong=15,
        absent_background=4,
        absent_object=3,
        present_background=2,
        background=1,
        swap=5,
        far=11,  # what is ignored has a boundary too
    )


def test_shares_of_folders(script, tmp_path, capsys, monkeypatch):
    tiny.make_dataset(tmp_path / 'tiny', count=2)
    cfg = tiny.config(tmp_path / 'tiny', tiny.cam_head(), tmp_path / 'work')
    cfg.dump(tmp_path / 'c.py')
    truths = script.masks(cfg)
    assert sorted(truths) == ['img_0', 'img_1']
    for name, wrong in (('a_0', 0), ('a_1', 2)):
        for stem, truth in truths.items():
            (tmp_path / name).mkdir(exist_ok=True)
            found = truth.copy()
            found[31, 30 : 30 + wrong] = 0 if truth[31, 31] else 1
            save_label(tmp_path / name / f'{stem}.png', found, tiny.PALETTE)
    words = ['x', str(tmp_path / 'c.py'), '--predictions']
    monkeypatch.setattr(sys, 'argv', [*words, f'mine={tmp_path}/a_*'])
    script.main()
    share = 100 * 2 / 32**2
    assert f'| mine | {share / 2:.2f} ± {share / 2**0.5:.2f} |' in (
        capsys.readouterr().out
    )
    monkeypatch.setattr(sys, 'argv', [*words, f'mine={tmp_path}/b'])
    with pytest.raises(SystemExit, match='no folder'):
        script.main()
