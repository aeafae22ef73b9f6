"""What each kind of change costs: the table of configs/pipelines/README.md."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mmseg_wsss.io.provenance import identity
from mmseg_wsss.workflow.pipeline import (
    Launch,
    plan_states,
    read_plan,
    run_stage,
)
from mmseg_wsss.workflow.pipeline import identity as identity_module
from mmseg_wsss.workflow.pipeline.record import COMPARE, RUN
from tests.test_workflow.test_pipeline import fake
from tests.test_workflow.test_pipeline.test_plan import edit

CONFIG = """
labels = dict(type='mmseg_wsss.LoadImageLabels', ann_file='{root}/labels.json')
masks = dict(type='LoadAnnotations')
images = dict(type='BaseSegDataset', data_root='{root}')
prefix = dict(img_path='images', seg_map_path='masks')
val_set = dict(**images, ann_file='val.txt', data_prefix=prefix)
val_dataloader = dict(
    num_workers=4, dataset=dict(**val_set, pipeline=[masks])
)
val_evaluator = test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
val_cfg = dict(type='ValLoop')
train_cfg = dict(max_epochs=3, val_interval=3)
custom_hooks = [dict(type='mmseg_wsss.EpochSeedHook')]
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=50),
    checkpoint=dict(type='CheckpointHook', interval=1),
)
"""
CAM = """
model = dict(type='CAM', width=1)
train_set = dict(**images, ann_file='train.txt', data_prefix=prefix)
train_dataloader = dict(
    batch_size=2, num_workers=4, dataset=dict(**train_set, pipeline=[labels])
)
test_dataloader = dict(
    num_workers=4, dataset=dict(**train_set, pipeline=[masks, labels])
)
tta_model = dict(type='CAMTTAModel')
tta_pipeline = [labels]
"""
CRF = """
test_dataloader = dict(
    batch_size=1,
    dataset=dict(
        **images, ann_file='train.txt', data_prefix=prefix, pipeline=[labels]
    ),
)
load = dict(type='mmseg_wsss.LoadCAM', cam_dir='nowhere')
refine_pipeline = [load, dict(type='AddBackground', alpha=2)]
"""
CE = """
model = dict(type='CE', loss=['ce'])
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    dataset=dict(
        **images,
        ann_file='train.txt',
        data_prefix=dict(img_path='images', seg_map_path='nowhere'),
        pipeline=[masks, labels],
    ),
)
test_dataloader = val_dataloader
"""
ALL = ['classifier', 'cams', 'refine', 'segmentor', 'evaluate']
FROM_CAMS, LAST = ALL[1:], ['segmentor', 'evaluate']
FROM_REFINE = ALL[2:]


@pytest.fixture
def pipeline(tmp_path):
    pipeline = fake.make(tmp_path)
    head = CONFIG.format(root=tmp_path)
    for name, body in (('cam', CAM), ('crf', CRF), ('ce', CE)):
        (tmp_path / f'{name}.py').write_text(head + body)
    (tmp_path / 'train.txt').write_text('0\n1\n')
    (tmp_path / 'val.txt').write_text('2\n')
    for folder, suffix in (('images', '.jpg'), ('masks', '.png')):
        (tmp_path / folder).mkdir()
        for name in range(4):
            (tmp_path / folder / f'{name}{suffix}').write_text('old')
    return pipeline


def states(pipeline, **options):
    plan = read_plan(pipeline, options, pipeline.parent / 'work')
    return plan_states(plan)


def write(file, text):
    return lambda root: (root / file).write_text(text)


def change(old, new, *configs):
    def edits(root):
        for name in configs or ('cam', 'ce'):
            edit(root / f'{name}.py', old, new)

    return edits


def append(text):
    def edits(root):
        for name in ('cam', 'crf', 'ce'):
            with open(root / f'{name}.py', 'a') as file:
                file.write(text)

    return edits


CHANGES = {
    # What costs trainings.
    'an image label': (write('labels.json', '{"0": []}'), ALL),
    'a photo, equal size': (write('images/1.jpg', 'new'), ALL),
    'the training list': (write('train.txt', '0\n1\n3\n'), ALL),
    'the CAM network': (change('width=1', 'width=2', 'cam'), ALL),
    'the epochs': (change('max_epochs=3', 'max_epochs=4', 'ce'), LAST),
    'a batch size': (change('batch_size=2', 'batch_size=3', 'ce'), LAST),
    'a hook': (change('[dict(type=', "[dict(type='My'), dict(type="), ALL),
    'a refiner': (change('alpha=2', 'alpha=3', 'crf'), FROM_REFINE),
    'the seed': (
        lambda root: edit(root / 'pipeline.py', "seed': 0", "seed': 1"),
        ALL,
    ),
    # What a validation reads.
    'a validation mask': (write('masks/2.png', 'new'), ['evaluate']),
    'a validation photo': (write('images/2.jpg', 'new'), ['evaluate']),
    'the validation list': (write('val.txt', '2\n3\n'), ['evaluate']),
    'a metric': (change("['mIoU']", "['mIoU', 'mDice']"), ['evaluate']),
    'the validation interval': (
        change('val_interval=3', 'val_interval=1'),
        [],
    ),
    # What nothing reads.
    'a comment': (append('# why'), []),
    'a variable': (append('mine = 3'), []),
    'the visualizer': (append("visualizer = dict(type='X')"), []),
    'the log level': (append("log_level = 'ERROR'"), []),
    'kept checkpoints': (
        change('interval=1)', 'interval=1, max_keep_ckpts=2)'),
        [],
    ),
    'a photo of no list': (write('images/5.jpg', 'new'), []),
    'a mask of no list': (write('masks/3.png', 'new'), []),
    'workers': (change('num_workers=4', 'num_workers=0'), []),
    'log interval': (change('interval=50', 'interval=5'), []),
    'checkpoint interval': (
        change("Hook', interval=1", "Hook', interval=2"),
        [],
    ),
    'test-time augmentation that is off': (
        change('tta_pipeline = [labels]', 'tta_pipeline = []', 'cam'),
        [],
    ),
    'batches of a refinement': (
        change('batch_size=1', 'batch_size=4', 'crf'),
        [],
    ),
}


@pytest.mark.parametrize('name', CHANGES)
def test_what_a_change_costs(pipeline, name):
    fake.run(pipeline)
    apply, expected = CHANGES[name]
    apply(pipeline.parent)
    found = states(pipeline)
    assert [n for n, s in found.items() if s.action == RUN] == expected
    assert not any(s.action == COMPARE for s in found.values())


def test_large_photos_are_told_apart_by_size_and_both_ends(tmp_path):
    """Tools that turn a photo by its EXIF data change bytes in place."""
    content = np.random.default_rng(0).bytes(100_000)
    found = []
    for place, value in ((None, b''), (54, b'\6'), (-2000, b'x'), (None, b'')):
        changed = bytearray(content)
        if place is not None:
            changed[place] = (changed[place] + value[0]) % 256
        folder = tmp_path / str(len(found))
        folder.mkdir()
        (folder / 'a.jpg').write_bytes(changed)
        found.append(identity(folder))
    assert found[0] == found[3]
    assert len(set(found)) == 3


def test_masks_of_training_photos_cost_figures_only(pipeline):
    """They are compared with CAMs and labels, whose files stay."""
    root, work = pipeline.parent, pipeline.parent / 'work'
    fake.run(pipeline)
    before = json.loads((work / 'cams' / 'stage.json').read_text())
    fake.calls(root)
    (root / 'masks' / '1.png').write_text('corrected')
    found = states(pipeline)
    assert [n for n, s in found.items() if s.action == COMPARE] == [
        *('cams', 'refine')
    ]
    assert not any(s.action == RUN for s in found.values())
    edit(root / 'tools' / 'make_cams.py', '48.41', '50.0')
    fake.run(pipeline)
    assert [c['stage'] for c in fake.calls(root)] == ['cams', 'refine']
    after = json.loads((work / 'cams' / 'stage.json').read_text())
    assert after['id'] == before['id'] and after['figures']['mIoU'] == 50
    assert {s.action for s in states(pipeline).values()} == {'finished'}


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ("config='{root}/cam.py'", "choose='best', config='{root}/cam.py'"),
        ('val_cfg =', "param_scheduler = [dict(type='ReduceOnPlateauLR')]\n#"),
        ('[dict(type=', "[dict(type='EarlyStoppingHook'), dict(type="),
    ],
)
def test_a_training_that_uses_its_validation_depends_on_it(pipeline, old, new):
    root = pipeline.parent
    file = pipeline if 'config=' in old else root / 'cam.py'
    edit(file, *(text.replace('{root}', str(root)) for text in (old, new)))
    before = read_plan(pipeline).hashes['classifier']
    (root / 'masks' / '2.png').write_text('new')
    assert read_plan(pipeline).hashes['classifier'] != before


def test_validations_draw_random_numbers_without_a_seed(pipeline):
    root = pipeline.parent
    edit(root / 'cam.py', 'mmseg_wsss.EpochSeedHook', 'EMAHook')
    before = read_plan(pipeline).hashes['classifier']
    edit(root / 'cam.py', 'val_interval=3', 'val_interval=1')
    assert read_plan(pipeline).hashes['classifier'] != before


def test_a_figure_of_another_validation_is_marked(pipeline):
    fake.run(pipeline)
    (pipeline.parent / 'masks' / '2.png').write_text('new')
    assert 'figures are of another' in states(pipeline)['classifier'].reason


def test_a_work_dir_of_version_0_1_is_kept(pipeline):
    root, work = pipeline.parent, pipeline.parent / 'work'
    fake.run(pipeline)
    plan = read_plan(pipeline, {}, work)
    for stage in plan.on:
        file = work / stage.name / 'stage.json'
        record = json.loads(file.read_text())
        record['hash'] = plan.old_hashes[stage.name]
        del record['figures_of']
        file.write_text(json.dumps(record))
    assert {s.action for s in states(pipeline).values()} == {'finished'}
    # A run writes today's hashes: then a mask costs no training.
    fake.calls(root)
    fake.run(pipeline)
    assert not fake.calls(root)
    (root / 'masks' / '2.png').write_text('another')
    found = states(pipeline)
    assert [n for n, s in found.items() if s.action == RUN] == ['evaluate']


FEATURES = """
images = dict(type='BaseSegDataset', data_root='{root}', ann_file='train.txt')
labels = dict(type='mmseg_wsss.LoadImageLabels', ann_file='{root}/labels.json')
prefix = dict(img_path='images', seg_map_path='masks')
test_dataloader = dict(
    dataset=dict(**images, data_prefix=prefix, pipeline=[labels])
)
model = dict(extractor=dict(type='E'), data_preprocessor=dict(mean=0))
feature_extractor = dict(type='F')
neighbour_pipeline = [dict(type='LoadImageFromFile')]
seeds = dict(type='LoadPseudoLabel', label_dir='{root}/seeds')
centroid_pipeline = [labels, seeds]
"""


@pytest.mark.parametrize(
    ('apply', 'expected'),
    [
        (write('labels.json', '{"0": []}'), ['centroids']),
        (write('masks/1.png', 'new'), []),
        (write('images/2.jpg', 'new'), []),
        (
            write('images/1.jpg', 'new'),
            ['features', 'centroids', 'neighbours'],
        ),
        (change('mean=0', 'mean=1', 'f'), ['neighbours']),
        # A folder of labels that a config names.
        (write('seeds/0.png', 'new'), ['centroids']),
    ],
)
def test_what_features_and_centroids_read(pipeline, apply, expected):
    root = pipeline.parent
    (root / 'f.py').write_text(FEATURES.format(root=root))
    (root / 'seeds').mkdir()
    (root / 'seeds' / '0.png').write_text('old')
    stage = f"dict(config='{root}/f.py')"
    names = ['features', 'centroids', 'neighbours']
    lines = ''.join(f'{name}={stage},' for name in names)
    pipeline.write_text(f'stages = dict({lines})')
    before = read_plan(pipeline).hashes
    apply(root)
    after = read_plan(pipeline).hashes
    assert [n for n in names if before[n] != after[n]] == expected


def test_moved_photos_are_named(pipeline):
    root = pipeline.parent
    photo = root / 'images' / '1.jpg'
    photo.unlink()
    photo.symlink_to(root / 'elsewhere.jpg')
    lines = read_plan(pipeline).missing_lines()
    assert lines == [
        f'there is no {photo}, a link to {root}/elsewhere.jpg '
        '(stage classifier, cams, refine, segmentor)'
    ]


def test_characters_that_are_not_seen_are_written_out(pipeline):
    names = pipeline.parent / 'train.txt'
    names.write_text('\ufeff' + names.read_text(), encoding='utf-8')
    line, *_ = read_plan(pipeline).missing_lines()
    assert r'images/\ufeff' in line


def test_masks_that_a_training_reads_are_counted_before_it(pipeline):
    root = pipeline.parent
    masks = root / 'truth'
    edit(pipeline, '{refine.labels}', str(masks))
    masks.mkdir()
    (masks / '2.png').write_text('of another list')
    assert read_plan(pipeline).missing_lines() == [
        f'there is no {masks}/0.png and 1 more of {root}/train.txt '
        '(stage segmentor)'
    ]
    for stem in '01':
        (masks / f'{stem}.png').write_text('x')
    assert not read_plan(pipeline).missing


def test_a_plan_looks_for_each_photo_once(pipeline, monkeypatch):
    looked = []

    def exists(path):
        looked.append(path)
        return path.is_file()

    monkeypatch.setattr(identity_module.Path, 'exists', exists)
    read_plan(pipeline)
    photos = [path for path in looked if path.suffix == '.jpg']
    assert photos and len(photos) == len(set(photos))


def test_validation_files_are_missed_before_a_training(pipeline):
    root = pipeline.parent
    (root / 'val.txt').unlink()
    assert read_plan(pipeline).missing_lines() == [
        f'there is no {root}/val.txt (stage classifier, segmentor, evaluate)'
    ]
    # A data set of another type may leave images out.
    (root / 'val.txt').write_text('2\n7\n')
    assert '7.jpg (stage classifier' in read_plan(pipeline).missing_lines()[0]
    for name in ('cam', 'ce'):
        edit(root / f'{name}.py', 'BaseSegDataset', 'MyDataset')
    assert not read_plan(pipeline).missing


def test_a_full_disk_is_said_with_stage_and_folder(pipeline, monkeypatch):
    from mmseg_wsss.workflow.pipeline import StageFailedError, run

    def full(*_):
        raise OSError(28, 'No space left on device', '/x/config.py')

    plan = read_plan(pipeline, {}, pipeline.parent / 'work')
    monkeypatch.setattr(run, 'run_command', full)
    launch = replace(Launch(), tools=pipeline.parent / 'tools')
    with pytest.raises(StageFailedError) as error:
        run_stage(plan, plan.on[0], launch, str)
    said = str(error.value)
    assert said.startswith('stage classifier stopped') and '\n' not in said
    for part in ('/x/config.py', f'{plan.work_dir}/classifier', 'Rerun the'):
        assert part in said
