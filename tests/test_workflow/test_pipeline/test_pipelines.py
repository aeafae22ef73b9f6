"""The shipped pipelines resolve, with every switch on and off."""

import copy
import re
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_wsss.compat import load_config
from mmseg_wsss.workflow.pipeline import read_plan
from mmseg_wsss.workflow.pipeline.recipe import stage_recipe

ROOT = Path(__file__).resolve().parents[3]
PIPELINES = sorted((ROOT / 'configs' / 'pipelines').glob('*.py'))


@cache
def use_of(path):
    """Read the switches of a pipeline."""
    return Config.fromfile(path).use


SWITCHES = [(path, switch) for path in PIPELINES for switch in use_of(path)]


@cache
def read_once(path):
    return load_config(path)


@cache
def read(path, *off):
    """Read a pipeline with some switches turned, each config file once."""
    use = use_of(path)
    switches = {f'use.{name}': not use[name] for name in off}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            'mmseg_wsss.workflow.pipeline.plan.load_config',
            lambda path, **_: copy.deepcopy(read_once(path)),
        )
        return read_plan(path, switches)


R101 = 'configs/hfpl/ce_deeplabv2_r101-d8_20k_voc12-321x321.py'
# Stages that only measure.
MEASURED = {'seeds', 'labels_on_train', 'evaluate_train'}


@pytest.mark.parametrize('path', PIPELINES, ids=lambda path: path.stem)
def test_a_shipped_pipeline_resolves(path):
    plan = read(path)
    assert plan.name == path.stem
    # Everything goes into the segmentor and an evaluation.
    needed = set()
    on = {stage.name for stage in plan.on}
    todo = ['evaluate', *(MEASURED & on)]
    while todo:
        name = todo.pop()
        needed.add(name)
        todo += plan.upstream(plan.stages[name])
    assert on - {'doubts'} == needed
    # Nothing is read that a run would have to make by hand before.
    assert not [file for file in plan.missing if 'work_dirs' in file]


@pytest.mark.parametrize(('path', 'switch'), SWITCHES)
def test_each_switch_can_be_turned(path, switch):
    before, after = read(path), read(path, switch)
    assert before.hashes != after.hashes
    assert after.on[-1].name == 'evaluate'


# What a method changes in the stages that run with and without it; the labels
# and weights that a stage reads are not listed.
LOSSES = r'model\.decode_head\.loss_decode.*'
TEACHER = r'model\.\w+_head\.sampler.*|custom_hooks.*'
CHANGES = {
    # With ISL, HFPL's confident labels take other alphas.
    'hfpl': LOSSES + r'|label_pipeline\.\d+\.(low|high)_alpha',
    'csd': LOSSES,
    # Beside OCR the teacher keeps to the image's labels; OCR's anchors are
    # logged.
    'ocr': LOSSES
    + r'|custom_hooks\.\d+\.restrict_to_labels|val_evaluator\.2\.type',
    'mars': rf'{TEACHER}|val_evaluator\.2\.type',  # beside OCR
    # The second segmentor has neither a teacher nor OCR, nor PMM's loss.
    'second': rf'model\.\w+_head\.loss_decode.*|{TEACHER}',
    'pus': r'model\.\w+_head\.loss_decode.*',
    'prior': r'model\.(type|auxiliary_head.*)',
    # The refinement of `refine`, where a walk comes before it.
    'irn': r'(refine|crf)_pipeline.*',
    # Of the evaluation.
    'test_crf': r'custom_hooks.*',
}
READ = ('load_from', 'seg_map_path', 'cam_dir', 'label_dir', 'checkpoint')


def leaves(node, place=''):
    """Flatten a config: values by dotted place."""
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list | tuple) and node:
        items = enumerate(node)
    else:
        return {place: node}
    found = {}
    for key, value in items:
        found |= leaves(value, f'{place}.{key}' if place else str(key))
    return found


def read_by_tool(plan, name):
    """Return the parts of a stage's config that its tool reads, flat."""
    stage = plan.stages[name]
    settings = {k: v for k, v in stage.settings.items() if k != 'pipeline'}
    keys = [*stage.kind.keys, stage.settings.get('pipeline')]
    keys = {key.split('.')[0] for key in filter(None, keys)}
    cfg = plan.configs[name]
    part = {key: cfg[key] for key in keys if cfg.get(key) is not None}
    return {'settings': settings, **leaves(part)}


@pytest.mark.parametrize(('path', 'switch'), SWITCHES)
def test_a_switch_changes_its_method_and_nothing_else(path, switch):
    before, after = read(path), read(path, switch)
    both = {s.name for s in before.on} & {s.name for s in after.on}
    assert {'segmentor', 'evaluate'} <= both
    # A single stage has neither.
    assert {'cams', 'published'} & both or path.stem == 'voc12_weclip'
    pattern = CHANGES.get(switch, '(?!)')
    trained = set()
    for name in both:
        one, two = (read_by_tool(plan, name) for plan in (before, after))
        different = {
            place
            for place in one.keys() | two.keys()
            if one.get(place) != two.get(place)
            and place.rpartition('.')[2] not in READ
        }
        wrong = {p for p in different if not re.fullmatch(pattern, p)}
        assert not wrong, (name, sorted(wrong)[:5])
        if name in ('evaluate', 'seeds') and switch not in (
            'second',
            'test_crf',
        ):
            assert all(p.startswith('model.') for p in different), name
        if different and before.stages[name].is_training:
            trained.add(name)
    if switch in ('ocr', 'mars'):
        assert 'segmentor' in trained


@pytest.mark.parametrize(('path', 'switch'), SWITCHES)
def test_a_switch_changes_no_setting_of_a_recipe(path, switch):
    before, after = read(path), read(path, switch)
    for name in {s.name for s in before.on} & {s.name for s in after.on}:
        one, two = (
            stage_recipe(plan, plan.stages[name]) for plan in (before, after)
        )
        free = ['loss', 'labels', 'start', 'steps']
        free += ['test'] if switch == 'test_crf' else []
        free += ['network'] if switch == 'prior' else []
        for setting in free:
            one.pop(setting, None)
            two.pop(setting, None)
        assert one == two, name
        if before.stages[name].is_training:
            for setting in ('network', 'crop', 'schedule', 'rates', 'images'):
                assert one.get(setting) or setting in free, (name, setting)


@pytest.mark.parametrize(
    'path',
    [path for path in PIPELINES if 'csd' in use_of(path)],
    ids=lambda path: path.stem,
)
def test_csd_keeps_the_network_and_its_training(path):
    plan = read(path)
    # The network before it, which it trains further or repeats.
    first = 'hfpl' if 'hfpl' in plan.stages else 'classifier'
    plain, csd = (plan.configs[name] for name in (first, 'csd'))
    same = r'model\.(?!decode_head\.loss_decode).*|optim_wrapper.*|train_cfg.*'
    same += '|param_scheduler.*'
    one, two = (
        {p: v for p, v in leaves(cfg.to_dict()).items() if re.match(same, p)}
        for cfg in (plain, csd)
    )
    assert one == two
    loader = csd.train_dataloader
    assert loader.batch_size == plain.train_dataloader.batch_size
    single, images = loader.dataset.dataset, plain.train_dataloader.dataset
    for key in ('type', 'ann_file', 'data_root'):
        assert single[key] == images[key]
    assert single.data_prefix.img_path == images.data_prefix.img_path


def test_mars_has_a_baseline_of_the_same_network():
    small = ('scenes', 'voc_mini')
    paths = [
        path
        for path in PIPELINES
        if use_of(path).get('mars') and not any(n in path.stem for n in small)
    ]
    assert len(paths) == 9
    for path in paths:
        plan = read(path, 'mars')
        cfg = plan.configs['segmentor']
        with_mars = read(path).configs['segmentor']
        for part in ('backbone', 'pretrained', 'data_preprocessor'):
            assert cfg.model.get(part) == with_mars.model.get(part)
        assert cfg.model.data_preprocessor.size == (512, 512)
        assert cfg.train_cfg.max_iters == 66000
        kinds = [hook['type'] for hook in cfg.custom_hooks]
        assert 'mmseg_wsss.ComplementHook' not in kinds
        labels = plan.stages['segmentor'].inputs['labels']
        assert labels in ('{walk.labels}', '{published.labels}')


def test_it_says_what_it_is_compared_with():
    for path in PIPELINES:
        use = Config.fromfile(path).use
        lines = read(path).compares
        paper = Config.fromfile(path).get('paper')
        if path.stem.startswith(('voc12', 'coco14')):
            method = paper['method']
            assert use[method] and len(lines) == len(paper['figures']) + 1
        else:
            assert lines == []
            continue
        for line, figure in zip(lines, paper['figures'], strict=False):
            assert line.startswith(f'compares with {paper["name"]}: ')
            assert f'{figure["what"]} {figure["after"]}' in line
            assert figure['stage'] in {stage.name for stage in read(path).on}
        without = read(path, method)
        figures = [f for f in paper['figures'] if f['before'] is not None]
        assert len(without.compares) == len(figures) + 1
        for line, figure in zip(without.compares, figures, strict=False):
            assert f'{figure["what"]} {figure["before"]}' in line
            assert figure['stage'] in {stage.name for stage in without.on}
        for name in paper['recipe']:
            assert name in read(path).stages, name


def test_nothing_of_voc_is_left_on_coco():
    for path in PIPELINES:
        if not path.stem.startswith('coco14'):
            continue
        plan = read(path)
        text = [str(stage_recipe(plan, stage)) for stage in plan.on]
        text += [str(read_once(path).paper.recipe)]
        assert not re.search('train_aug|10,582|1,449|1,464', ' '.join(text))
        for name in plan.configs:
            found = str(read_by_tool(plan, name))
            assert 'VOCdevkit' not in found, (path.stem, name)


def test_another_config_is_no_row_of_the_paper_or_a_variant():
    path = ROOT / 'configs' / 'pipelines' / 'voc12_hfpl-seam.py'
    other = 'configs/hfpl/isl-fsl_r38_voc12.py'
    (line,) = read_plan(path, {'configs.hfpl': other}).compares
    assert 'compares with no figure' in line and other in line
    # A variant with an option more is none.
    alone = 'configs/hfpl/isl_seam-r38_voc12_multinomial.py'
    (line,) = read_plan(path, {'configs.hfpl': alone}).compares
    assert 'compares with no figure' in line
    same = Config.fromfile(path).configs.hfpl
    assert len(read_plan(path, {'configs.hfpl': same}).compares) > 1


@pytest.mark.parametrize(
    ('name', 'option', 'stages'),
    [
        # CLIP-ES's figures are of CAMs and labels, OCR is in the segmentor.
        ('voc12_clip', {'use.ocr': False}, ['seeds', 'labels_on_train']),
        ('voc12_hfpl-seam', {'use.ocr': True}, ['seeds']),
        ('voc12_hfpl-seam', {'use.psa': False}, ['seeds']),
        ('voc12_ocr-psa', {'use.psa': False}, []),
        (
            'voc12_ocr-psa',
            {'stages.segmentor.options.train_cfg.max_epochs': 1},
            [],
        ),
        (
            'voc12_ocr-psa',
            {'stages.segmentor.options.train_dataloader.batch_size': 2},
            ['evaluate', 'evaluate'],
        ),
        (
            'voc12_mars-rsepm',
            {'stages.published.inputs.labels': 'docs/images'},
            [],
        ),
        (
            'voc12_ocr-psa',
            {'stages': {'cams': {'inputs': {'checkpoint': 'docs'}}}},
            [],
        ),
        # A config that nothing reads while its switch is off.
        (
            'voc12_ocr-psa',
            {'use.ocr': False, 'configs.ocr': 'configs/ocr_deeplab_voc2.py'},
            ['evaluate', 'evaluate'],
        ),
        # A variant's own figures, and those that it does not touch.
        (
            'voc12_hfpl-sipe',
            {'configs.segmentor': R101},
            ['evaluate', 'evaluate', 'seeds'],
        ),
    ],
)
def test_a_figure_is_compared_unless_its_stage_is_another(
    name, option, stages
):
    path = ROOT / 'configs' / 'pipelines' / f'{name}.py'
    *lines, last = read_plan(path, option).compares
    assert [line.rsplit('stage ', 1)[1] for line in lines] == stages
    assert last.startswith('differs' if stages else 'compares with no figure')


def test_the_form_of_algorithm_2_runs_in_a_pipeline():
    path = ROOT / 'configs' / 'pipelines' / 'voc12_ocr-psa.py'
    alg2 = 'ocr_alg2_deeplab-largefov_r38_30e_voc12-321x321'
    for options, forms in (
        ({}, [None, 'dropped']),
        ({'configs.ocr': f'configs/ocr/{alg2}.py'}, [None, 'zeroed']),
        ({'use.ocr': False}, [None]),
    ):
        plan = read_plan(path, options)
        losses = plan.configs['segmentor'].model.decode_head.loss_decode
        assert losses[0].type == 'CrossEntropyLoss'
        assert [
            loss.get('filtered', 'dropped' if 'prior' in loss else None)
            for loss in losses
        ] == forms


def test_the_variants_of_the_papers():
    found = {}
    for path in PIPELINES:
        paper = Config.fromfile(path).get('paper') or {}
        for row in paper.get('variants', []):
            options = {f'configs.{k}': v for k, v in row['configs'].items()}
            plan = read_plan(path, options)
            last = plan.compares.pop()
            assert last == f'differs from it: {row["differs"]}'
            assert len(plan.compares) >= len(row['figures']) > 0
            for line, figure in zip(
                plan.compares, row['figures'], strict=False
            ):
                assert line.startswith(f'compares with {row["name"]}: ')
                assert f'{figure["what"]} {figure["after"]}' in line
                assert figure['stage'] in {stage.name for stage in plan.on}
            found[row['name']] = plan
    assert len(found) == 10
    segmentor = found['ISL + FSL (WACV 2024), on SIPE, ResNet-101'].configs[
        'segmentor'
    ]
    assert segmentor.model.backbone.depth == 101
    path = ROOT / 'configs' / 'pipelines' / 'voc12_hfpl-sipe.py'
    options = {'configs.segmentor': R101, 'use.hfpl': False}
    line = read_plan(path, options).compares[0]
    assert 'mIoU 68.5 (with hfpl 69.4)' in line


def test_the_tests_of_the_papers():
    def tested(name):
        path = ROOT / 'configs' / 'pipelines' / f'{name}.py'
        plan = read(path)
        assert plan.stages['evaluate'].settings['tta']
        cfg = plan.configs['evaluate']
        (crf,) = cfg.custom_hooks
        scales, flips = cfg.tta_pipeline[1].transforms[:2]
        if 'mctformer' in name:
            assert flips[0].type == 'LoadAnnotations'
        else:
            assert [flip.prob for flip in flips] == [0, 1]
        metrics = {metric.type for metric in cfg.test_evaluator}
        return (
            [scale.scale_factor for scale in scales],
            cfg.tta_model.fusion,
            crf.params,
            metrics,
        )

    for name in ('csd', 'hfpl'):
        _, fusion, crf, _ = tested(f'voc12_{name}-mctformer')
        assert (fusion, crf) == ('max_probabilities', 'mctformer_test')
    for data in ('voc12', 'coco14'):
        for name in ('psa', 'seam'):
            scales, fusion, crf, _ = tested(f'{data}_ocr-{name}')
            assert scales == [0.5, 0.75, 1.0, 1.25, 1.5]
            assert (fusion, crf) == ('mean_probabilities', 'deeplab_test')
        scales, fusion, crf, _ = tested(f'{data}_ocr-mctformer')
        assert scales == [0.5, 0.75, 1.0, 1.25, 1.5]
        assert (fusion, crf) == ('max_probabilities', 'deeplab_test')
        scales, fusion, crf, metrics = tested(f'{data}_hfpl')
        assert scales == [0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
        assert (fusion, crf) == ('mean_logits', 'hfpl_test')
        assert 'mmseg_wsss.ContourMetric' in metrics
        scales, fusion, crf, metrics = tested(f'{data}_mars-irn')
        assert scales == [0.5, 1.0, 1.5, 2.0]
        assert (fusion, crf) == ('mean_probabilities', 'stego')
        assert 'mmseg_wsss.FalseRateMetric' in metrics


def test_the_single_stage_of_clip():
    plan = read(ROOT / 'configs' / 'pipelines' / 'voc12_weclip.py')
    assert [stage.name for stage in plan.on] == ['segmentor', 'evaluate']
    train, test = (stage_recipe(plan, stage) for stage in plan.on)
    assert train['labels'] == 'made while training'
    assert 'clip_quickgelu' in train['start']
    assert test['test'] == (
        'long sides 512 384, flips, mean_logits, CRF weclip_test'
    )
    cfg = plan.configs['evaluate']
    assert [hook.type for hook in cfg.custom_hooks] == [
        'mmseg_wsss.DenseCRFHook'
    ]
    ocr = read(ROOT / 'configs' / 'pipelines' / 'voc12_weclip.py', 'ocr')
    losses = ocr.configs['segmentor'].model.decode_head.loss_decode
    assert [loss.type.split('.')[-1] for loss in losses] == [
        'BalancedCrossEntropy',
        'OCRLoss',
    ]


def test_cams_are_compared_on_the_train_list_of_voc():
    for path in PIPELINES:
        plan = read(path)
        voc = path.stem.startswith('voc12') or path.stem == 'all_voc12'
        voc = voc and 'cams' in plan.stages
        assert ('seeds' in plan.stages) == voc
        if voc:
            lists = [
                Path(plan.configs[name].test_dataloader.dataset.ann_file).stem
                for name in ('cams', 'seeds')
            ]
            assert lists == ['train_aug', 'train']


def test_irn_cuts_cams_at_its_background():
    for data in ('voc12', 'coco14'):
        plan = read(ROOT / 'configs' / 'pipelines' / f'{data}_mars-irn.py')
        head = plan.configs['cams'].model.decode_head
        assert head.background_threshold == 0.15


def test_no_option_is_addressed_by_its_place_in_a_list():
    files = [*(ROOT / 'configs').rglob('*.py')]
    found = [
        (path.name, option)
        for path in files
        if path.parent.name != 'schedules'  # which name parameters
        for option in re.findall(r"'[\w.-]+\.\d+\.[\w.]+'", path.read_text())
    ]
    assert len(files) > 50 and not found


GPUS = [(p, re.search(r'--gpus (\d+) ', p.read_text())) for p in PIPELINES]


@pytest.mark.parametrize(
    ('path', 'gpus'),
    [pytest.param(p, int(n[1]), id=p.stem) for p, n in GPUS if n],
)
def test_gpus_can_share_the_batches(path, gpus):
    """As many as the pipeline's comment starts, whatever is on."""
    assert '--split-batch' in path.read_text()
    for plan in (read(path), read(path, *use_of(path))):
        for stage in plan.on:
            if stage.is_training:
                batch = plan.configs[stage.name].train_dataloader.batch_size
                assert batch % gpus == 0, stage.name


def test_everything_off_is_cams_densecrf_and_a_segmentor():
    path = ROOT / 'configs' / 'pipelines' / 'all_scenes.py'
    use = Config.fromfile(path).use
    plan = read(path, *(name for name, on in use.items() if on))
    assert [stage.name for stage in plan.on] == [
        *('classifier', 'cams', 'refine', 'segmentor', 'evaluate')
    ]
    assert plan.stages['segmentor'].inputs == {
        'start': '{classifier.checkpoint}',
        'labels': '{refine.labels}',
    }
    assert plan.stages['cams'].inputs == {
        'checkpoint': '{classifier.checkpoint}'
    }


def check_upper_mark(plan, weak, masks):
    """Check that full supervision differs from a stage in masks only."""
    weak, full = (
        plan.configs[name].to_dict() for name in (weak, 'full_segmentor')
    )
    folders = [
        cfg['train_dataloader']['dataset']['data_prefix'].pop('seg_map_path')
        for cfg in (weak, full)
    ]
    assert folders[0].startswith('{') and folders[1] == masks
    allowed = [hook.pop('allow_masks', False) for hook in full['custom_hooks']]
    assert allowed == [True] + [False] * (len(allowed) - 1)
    for hook in [*weak['custom_hooks'], *full['custom_hooks']]:
        hook.pop('_scope_', None)
    for cfg in (weak, full):  # one loss, in a list or not
        head = cfg['model']['decode_head']
        losses = head['loss_decode']
        losses = losses if isinstance(losses, list) else [losses]
        head['loss_decode'] = [{'loss_weight': 1.0, **loss} for loss in losses]
    assert weak == full


def with_switch(switch):
    """Return the pipelines that have a switch."""
    return [path for path in PIPELINES if switch in use_of(path)]


def compared(path):
    """Read a pipeline with all its comparisons, and without OCR and MARS."""
    use = use_of(path)
    turned = [name for name in ('full', 'evaluate_train') if name in use]
    turned += [name for name in ('ocr', 'mars') if use.get(name)]
    return read(path, *turned)


@pytest.mark.parametrize(
    'path', with_switch('full'), ids=lambda path: path.stem
)
def test_the_upper_mark_is_the_same_network_on_true_masks(path):
    plan = compared(path)
    weak = 'second_segmentor' if use_of(path).get('second') else 'segmentor'
    root = plan.configs[weak].train_dataloader.dataset.data_root
    masks = {
        'data/scenes': 'SegmentationClass',
        'data/coco2014': 'masks_train',
    }.get(root, 'SegmentationClassAug')
    check_upper_mark(plan, weak, masks)
    tests = 'evaluate', 'evaluate_full'
    assert [plan.stages[name].inputs['checkpoint'] for name in tests] == [
        *(f'{{{weak}.checkpoint}}', '{full_segmentor.checkpoint}'),
    ]
    one, other = (read_by_tool(plan, name) for name in tests)
    one, other = (
        {
            key: value
            for key, value in cfg.items()
            if not re.search('loss|allow_masks', key)
        }
        for cfg in (one, other)
    )
    assert one == other


@pytest.mark.parametrize(
    'path', with_switch('evaluate_train'), ids=lambda path: path.stem
)
def test_anchors_are_compared_with_the_labels_that_were_learned(path):
    plan = compared(path)
    checkpoint = plan.stages['evaluate_train'].inputs['checkpoint']
    assert checkpoint == '{segmentor.checkpoint}'
    cfg = plan.configs['evaluate_train']
    training = plan.configs['segmentor'].train_dataloader.dataset
    # VOC has masks of its own for a part of train_aug.
    lists = {
        training.ann_file,
        training.ann_file.replace('train_aug', 'train'),
    }
    tested = cfg.test_dataloader.dataset.ann_file
    assert tested in lists
    assert tested != plan.configs['evaluate'].test_dataloader.dataset.ann_file
    anchor = cfg.test_evaluator[-1]
    assert anchor['type'].endswith('AnchorMetric')
    assert anchor['label_dir'] == training.data_prefix.seg_map_path


@pytest.mark.parametrize(
    'name', ['all_scenes', 'all_voc_mini', 'all_voc_mini_lite2']
)
def test_the_prior_fits_the_network(name):
    plan = read(ROOT / 'configs' / 'pipelines' / f'{name}.py')
    for stage in ('segmentor', 'second_segmentor'):
        model = MODELS.build(plan.configs[stage].model).eval()
        features = model.extract_feat(torch.zeros(1, 3, 64, 64))
        prior = model.log_prior(features)
        assert prior.shape == (1, model.decode_head.num_classes)
