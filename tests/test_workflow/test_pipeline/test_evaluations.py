"""The last stage of the VOC and COCO pipelines, on pictures of noise."""

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_wsss.compat import load_config
from mmseg_wsss.jobs.command_line import use_tta
from mmseg_wsss.workflow.pipeline import read_plan
from tests import tiny, voc_coco
from tests.test_configs import TRAINED

NAMES = sorted(
    path.stem
    for path in voc_coco.PIPELINES.glob('*.py')
    if path.stem.startswith(('voc12', 'coco14', 'all_voc12'))
)
SEGMENTORS = [
    path
    for path in TRAINED
    if path.parent.name in ('', 'ocr', 'hfpl', 'mars', 'mctformer', 'pmm')
    and path.name.startswith(('ocr_', 'ce_', 'mars', 'pmm_'))
    and ('voc12' in path.name or 'coco14' in path.name or not path.parent.name)
]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('layouts')
    voc_coco.make(root)
    return root


@pytest.mark.usefixtures('on_cpu')
@pytest.mark.parametrize('name', NAMES)
def test_scales_flips_and_crf_run(name, root, tmp_path):
    pytest.importorskip('pydensecrf')
    plan = read_plan(voc_coco.PIPELINES / f'{name}.py')
    tta = plan.stages['evaluate'].settings['tta']
    figures = run_small(plan.configs['evaluate'], tta, root, tmp_path)
    assert ('F' in figures) == ('hfpl' in name)
    none = ('hfpl', 'ocr', 'clip', 'pmm', 'mctformer')
    assert ('FN' in figures) == all(part not in name for part in none)


@pytest.mark.usefixtures('on_cpu')
@pytest.mark.parametrize('path', SEGMENTORS, ids=str)
def test_a_segmentors_own_tta_runs(path, root, tmp_path):
    """Scales and flips of its config, as `tools/test.py --tta` takes them."""
    cfg = load_config(voc_coco.ROOT / 'configs' / path)
    scales, flips = cfg.tta_pipeline[-1].transforms[:2]
    assert len(scales) > 1 and len(flips) == 2
    run_small(cfg, True, root, tmp_path)


def run_small(cfg, tta, root, work_dir):
    """Test a config with one convolution and the head of a tiny FCN."""
    voc_coco.shrink(cfg, root)
    classes = cfg.model.decode_head.num_classes
    cfg.model.backbone = dict(type='TinyBackbone')
    cfg.model.decode_head = tiny.fcn_head()
    cfg.model.decode_head.num_classes = classes
    cfg.model.pop('auxiliary_head', None)
    keys = ('test_dataloader', 'test_evaluator', 'test_cfg', 'custom_hooks')
    keys += ('model', 'tta_model', 'tta_pipeline', 'default_scope')
    small = Config({key: cfg[key] for key in keys}, format_python_code=False)
    if tta:
        use_tta(small)
    small.work_dir = str(work_dir)
    small.experiment_name = f'evaluate_{work_dir.name}'
    small.log_level = 'WARNING'
    figures = Runner.from_cfg(small).test()
    assert 0 <= figures['mIoU'] <= 100 and 'OC_image_rate' in figures
    return figures
