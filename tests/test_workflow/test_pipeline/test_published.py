"""The pipelines on published labels and of PMM, whole, on drawn pictures."""

import json

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_wsss.workflow.pipeline import read_plan, run
from mmseg_wsss.workflow.pipeline.command import Launch
from tests import tiny, voc_coco
from tests.processes import run_in_server

pytestmark = pytest.mark.slow
VOC = 'data/VOCdevkit/VOC2012'
COCO = 'data/coco2014'


def small_head(head):
    """Return a head on one convolution with the losses of a head."""
    classes = dict(num_classes=head['num_classes'])
    if head['type'] == 'mmseg_wsss.SEAMHead':
        loss = dict(type='mmseg_wsss.GAPLoss')
        return dict(tiny.cam_head(loss_decode=loss), **classes)
    kept = {k: head[k] for k in ('sampler', 'loss_decode') if k in head}
    return {**tiny.fcn_head(), **kept, **classes}


def shrink_networks(folder):
    """Replace features by colours and networks by one convolution."""
    for file in folder.glob('*.py'):
        cfg = Config.fromfile(file, import_custom_modules=False)
        if 'feature_extractor' in cfg:
            cfg.feature_extractor = dict(
                type='mmseg_wsss.ColourTextureFeatures'
            )
            cfg.feature_extraction = dict(flip=False, stride=4)
            if 'debias_pipeline' in cfg:
                cfg.debias_pipeline[-1].refine = 'none'
        elif 'decode_head' in cfg.get('model', {}):
            cfg.model.backbone = dict(type='TinyBackbone')
            cfg.model.decode_head = small_head(cfg.model.decode_head)
            cfg.model.pop('auxiliary_head', None)
            cfg.custom_imports.imports.append('tests.tiny')
        cfg.dump(file)


@pytest.fixture
def plan_of(tmp_path, monkeypatch):
    """Return a function that reads a small copy of a pipeline."""
    pytest.importorskip('pydensecrf')
    monkeypatch.setattr(run, 'run_command', run_in_server)

    def read(name, stages='', options=None):
        file = voc_coco.write_pipeline(name, tmp_path)
        shrink_networks(tmp_path / 'configs')
        file.write_text(f'{file.read_text()}stages = dict({stages})\n')
        return read_plan(file, options, tmp_path / 'work')

    return read


def run_all(plan):
    launch = Launch(num_workers=0)
    for stage in plan.on:
        run.run_stage(plan, stage, launch, lambda line: None)
    content = run.write_summary(plan)
    assert len(content['stages']) == len(plan.stages)
    return plan.work_dir


def paint(root, images):
    """Paint objects in their class's colour; labels cover a grey strip too."""
    for file in sorted((root / 'rsepm').glob('*.png')):
        label = np.array(Image.open(file))
        picture = np.full((*label.shape, 3), 90, np.uint8)
        for k in (1, 2):
            picture[label == k] = tiny.PALETTE[k]
        Image.fromarray(picture).save(root / images / f'{file.stem}.jpg')
        label[-4:] = label[label > 0][0]
        Image.fromarray(label).save(file)


WITHOUT_STEGO = (
    'neighbours=None, stego=None, features=dict(inputs=dict(_delete_=True))'
)


@pytest.mark.parametrize(
    ('name', 'root', 'images', 'evaluations'),
    [
        ('voc12', VOC, 'JPEGImages', ['evaluate_train', 'evaluate']),
        ('coco14', COCO, 'train2014', ['evaluate']),
    ],
)
def test_mars_on_published_labels(
    plan_of, tmp_path, name, root, images, evaluations
):
    plan = plan_of(f'{name}_mars-rsepm', WITHOUT_STEGO)
    assert [stage.name for stage in plan.on] == [
        *('published', 'features', 'centroids', 'debias'),
        *('segmentor', *evaluations),
    ]
    assert not plan.missing
    root = tmp_path / root
    paint(root, images)
    work = run_all(plan)
    given = sorted((root / 'rsepm').glob('*.png'))
    assert len(given) > 5
    strips = []
    for path in given:
        one, two = (
            np.array(Image.open(work / stage / 'labels' / path.name))
            for stage in ('published', 'debias')
        )
        np.testing.assert_array_equal(one, np.array(Image.open(path)))
        np.testing.assert_array_equal(two[two != 254], one[two != 254])
        strips.append((two[-4:] == 254).mean())
    assert np.mean(strips) > 0.8
    summary = json.loads((work / 'published/label_summary.json').read_text())
    assert 0 < summary['mIoU'] < 100
    for stage in evaluations:
        done = run.StageFolder(work / stage).finished
        assert {'mIoU', 'FP', 'FN'} <= {*done['figures']}
    if name == 'voc12':
        # Table 6 of MARS is on VOC's train, of 4 images here.
        log = (work / 'evaluate_train' / 'output.log').read_text()
        assert '[4/4]' in log


def test_labels_that_are_missing_are_named(plan_of, tmp_path):
    plan = plan_of(
        'voc12_mars-rsepm',
        WITHOUT_STEGO,
        {'stages.published.inputs.labels': str(tmp_path / 'none')},
    )
    assert plan.missing[str(tmp_path / 'none')] == ['published']
    file = tmp_path / VOC / 'rsepm' / '0_001.png'
    Image.new('L', (3, 3)).save(file)
    plan = plan_of('voc12_mars-rsepm', WITHOUT_STEGO)
    with pytest.raises(run.StageFailedError, match=r'0_001\.png is uint8'):
        run_all(plan)


def test_pmm_trains_on_its_own_predictions(plan_of, tmp_path):
    plan = plan_of('voc12_pmm', 'seeds=None, evaluate=None')
    assert not plan.missing
    work = run_all(plan)
    first, second = (
        Config.fromfile(work / name / 'config.py')
        for name in ('segmentor', 'second_segmentor')
    )
    losses = [
        cfg.model.decode_head.loss_decode.type for cfg in (first, second)
    ]
    assert losses == [
        *('mmseg_wsss.UnderFittingCrossEntropy', 'CrossEntropyLoss')
    ]
    masks = second.train_dataloader.dataset.data_prefix.seg_map_path
    assert masks == str(work / 'second_scores' / 'labels')
    labels = np.load(tmp_path / VOC / 'cls_labels.npy', allow_pickle=True)
    for stem, vector in labels.item().items():
        path = work / 'second_scores' / 'labels' / f'{stem}.png'
        present = {0, *(np.flatnonzero(vector) + 1)}
        assert {*np.unique(np.array(Image.open(path)))} <= present
