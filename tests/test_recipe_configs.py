"""The recipes of OCR and HFPL on VOC and COCO, against papers and code."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch.nn.modules.batchnorm import _BatchNorm

from tests.test_cam_configs import settings
from tests.test_configs import ROOT, on_cpu, read

OCR = [
    'ocr_deeplab_voc.py',
    'ocr/ocr_deeplab-largefov_r38_30e_coco14-321x321.py',
]
HFPL = [
    'hfpl/ce_deeplab-largefov_r38_20k_voc12-448x448.py',
    'hfpl/ce_deeplab-largefov_r38_200k_coco14-448x448.py',
]


def parse(path):
    cfg = Config.fromfile(ROOT / path, import_custom_modules=False)
    init_default_scope(cfg.default_scope)
    return cfg


def build(cfg):
    """The network of a config, without memory for its weights."""
    on_cpu(cfg._cfg_dict)
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def kinds(pipeline):
    return [step['type'].split('.')[-1] for step in pipeline]


@pytest.mark.parametrize('path', [*OCR, *HFPL])
def test_segmentors_have_four_groups_and_train_all_convolutions(path):
    cfg = parse(path)
    model = build(cfg).train()
    optimizer, groups = settings(cfg, model)
    assert optimizer.defaults['lr'] == 1e-3
    assert optimizer.defaults['momentum'] == 0.9
    names = {n for n, p in model.named_parameters() if p.requires_grad}
    assert 'backbone.conv1a.weight' in names
    assert 'backbone.b2.conv_branch2a.weight' in names
    assert not any('bn' in name for name in names)
    head = {name for name in names if name.startswith('decode_head')}
    assert len(head) == (6 if path in OCR else 4)
    for name in names:
        rate = 1e-2 if name in head else 1e-3
        decay = 5e-4
        if name.endswith('.bias'):
            rate, decay = 2 * rate, 0
        assert groups[name] == pytest.approx((rate, decay)), name


@pytest.mark.parametrize('path', OCR)
def test_ocr_is_trained_as_in_the_paper(path):
    cfg = parse(path)
    assert cfg.train_cfg.max_epochs == 30
    assert cfg.train_dataloader.batch_size == 16
    pipeline = cfg.train_dataloader.dataset.pipeline
    assert kinds(pipeline)[3:-1] == [
        'RandomResize',
        'RandomCrop',
        'RandomFlip',
    ]
    assert pipeline[3]['ratio_range'] == (0.7, 1.3)
    assert pipeline[4]['crop_size'] == (321, 321)
    assert cfg.ocr_loss == dict(
        type='mmseg_wsss.OCRLoss',
        margin=2.0,
        threshold=0.2,
        group='adaptive',
        prior='auto',
        prior_norm='joint',
        loss_weight=1.0,
    )
    norms = [m for m in build(cfg).train().modules() if is_norm(m)]
    assert norms and not any(norm.training for norm in norms)


@pytest.mark.parametrize(
    'path',
    [*OCR, 'ocr/ocr_mobilenetv2_scenes.py', 'ocr/ce_mobilenetv2_voc-mini.py'],
)
def test_anchors_are_logged_where_masks_are(path):
    cfg = parse(path)
    names = kinds(cfg.val_evaluator)
    assert names[:2] == ['IoUMetric', 'OutOfCandidateMetric']
    assert names[-1] == 'AnchorMetric'
    assert cfg.test_evaluator == cfg.val_evaluator


def is_norm(module):
    return isinstance(module, _BatchNorm)


def test_the_form_of_algorithm_2_is_all_that_differs():
    plain = parse(OCR[0])
    alg2 = parse('ocr/ocr_alg2_deeplab-largefov_r38_30e_voc12-321x321.py')
    losses = alg2.model.decode_head.pop('loss_decode')
    ours = plain.model.decode_head.pop('loss_decode')
    assert losses[1].pop('filtered') == 'zeroed'
    assert losses[1] == ours[1]
    assert [MODELS.build(loss).loss_weight for loss in losses] == [1, 1]
    assert losses[0].avg_non_ignore and ours[0].avg_non_ignore
    for key in ('model', 'train_dataloader', 'optim_wrapper', 'train_cfg'):
        assert alg2[key] == plain[key]


@pytest.mark.parametrize(
    ('path', 'iterations'), zip(HFPL, (20000, 200000), strict=True)
)
def test_the_segmentor_of_hfpl_is_its_codes(path, iterations):
    cfg = parse(path)
    assert cfg.train_cfg.max_iters == iterations
    (schedule,) = cfg.param_scheduler
    assert (schedule.power, schedule.end) == (0.9, iterations)
    assert not schedule.by_epoch and schedule.eta_min == 0
    assert cfg.train_dataloader.batch_size == 10
    pipeline = cfg.train_dataloader.dataset.pipeline
    assert pipeline[3]['ratio_range'] == (0.5, 1.5)
    assert pipeline[4]['crop_size'] == cfg.crop_size == (448, 448)
    model = build(cfg).train()
    assert model.decode_head.align_corners
    norms = [m for m in model.modules() if is_norm(m)]
    assert len(norms) > 2
    for norm in norms:  # statistics of the batch, fixed scales and shifts
        assert norm.training and norm.momentum == 3e-4
        assert not norm.weight.requires_grad


def test_hfpls_classifier_starts_from_kaiming_weights():
    cfg = parse(HFPL[0])
    on_cpu(cfg._cfg_dict)
    cfg.model.decode_head.in_channels = 8
    torch.manual_seed(0)
    head = MODELS.build(cfg.model.decode_head)
    head.init_weights()
    spread = head.conv_seg.weight.std().item()
    assert spread == pytest.approx((2 / 21) ** 0.5, rel=0.05)


@pytest.mark.parametrize(('data', 'weight'), [('voc12', 1.0), ('coco14', 0.2)])
def test_fsl_on_resnet38_has_the_published_form(data, weight):
    losses = read(f'hfpl/isl-fsl_r38_{data}.py').model.decode_head.loss_decode
    loss = MODELS.build(losses[1])
    assert loss.with_background
    assert (loss.colours, loss.gate) == ('point', 'min_max')
    assert (loss.mu, loss.sigma, loss.loss_weight) == (2.5, 5.0, weight)


@pytest.mark.parametrize(
    'path', ['hfpl/isl-fsl_seam-r38_{}coco14.py', 'seam/seam_r38_{}coco14.py']
)
def test_sixteen_epochs_on_coco(path):
    short, long = (read(path.format(e)) for e in ('', '16e_'))
    assert short.train_cfg.max_epochs == short.param_scheduler[0].end == 8
    assert long.train_cfg.max_epochs == long.param_scheduler[0].end == 16
    assert long.param_scheduler[0].power == 0.9
    assert long.model == short.model


@pytest.mark.parametrize('data', ['voc12', 'coco14'])
def test_sipe_has_irns_recipe_and_short_gradients(data):
    cfg, irns = (read(f'{m}/{m}_r50_{data}.py') for m in ('sipe', 'cam'))
    for key in ('train_dataloader', 'param_scheduler'):
        assert cfg[key] == irns[key]
    assert cfg.train_dataloader.batch_size == 16
    assert cfg.optim_wrapper.pop('clip_grad') == dict(max_norm=1)
    assert cfg.optim_wrapper == irns.optim_wrapper
    assert cfg.model.backbone == irns.model.backbone
    assert cfg.model.decode_head.dropout_ratio == 0
    losses = [MODELS.build(x) for x in cfg.model.decode_head.loss_decode]
    assert [loss.loss_weight for loss in losses] == [1, 1]


@pytest.mark.parametrize(
    ('path', 'lr', 'momentum'),
    [
        ('psa/psa_r38_voc12.py', 0.1, 5e-4),
        ('psa/psa_r38_seam_voc12.py', 0.01, 5e-4),
        ('psa/psa_r38_hfpl_voc12.py', 0.01, 5e-4),
        ('psa/psa_r38_mctformer_voc12.py', 0.01, 5e-4),
        ('psa/psa_r38_coco14.py', 0.01, 5e-4),
        ('seam/seam_r38_voc12.py', 0.01, 5e-4),
        ('hfpl/isl-fsl_seam-r38_coco14.py', 0.01, 5e-4),
        ('spatial_bce/spatial-bce_r38_voc12.py', 1e-3, 0.9),
    ],
)
def test_rates_of_resnet38(path, lr, momentum):
    optimizer = read(path).optim_wrapper.optimizer
    assert (optimizer.lr, optimizer.momentum) == (lr, momentum)
    assert optimizer.weight_decay == 5e-4


@pytest.mark.parametrize('data', ['voc12', 'coco14'])
def test_affinitynets_cams_have_psas_recipe(data):
    cfg = read(f'cam/cam_r38_psa_{data}.py')
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler[0].end == 15
    assert cfg.train_dataloader.batch_size == 16
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.lr, optimizer.momentum) == (0.1, 5e-4)
    assert cfg.model.decode_head.normalise == 'max'
    pipeline = cfg.train_dataloader.dataset.pipeline
    seams = read(f'cam/cam_r38_{data}.py').train_dataloader.dataset.pipeline
    assert kinds(pipeline) == kinds(seams)
    assert pipeline[2]['scale'] == (256, 256)
    assert pipeline[2]['ratio_range'] == (1.0, 2.0)


@pytest.mark.parametrize(
    ('name', 'size', 'batch', 'epochs', 'lr', 'decay', 'layers', 'scales'),
    [
        ('mctformer', 224, 64, 60, 5e-4, 0.05, 3, (1.0,)),
        ('mctformer-plus', 448, 32, 45, 5e-4, 0.05, 12, (1.0, 0.75, 1.25)),
        ('weaktr', 224, 64, 60, 6e-4, 0.03, None, (1.0, 1.2)),
    ],
)
def test_mctformers_have_their_recipes(
    name, size, batch, epochs, lr, decay, layers, scales
):
    cfg = read(f'mctformer/{name}_deit-s_voc12.py')
    assert cfg.model.data_preprocessor.size == (size, size)
    assert cfg.model.backbone.img_size == size
    assert cfg.train_dataloader.batch_size == batch
    warmup, cosine = cfg.param_scheduler
    assert cfg.train_cfg.max_epochs == cosine.end == epochs
    assert (warmup.end, cosine.begin, cosine.T_max) == (5, 5, epochs - 5)
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer.lr == pytest.approx(lr * batch / 512)
    assert optimizer.weight_decay == decay
    if layers is not None:
        assert cfg.model.decode_head.get('cross_layers', 3) == layers
    sizes = cfg.tta_pipeline[1].transforms[0]
    assert [step.scale_factor for step in sizes] == [*scales]


@pytest.mark.parametrize('posterior', ['', '_multinomial'])
def test_rows_of_hfpls_table_4(posterior):
    """Each at its best lambda, and with its alphas in AffinityNet."""
    isl, fsl = (
        read(f'hfpl/{name}_seam-r38_voc12{posterior}.py').model.decode_head
        for name in ('isl', 'fsl')
    )
    seam = read('seam/seam_r38_voc12.py').model.decode_head
    kinds_of = [[x.type[11:] for x in h.loss_decode] for h in (isl, fsl)]
    assert kinds_of == [
        ['BinomialISL', 'SEAMLoss'],
        ['GAPLoss', 'FSL', 'SEAMLoss'],
    ]
    assert isl.loss_decode[-1] == fsl.loss_decode[-1] == seam.loss_decode[-1]
    assert fsl.loss_decode[0] == seam.loss_decode[0]
    own = isl.loss_decode[0]
    affinity = read(f'psa/psa_r38_hfpl_voc12{posterior}.py')
    labels = affinity.label_pipeline[-1]
    found = own.posterior, own.isl_weight, fsl.loss_decode[1].gate
    found += labels.low_alpha, labels.high_alpha
    assert found == (
        ('multinomial', 0.6, 'softmax', 2, 4)
        if posterior
        else ('binomial', 0.2, 'min_max', 1, 24)
    )


def test_csds_middle_row_has_no_resampling():
    paper, plain = (
        read(f'csd/csd_deit-s_voc12{end}.py') for end in ('', '_uniform')
    )
    assert plain.train_dataloader.dataset.pop('resampling') == 'uniform'
    for key in ('model', 'train_dataloader', 'optim_wrapper', 'load_from'):
        assert plain[key] == paper[key]


def test_mars_has_the_networks_of_its_table_5():
    advcam = read('mars/mars_deeplabv2_r101-d8_voc12-512x512.py')
    assert advcam.model.pretrained == 'torchvision://resnet101'
    assert advcam.model.backbone.depth == 101
    assert advcam.model.decode_head.type == 'mmseg_wsss.DeepLabV2Head'
    seam = read('mars/mars_deeplab-largefov_r38_voc12-512x512.py')
    assert seam.model.decode_head.type == 'mmseg_wsss.LargeFOVHead'
    assert seam.model.backbone.type == 'mmseg_wsss.ResNet38'
    assert seam.train_cfg == advcam.train_cfg
    assert seam.optim_wrapper == advcam.optim_wrapper
