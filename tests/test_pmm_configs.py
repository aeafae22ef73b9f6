"""The recipe of PMM, against the paper and its code."""

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_wsss import UnderFittingCrossEntropy
from mmseg_wsss.pseudo_labels.crf_params import CRFParams, crf_params
from tests.test_configs import ROOT


def parse(name):
    cfg = Config.fromfile(ROOT / 'pmm' / name, import_custom_modules=False)
    init_default_scope(cfg.default_scope)
    return cfg


def test_labels_on_voc_are_the_published():
    cfg = parse('ppmg_voc12.py')
    *load, step = cfg.refine_pipeline
    assert load == cfg.load_seed
    step = dict(step)
    assert step.pop('type') == 'mmseg_wsss.ProportionalMasks'
    published = CRFParams(10, 3, 10, 80, 13, 10)
    assert crf_params(step.pop('params')) == published
    assert step == dict(smoothing=0.3, alpha=11, threshold=0.05)
    # The defaults are these, too.
    default = TRANSFORMS.get('mmseg_wsss.ProportionalMasks')(params=None)
    assert {name: getattr(default, name) for name in step} == step


def test_ablations_differ_by_one_part():
    for name in ('voc12', 'scenes', 'voc-mini'):
        cfg = parse(f'ppmg_{name}.py')
        step = cfg.refine_pipeline[-1]
        assert cfg.proportional_pipeline[-1] == {**step, 'smoothing': 0}
        smooth, background, crf, _ = cfg.smooth_pipeline[3:]
        assert smooth.smoothing == step.smoothing
        assert smooth.threshold == step.threshold
        assert background.alpha == step.alpha
        assert crf.params == step.params


def test_segmentor_on_voc_is_the_published():
    cfg = parse('pmm_pspnet_r38_20k_voc12-512x512.py')
    assert cfg.optim_wrapper.optimizer == dict(
        type='SGD', lr=0.005, momentum=0.9, weight_decay=5e-4
    )
    (schedule,) = cfg.param_scheduler
    assert (schedule.power, schedule.eta_min) == (0.9, 1e-4)
    assert schedule.end == cfg.train_cfg.max_iters == 20000
    assert cfg.model.test_cfg == dict(
        mode='slide', crop_size=(512, 512), stride=(480, 480)
    )
    assert cfg.model.backbone.type == 'mmseg_wsss.ResNet38'
    assert cfg.model.decode_head.type == 'PSPHead'
    for head, weight in (('decode_head', 1), ('auxiliary_head', 0.4)):
        loss = MODELS.build(cfg.model[head].loss_decode)
        assert type(loss) is UnderFittingCrossEntropy
        assert (loss.begin_below, loss.limit) == (0.5, 0.5)
        assert loss.loss_weight == weight


def test_the_second_segmentor_differs_in_the_loss_alone():
    one, two = (
        parse(f'{name}_pspnet_r38_20k_voc12-512x512.py')
        for name in ('pmm', 'ce')
    )
    for head, weight in (('decode_head', 1), ('auxiliary_head', 0.4)):
        one.model[head].pop('loss_decode')
        loss = MODELS.build(two.model[head].pop('loss_decode'))
        assert type(loss).__name__ == 'CrossEntropyLoss'
        assert loss.loss_weight == weight and loss.avg_non_ignore
    one, two = (
        {k: v for k, v in cfg.to_dict().items() if k != 'ce_loss'}
        for cfg in (one, two)
    )
    assert one == two
