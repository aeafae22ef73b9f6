"""The last stage of the VOC and COCO pipelines, on pictures of noise."""

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_wsss.jobs.command_line import use_tta
from mmseg_wsss.workflow.pipeline import read_plan
from tests import tiny, voc_coco

NAMES = sorted(
    path.stem
    for path in voc_coco.PIPELINES.glob('*.py')
    if path.stem.startswith(('voc12', 'coco14', 'all_voc12'))
)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('layouts')
    voc_coco.make(root)
    return root


@pytest.mark.usefixtures('on_cpu')
@pytest.mark.parametrize('name', NAMES)
def test_scales_flips_and_crf_run(name, root, tmp_path):
    """With one convolution and the head of a tiny FCN as the network."""
    pytest.importorskip('pydensecrf')
    plan = read_plan(voc_coco.PIPELINES / f'{name}.py')
    cfg = plan.configs['evaluate']
    voc_coco.shrink(cfg, root)
    classes = cfg.model.decode_head.num_classes
    cfg.model.backbone = dict(type='TinyBackbone')
    cfg.model.decode_head = tiny.fcn_head()
    cfg.model.decode_head.num_classes = classes
    cfg.model.pop('auxiliary_head', None)
    keys = ('test_dataloader', 'test_evaluator', 'test_cfg', 'custom_hooks')
    keys += ('model', 'tta_model', 'tta_pipeline', 'default_scope')
    small = Config({key: cfg[key] for key in keys}, format_python_code=False)
    if plan.stages['evaluate'].settings['tta']:
        use_tta(small)
    small.work_dir = str(tmp_path)
    small.experiment_name = f'evaluate_{name}'
    small.log_level = 'WARNING'
    figures = Runner.from_cfg(small).test()
    assert 0 <= figures['mIoU'] <= 100 and 'OC_image_rate' in figures
    assert ('F' in figures) == ('hfpl' in name)
    none = ('hfpl', 'ocr', 'clip', 'pmm')
    assert ('FN' in figures) == all(part not in name for part in none)
