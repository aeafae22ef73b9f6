"""tools/test.py: where predictions are written."""

import importlib.util
from pathlib import Path

import pytest
from mmengine.config import Config

TOOL = Path(__file__).parents[2] / 'tools' / 'test.py'


@pytest.fixture
def write_predictions():
    spec = importlib.util.spec_from_file_location('tools_test', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write_predictions


def test_predictions_replace_predictions_only(write_predictions, tmp_path):
    cfg = Config(dict(test_evaluator=dict(type='IoUMetric')))
    masks, out = tmp_path / 'SegmentationClass', tmp_path / 'out'
    masks.mkdir()
    (masks / 'img_1.png').touch()
    with pytest.raises(SystemExit, match=r'SegmentationClass was not written'):
        write_predictions(cfg, str(masks))
    assert [path.name for path in masks.iterdir()] == ['img_1.png']
    for _ in range(2):
        write_predictions(cfg, str(out))
        (out / 'img_1.png').touch()
    assert cfg.test_evaluator.output_dir == str(out)
