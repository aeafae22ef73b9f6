"""Reading pipelines: switches, references, hashes, what is wrong."""

from pathlib import Path

import pytest

from mmseg_wsss.workflow.pipeline import read_plan
from mmseg_wsss.workflow.pipeline.command import stage_arguments
from mmseg_wsss.workflow.pipeline.paper import comparison
from tests.test_workflow.test_pipeline import fake


@pytest.fixture
def pipeline(tmp_path):
    return fake.make(tmp_path)


def plan_of(pipeline, **options):
    return read_plan(pipeline, options, pipeline.parent / 'work')


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_stages_take_what_others_make(pipeline):
    plan = plan_of(pipeline)
    assert [stage.name for stage in plan.on] == [
        *('classifier', 'cams', 'refine', 'segmentor', 'evaluate')
    ]
    configs = plan.configs
    assert configs['refine'].refine_pipeline[0].cam_dir == '{cams.cams}'
    masks = configs['segmentor'].train_dataloader.dataset.data_prefix
    assert masks.seg_map_path == '{refine.labels}'
    assert masks.img_path == 'images'
    # The config of another stage; the options of all stages.
    assert configs['cams'].model.type == 'CAM'
    assert configs['evaluate'].model.type == 'CE'
    assert all(cfg.randomness.seed == 0 for cfg in configs.values())
    assert plan.upstream(plan.stages['evaluate']) == ['segmentor']
    assert not plan.missing


@pytest.mark.parametrize(
    ('first', 'last', 'expected'),
    [
        (None, None, slice(None)),
        ('cams', 'cams', slice(1, 2)),
        ('segmentor', None, slice(3, None)),
        (None, 'refine', slice(0, 3)),
        ('refine', 'cams', slice(0)),
    ],
)
def test_stages_from_one_to_another(pipeline, first, last, expected):
    plan = plan_of(pipeline)
    assert plan.between(first, last) == plan.on[expected]


def test_a_stage_that_is_off_passes_on_what_it_reads(pipeline):
    plan = plan_of(pipeline, **{'use.refine': False})
    assert 'refine' not in [stage.name for stage in plan.on]
    assert plan.stages['segmentor'].inputs == {'labels': '{cams.labels}'}


def test_a_stage_of_the_base_is_left_out_by_none(pipeline):
    child = pipeline.parent / 'child.py'
    child.write_text("_base_ = './pipeline.py'\nstages = dict(evaluate=None)")
    plan = plan_of(child)
    assert list(plan.stages)[-1] == 'segmentor' and len(plan.stages) == 4


def test_what_a_run_is_compared_with(pipeline):
    assert plan_of(pipeline).compares == []
    figure = dict(stage='evaluate', what='val, mIoU', before=1.5, after=2.5)
    paper = dict(
        name='Paper', method='refine', figures=[figure], recipe={}, differs='x'
    )
    with open(pipeline, 'a') as file:
        file.write(f'paper = {paper}\n')
    assert plan_of(pipeline).compares == [
        'compares with Paper: val, mIoU 2.5 (without refine 1.5); stage '
        'evaluate',
        'differs from it: x',
    ]
    line = plan_of(pipeline, **{'use.refine': False}).compares[0]
    assert 'val, mIoU 1.5 (with refine 2.5)' in line
    off = {'use.refine': False, 'use.ocr': True}
    assert plan_of(pipeline, **off).compares == [
        'compares with no figure of Paper, because of use.ocr=True; '
        'docs/results.md lists other rows of the papers'
    ]
    longer = {'stages.segmentor.options': {'train_cfg.max_epochs': 9}}
    (line,) = plan_of(pipeline, **longer).compares
    assert 'because of stages.segmentor.options' in line
    (line,) = plan_of(pipeline, **{'options.model.loss': ['x']}).compares
    assert 'because of options.model.loss' in line
    # These leave the experiment as it is, and this is read after the figure.
    seed = {'options.randomness.seed': 3}
    assert len(plan_of(pipeline, **seed).compares) == 2
    figure['stage'] = 'cams'
    edit(pipeline, "'stage': 'evaluate'", "'stage': 'cams'")
    assert len(plan_of(pipeline, **longer).compares) == 2
    assert len(plan_of(pipeline, **{'use.ocr': True}).compares) == 2
    row = dict(
        name='Row',
        configs={'segmentor': 'other.py'},
        figures=[dict(figure, after=3.5)],
        differs='y',
    )
    with_rows = dict(paper, variants=[row])
    changed = {'configs.segmentor': 'other.py', 'use.x': True}
    depends = {'cams': {'use.refine', 'configs.segmentor'}}
    assert comparison(with_rows, changed, depends) == [
        'compares with Row: val, mIoU 3.5 (without refine 1.5); stage cams',
        'differs from it: y',
    ]
    changed = {'configs.segmentor': 'another.py'}
    (line,) = comparison(with_rows, changed, depends)
    assert line.startswith('compares with no figure of Paper, because of conf')
    row['figures'] = [dict(figure, before=None)]
    off = {'configs.segmentor': 'other.py', 'use.refine': False}
    (line,) = comparison(with_rows, off, depends)
    assert 'no figure of Row, because of' in line and 'use.refine' in line
    del row['differs']
    with pytest.raises(ValueError, match=r'paper\.variants must have'):
        comparison(with_rows, {}, {})
    for old, new, where in (
        ("'differs'", "'difers'", 'paper must have the keys differs, figures'),
        ("'what'", "'which'", 'paper.figures must have the keys after'),
    ):
        text = pipeline.read_text()
        edit(pipeline, old, new)
        with pytest.raises(ValueError, match=where):
            plan_of(pipeline)
        pipeline.write_text(text)


def test_a_switch_changes_settings(pipeline):
    plan = plan_of(pipeline, **{'use.ocr': True})
    assert plan.configs['segmentor'].model.type == 'OCR'
    assert plan.configs['evaluate'].model.type == 'OCR'
    edit(pipeline, "/ocr.py')", "/ocr.py', options={'model.loss': [1, 2]})")
    plan = plan_of(pipeline, **{'use.ocr': True})
    assert plan.configs['segmentor'].model.loss == [1, 2]
    # It is the stage's own setting only while the switch is on.
    assert plan_of(pipeline).configs['segmentor'].model.loss == ['ce']


@pytest.mark.parametrize(
    ('option', 'error'),
    [
        # A part of a stage's config, without options.
        (
            'train_dataloader.num_workers',
            'mean options.train_dataloader.num_workers, for all stages',
        ),
        ('option.randomness.seed', 'mean options.randomness.seed'),
        ('opts', 'a pipeline has stages, use, options'),
        ('stage.refine.options.model.x', 'mean stages.refine.options.model'),
        ('classifier.options.model.x', 'mean stages.classifier.options.mod'),
        ('stages.segmenter.options.model.x', 'mean stages.segmentor.options'),
        ('stages.segmentor.option.model.x', "'option', do you mean 'options'"),
        # Names that a config has used already, and names of nothing.
        ('options.label_file', 'label_file: the config has used its value'),
        ('options.num_workers', 'mean t.*_dataloader.num_workers or'),
        ('options.trian_cfg.max_epochs', 'mean train_cfg.max_epochs'),
        ('stages.classifier.options.load.x', 'stage classifier: nothing'),
        # A part that no tool of this stage reads.
        ('stages.refine.options.train_dataloader.x', 'stage refine: nothing'),
        ('stages.classifier.options.refine_pipeline.0.x', 'nothing reads'),
    ],
)
def test_options_that_nothing_reads(pipeline, option, error):
    with pytest.raises(ValueError, match=error):
        plan_of(pipeline, **{option: 3})


@pytest.mark.parametrize(
    'option',
    [
        'options.env_cfg.cudnn_benchmark',
        'options.data_root',
        'stages.refine.options.refine_pipeline.1.alpha',
        'stages.refine.options.log_level',
        # The evaluation takes the segmentor's config, with its options.
        'stages.segmentor.options.test_dataloader.num_workers',
        'stages.segmentor.options.train_cfg.max_epochs',
    ],
)
def test_options_that_are_read(pipeline, option):
    value = str(pipeline.parent) if 'data_root' in option else 3
    assert plan_of(pipeline, **{option: value}).configs


def test_options_of_a_config_with_modules_of_its_own_are_not_known(pipeline):
    with open(pipeline.parent / 'cam.py', 'a') as file:
        file.write("custom_imports = dict(imports=['json'])\n")
    option = 'stages.classifier.options.mine'
    assert plan_of(pipeline, **{option: 3}).configs['classifier'].mine == 3


def test_settings_of_two_switches_together(pipeline):
    both = "{'ocr+refine': dict(options={'model.width': 7})}"
    edit(pipeline, 'when=dict(ocr=', f'when={both} if 1 else dict(ocr=')
    for switches, width in (
        ({'use.ocr': True}, 7),
        ({'use.ocr': False}, None),
        ({'use.ocr': True, 'use.refine': False}, None),
    ):
        plan = plan_of(pipeline, **switches)
        assert plan.configs['segmentor'].model.get('width') == width
    with pytest.raises(ValueError, match=r'do you mean refine\?'):
        plan_of(pipeline, **{'use.refin': True})


def test_several_stages_hang_on_one_switch(pipeline):
    edit(pipeline, 'cams=dict(\n', "cams=dict(method='refine',\n")
    with pytest.raises(ValueError, match='refine is off, and no stage'):
        # What segmentor asks for is nowhere to be found.
        plan_of(pipeline, **{'use.refine': False})


def test_options_of_one_stage_from_the_command_line(pipeline):
    plan = plan_of(
        pipeline,
        **{
            'stages.segmentor.options.model.width': 7,
            'options.log_level': 'ERROR',
        },
    )
    assert plan.configs['segmentor'].model.width == 7
    assert plan.configs['classifier'].model.width == 1
    assert plan.configs['evaluate'].model.width == 7
    assert all(cfg.log_level == 'ERROR' for cfg in plan.configs.values())


class TestOptionsAddUp:
    """Dotted keys of the pipeline's file, nested ones of the command line."""

    def test_those_for_all_stages(self, pipeline):
        plan = plan_of(pipeline, **{'options.randomness.deterministic': True})
        for cfg in plan.configs.values():
            assert cfg.randomness == dict(seed=0, deterministic=True)
        plan = plan_of(pipeline, **{'options.randomness.seed': 3})
        assert plan.configs['segmentor'].randomness.seed == 3

    def test_those_of_a_stage(self, pipeline):
        own = "options={'train_dataloader.dataset.ann_file': 'mine.txt'}"
        edit(pipeline, '/ce.py', f"/ce.py', {own}, method='segmentor")
        mine = {'stages.segmentor.options.train_dataloader.batch_size': 2}
        mine['options.train_dataloader.num_workers'] = 1
        plan = plan_of(pipeline, **mine)
        loader = plan.configs['segmentor'].train_dataloader
        assert loader.dataset.ann_file == 'mine.txt'
        assert (loader.batch_size, loader.num_workers) == (2, 1)

    def test_those_of_a_stage_stay_there(self, pipeline):
        own = "options={'test_dataloader.dataset.ann_file': 'list.txt'}"
        edit(pipeline, '/cam.py', f"/cam.py', {own}, method='classifier")
        edit(pipeline.parent / 'ce.py', 'list.txt', 'val.txt')
        both = {'options.test_dataloader.num_workers': 8}
        configs = plan_of(pipeline, **both).configs
        for name, file in (('cams', 'list.txt'), ('evaluate', 'val.txt')):
            loader = configs[name].test_dataloader
            assert loader.dataset.ann_file == file
            assert loader.num_workers == 8

    def test_a_part_is_replaced_in_every_stage(self, pipeline):
        new = {'options.model._delete_': True, 'options.model.type': 'New'}
        configs = plan_of(pipeline, **new).configs
        for name in ('classifier', 'segmentor'):
            assert configs[name].model == {'type': 'New'}

    def test_the_command_line_comes_last(self, pipeline):
        edit(pipeline, "/ocr.py')", "/ocr.py', options={'model.loss': [1]})")
        mine = {'use.ocr': True, 'stages.segmentor.options.model.loss': [2]}
        assert plan_of(pipeline, **mine).configs['segmentor'].model.loss == [2]


def test_a_path_may_stand_where_a_reference_does(pipeline):
    root = pipeline.parent
    edit(pipeline, '{refine.labels}', f'{root}/mine')
    assert list(plan_of(pipeline).missing) == [f'{root}/mine']
    (root / 'mine').mkdir()
    plan = plan_of(pipeline)
    cfg = plan.configs['segmentor']
    masks = cfg.train_dataloader.dataset.data_prefix.seg_map_path
    assert masks == f'{root}/mine' and not plan.missing
    (root / 'mine' / '0.png').write_text('x')
    assert plan_of(pipeline).hashes['segmentor'] != plan.hashes['segmentor']


def test_configs_by_name(pipeline):
    edit(pipeline, f"config='{pipeline.parent}/ce.py'", "config='network'")
    with pytest.raises(FileNotFoundError, match='there is no config network'):
        plan_of(pipeline)
    with open(pipeline, 'a') as file:
        file.write(f"configs = dict(network='{pipeline.parent}/ce.py')\n")
    plan = plan_of(pipeline)
    assert plan.stages['segmentor'].config == f'{pipeline.parent}/ce.py'
    assert plan.configs['evaluate'].model.type == 'CE'
    with pytest.raises(ValueError, match='configs must be a dict'):
        plan_of(pipeline, configs='ce.py')


def changed(pipeline, before):
    after = plan_of(pipeline).hashes
    return {name for name in before if before[name] != after[name]}


def test_hashes_follow_configs_and_files(pipeline):
    root = pipeline.parent
    before = plan_of(pipeline).hashes
    assert not changed(pipeline, before)
    # Comments and parts that a tool does not read make no difference.
    cam = root / 'cam.py'
    cam.write_text('# a comment\nunused = 1\n' + cam.read_text())
    assert not changed(pipeline, before)
    edit(cam, 'width=1', 'width=2')
    assert changed(pipeline, before) == {'classifier', 'cams'}
    edit(cam, 'width=2', 'width=1')
    edit(root / 'crf.py', 'alpha=2', 'alpha=3')
    assert changed(pipeline, before) == {'refine'}
    edit(root / 'crf.py', 'alpha=3', 'alpha=2')
    (root / 'list.txt').write_text('0\n')
    assert changed(pipeline, before) == set(before)
    (root / 'list.txt').write_text('0\n1\n')
    (root / 'labels.json').write_text('{"0": ["cat"]}')
    # A refinement whose own steps load no labels reads none.
    assert changed(pipeline, before) == set(before) - {'refine'}
    (root / 'labels.json').write_text('{}')
    assert not changed(pipeline, before)
    (root / 'images').mkdir()
    (root / 'images' / '0.jpg').write_text('a photo')
    before = plan_of(pipeline).hashes
    (root / 'images' / '0.jpg').write_text('another photo')
    assert changed(pipeline, before) == set(before)


def test_missing_files_are_named_with_their_stages(pipeline):
    (pipeline.parent / 'labels.json').unlink()
    (line,) = plan_of(pipeline).missing_lines()
    assert 'labels.json (stage classifier, cams, segmentor' in line


@pytest.mark.parametrize(
    ('old', 'new', 'error'),
    [
        ('refine=True', 'refien=True', 'use.refien.*do you mean refine'),
        ('refine=True', "refine='no'", 'use.refine is True or False'),
        ('{refine.labels}', '{refin.labels}', 'no stage before it'),
        ('{refine.labels}', '{evaluate.labels}', 'no stage before it'),
        ('{refine.labels}', '{refine.cams}', 'has only labels, config'),
        ('cams=dict(\n', 'clouds=dict(\n', 'clouds: it has no kind.*train'),
        ('inputs=dict(cams', 'inptus=dict(cams', "'inptus', do you mean"),
        ('inputs=dict(cams', 'inputs=dict(cam', "'cam', do you mean 'cams'"),
        ("{root}/crf.py'", "nowhere.py'", 'stage refine: there is no config'),
        ('classifier=dict(config=', 'classifier=dict(conf=', 'conf'),
        ('inputs=dict(checkpoint', 'options=dict(checkpoint', 'needs inputs'),
        ('{root}/ce.py', '{root}/crf.py', 'train_dataloader|LoadAnnot'),
        ('{root}/crf.py', '{root}/ce.py', 'no list refine_pipeline'),
        ('when=dict(ocr=dict(config=', 'when=dict(ocr=str(', 'when: ocr must'),
        ('inputs=dict(cams=', 'inputs=list(', 'refine: inputs must be a dict'),
        ('stages = dict', 'steps = dict', 'has no dict named stages'),
        ('refine=dict(', 'old=dict(', 'use.refine: no stage|cannot be named'),
    ],
)
def test_what_is_wrong_is_said(pipeline, old, new, error):
    root = str(pipeline.parent)
    if old == '{root}/ce.py':  # a config that loads no masks
        edit(pipeline.parent / 'crf.py', 'LoadAnnotations', 'Nothing')
    edit(pipeline, *(text.replace('{root}', root) for text in (old, new)))
    with pytest.raises((ValueError, FileNotFoundError), match=error):
        plan_of(pipeline)


@pytest.mark.parametrize(
    ('config', 'part', 'error'),
    [
        ('cam', 'test', 'cams: its config has no test_dataloader, which make'),
        ('ce', 'train', 'segmentor: its config has no train_dataloader, whic'),
    ],
)
def test_a_config_without_data(pipeline, config, part, error):
    with open(pipeline.parent / f'{config}.py', 'a') as file:
        file.write(f'{part}_dataloader = None\n')
    with pytest.raises(ValueError, match=f'stage {error}'):
        plan_of(pipeline)


def test_a_refiner_that_cannot_take_its_input(pipeline):
    edit(pipeline.parent / 'crf.py', 'LoadCAM', 'LoadMap')
    with pytest.raises(ValueError, match='refine_pipeline has no LoadCAM'):
        plan_of(pipeline)


def test_labels_of_a_test_need_the_metric_that_reads_them(pipeline):
    given = {'stages.evaluate.inputs.labels': '{refine.labels}'}
    with pytest.raises(ValueError, match='no list test_evaluator'):
        plan_of(pipeline, **given)
    config = pipeline.parent / 'ce.py'
    with open(config, 'a') as file:
        file.write("test_evaluator = [dict(type='IoUMetric')]\n")
    with pytest.raises(ValueError, match='test_evaluator has no AnchorMetric'):
        plan_of(pipeline, **given)
    edit(config, 'IoUMetric', 'mmseg_wsss.AnchorMetric')
    (metric,) = plan_of(pipeline, **given).configs['evaluate'].test_evaluator
    assert metric['label_dir'] == '{refine.labels}'


def test_a_config_that_imports_what_is_not_there(pipeline):
    with open(pipeline.parent / 'crf.py', 'a') as file:
        file.write("custom_imports = dict(imports=['no_such_module'])\n")
    with pytest.raises(ValueError, match=r'stage refine: .*no_such_module'):
        plan_of(pipeline)


def test_seeds_take_no_checkpoint(tmp_path):
    """They are the CAMs of a network that is not trained."""
    content = fake.PIPELINE.format(root=tmp_path)
    start = content.index('    classifier=')
    end = content.index('    refine=')
    file = fake.make(tmp_path)
    seeds = f"    cams=dict(kind='frozen_cams', config='{tmp_path}/cam.py'),\n"
    file.write_text(content[:start] + seeds + content[end:])
    said = fake.run(file)
    call = fake.calls(tmp_path)[0]
    assert call['stage'] == 'cams'
    assert call['argv'][1] == '--work-dir' and '--tta' not in call['argv']
    assert said[0].split()[1].endswith('make_cams.py')
    plan = plan_of(file)
    assert plan.stages['refine'].inputs == {'cams': '{cams.cams}'}
    edit(file, "kind='frozen_cams'", "kind='frozen_cams', tta=True")
    with pytest.raises(ValueError, match="unknown setting 'tta'"):
        plan_of(file)


STEGO = """
stages = dict(
    neighbours=dict(config='{root}/stego.py'),
    stego=dict(
        config='{root}/stego.py',
        choose='best',
        inputs=dict(neighbours='{{neighbours.neighbours}}'),
    ),
    features=dict(
        config='{root}/stego.py',
        inputs=dict(checkpoint='{{stego.checkpoint}}'),
    ),
    centroids=dict(
        config='{root}/stego.py',
        inputs=dict(features='{{features.features}}'),
    ),
    debias=dict(
        config='{root}/stego.py',
        pipeline='debias_pipeline',
        save_scores=True,
        inputs=dict(
            features='{{features.features}}',
            centroids='{{centroids.centroids}}',
        ),
    ),
)
"""
STEGO_CONFIG = """
pairs = dict(neighbours='x', dataset=dict(type='Y'))
test_dataloader = dict(dataset=dict(type='Y'))
train_dataloader = dict(dataset=pairs)
val_dataloader = dict(dataset=pairs)
feature_extractor = dict(type='STEGOFeatures', checkpoint='x')
load = [dict(type='LoadFeatures', feature_dir='x')]
centroid_pipeline = [*load, dict(type='RegionCentroids')]
debias_pipeline = [*load, dict(type='mmseg_wsss.MARSDebias', centroids='x')]
"""


def test_what_mars_passes_on(tmp_path):
    (tmp_path / 'stego.py').write_text(STEGO_CONFIG)
    file = tmp_path / 'mars.py'
    file.write_text(STEGO.format(root=tmp_path))
    plan = read_plan(file)
    cfg = plan.configs['stego']
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        assert loader.dataset.neighbours == '{neighbours.neighbours}'
    features = plan.configs['features'].feature_extractor
    assert features.checkpoint == '{stego.checkpoint}'
    (load, _) = plan.configs['centroids'].centroid_pipeline
    assert load.feature_dir == '{features.features}'
    load, debias = plan.configs['debias'].debias_pipeline
    assert load.feature_dir == '{features.features}'
    assert debias.centroids == '{centroids.centroids}'
    assert set(plan.stages['debias'].outputs) == {'labels', 'cams'}
    assert not plan.missing
    arguments = {
        name: stage_arguments(stage, 'c.py', Path('f'), {}, 3)
        for name, stage in plan.stages.items()
    }
    common = ['c.py', '--work-dir', 'f']
    workers = ['--num-workers', '3']
    assert arguments == {
        'neighbours': [*common, '--out', 'f/neighbours.npz', *workers],
        'stego': common,
        'features': [*common, '--out-dir', 'f', *workers],
        'centroids': [
            *common,
            *('--out-dir', 'f', '--pipeline', 'centroid_pipeline', *workers),
        ],
        'debias': [
            *common,
            *('--out-dir', 'f', '--pipeline', 'debias_pipeline'),
            *('--save-scores', *workers),
        ],
    }


def test_an_option_of_configs_that_no_stage_names(pipeline):
    crf = str(pipeline.parent / 'crf.py')
    with open(pipeline, 'a') as file:
        file.write(f'configs = dict(other={crf!r}, crf={crf!r})\n')
        file.write("stages['refine']['config'] = 'crf'\n")
    plan_of(pipeline, **{'configs.crf': crf})
    with pytest.raises(ValueError, match=r'configs\.cfr: .*mean configs\.crf'):
        plan_of(pipeline, **{'configs.cfr': crf})
    with pytest.raises(ValueError, match=r'configs\.other: no stage names'):
        plan_of(pipeline, configs={'other': crf})
