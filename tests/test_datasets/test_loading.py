import copy
import json
import pickle

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image
from torch.utils.data import DataLoader

from mmseg_wsss.datasets.transforms import loading
from mmseg_wsss.datasets.transforms.loading import (
    LoadImageLabels,
    resolve_classes,
)

CLASSES = ('background', 'cat', 'dog', 'tv')
VOC = 'PascalVOCDataset'


@pytest.fixture
def ann_file(tmp_path):
    path = tmp_path / 'labels.json'
    content = {'a': ['cat', 'tv'], 'b': ['dog'], 'empty': []}
    path.write_text(json.dumps(content))
    return str(path)


def load(transform, stem, **results):
    results['img_path'] = f'/images/{stem}.jpg'
    return transform(results)['image_labels']


def test_vector_over_all_classes(ann_file):
    transform = TRANSFORMS.build(
        dict(type='LoadImageLabels', ann_file=ann_file, classes=CLASSES)
    )
    vector = load(transform, 'a')
    assert vector.dtype == np.float32
    assert vector.tolist() == [1, 1, 0, 1]
    assert load(transform, 'a', label_map=None).tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize('key', ['caf\xe9', 'cafe\u0301.jpg.jpg'])
@pytest.mark.parametrize('stem', ['caf\xe9', 'cafe\u0301', 'caf\xe9.jpg'])
def test_spellings_of_a_name(tmp_path, key, stem):
    """Two suffixes and decomposed letters are the same image."""
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps({key: ['dog']}))
    assert load(LoadImageLabels(path, CLASSES), stem).tolist() == [1, 0, 1, 0]


def test_no_background_class(ann_file):
    transform = LoadImageLabels(ann_file, CLASSES[1:], background_index=None)
    assert load(transform, 'b').tolist() == [0, 1, 0]


@pytest.mark.parametrize('excluded', [255, -1])
def test_label_map_selects_and_reorders(ann_file, excluded):
    transform = LoadImageLabels(ann_file, CLASSES)
    # the data set uses ('tv', 'background', 'cat')
    label_map = {0: 1, 1: 2, 2: excluded, 3: 0}
    vector = load(transform, 'a', label_map=label_map)
    assert vector.tolist() == [1, 1, 1]
    assert vector.dtype == np.float32
    # without background: ('cat', 'dog')
    label_map = {0: excluded, 1: 0, 2: 1, 3: excluded}
    found = transform(dict(img_path='a.jpg', label_map=label_map))
    assert found['image_labels'].tolist() == [1, 0]
    assert found['background_index'] is None
    # classes may be merged
    label_map = {0: 0, 1: 1, 2: 1, 3: excluded}
    assert load(transform, 'b', label_map=label_map).tolist() == [1, 1]


def test_empty_image_is_named(ann_file):
    transform = LoadImageLabels(ann_file, CLASSES)
    with pytest.raises(ValueError) as error:
        load(transform, 'empty')
    for part in ("'empty'", 'labels.json', '--split-list', 'allow_empty'):
        assert part in str(error.value)
    allowing = LoadImageLabels(ann_file, CLASSES, allow_empty=True)
    assert load(allowing, 'empty').tolist() == [1, 0, 0, 0]


def test_a_new_photo_has_no_labels_where_none_are_required(ann_file):
    transform = LoadImageLabels(ann_file, CLASSES, required=False)
    assert load(transform, 'a') is not None
    for path in ({'img_path': '/x/new.jpg'}, {'img_path': None}, {}):
        assert 'image_labels' not in transform.transform(dict(path))
    with pytest.raises(ValueError, match='no entry for'):
        load(LoadImageLabels(ann_file, CLASSES), 'new')


def test_a_missing_label_file_where_none_is_required():
    """The test pipeline of a segmentor, away from its training data."""
    transform = LoadImageLabels('away.json', CLASSES, required=False)
    assert 'image_labels' not in transform.transform(dict(img_path='a.jpg'))
    with pytest.raises(FileNotFoundError):
        transform.prepare({})


def test_image_may_become_empty_in_a_subset(ann_file):
    label_map = {0: 0, 1: 1, 2: 255, 3: 255}
    with pytest.raises(ValueError, match=r"'b' .* among the classes in use"):
        load(LoadImageLabels(ann_file, CLASSES), 'b', label_map=label_map)
    allowing = LoadImageLabels(ann_file, CLASSES, allow_empty=True)
    vector = load(allowing, 'b', label_map=label_map)
    assert vector.tolist() == [1, 0]
    none_left = dict.fromkeys(range(4), 255)
    assert load(allowing, 'b', label_map=none_left).shape == (0,)


def test_label_map_of_other_classes(ann_file):
    transform = LoadImageLabels(ann_file, CLASSES)
    with pytest.raises(ValueError, match=r'speaks of 2 classes.* given 4'):
        load(transform, 'a', label_map={0: 1, 1: 0})


def test_classes_of_a_registered_data_set():
    classes = resolve_classes(VOC)
    assert len(classes) == 21
    assert classes[15] == 'person'


@pytest.mark.parametrize('name', ['VOCDataset', 'no_package.Set', ''])
def test_unknown_data_set(name):
    with pytest.raises(ValueError, match='is no registered MMSeg data set'):
        resolve_classes(name)


@pytest.mark.parametrize('classes', [('a', 'b', 'a'), ()])
def test_classes_must_be_distinct(classes):
    with pytest.raises(ValueError, match='distinct'):
        resolve_classes(classes)


def test_nothing_is_read_before_the_first_image(tmp_path):
    transform = LoadImageLabels(tmp_path / 'later.json', 'LaterDataset')
    assert 'later.json' in repr(transform)
    assert 'LaterDataset' in repr(transform)


def test_file_is_read_once(ann_file, monkeypatch):
    calls = []

    def counting(*args):
        calls.append(args)
        return original(*args)

    original = loading.load_image_labels
    monkeypatch.setattr(loading, 'load_image_labels', counting)
    transform = LoadImageLabels(ann_file, CLASSES)
    for stem in 'aabb':
        load(transform, stem)
    assert len(calls) == 1


def test_vectors_are_not_shared(ann_file):
    transform = LoadImageLabels(ann_file, CLASSES)
    load(transform, 'a')[:] = 7
    assert load(transform, 'a').tolist() == [1, 1, 0, 1]


def test_class_that_is_no_background_is_warned_about(ann_file, caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        load(LoadImageLabels(ann_file, CLASSES[::-1]), 'a')
        load(LoadImageLabels(ann_file, CLASSES), 'a')
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.text.count("'tv' as background") == 1


@pytest.mark.parametrize(
    'clone', [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
def test_copies_work_and_are_small(tmp_path, clone):
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps({f'{k:06d}': ['cat'] for k in range(5000)}))
    transform = LoadImageLabels(path, CLASSES)
    load(transform, '000001')
    assert len(pickle.dumps(transform)) < 1000
    copied = clone(transform)
    assert repr(copied) == repr(transform)
    assert load(copied, '004999').tolist() == [1, 1, 0, 0]
    assert load(transform, '004999').tolist() == [1, 1, 0, 0]


# ---------------------------------------------- inside MMSeg's own data set
@pytest.fixture
def voc(tmp_path):
    """A VOC data set of two images, with label files."""
    for folder in ('images', 'masks'):
        (tmp_path / folder).mkdir()
    labels = {'2007_000032': [1, 15], '2007_000039': [20]}
    for stem, ids in labels.items():
        image = np.zeros((8, 10, 3), np.uint8)
        mask = np.zeros((8, 10), np.uint8)
        mask[:4] = ids[0]
        Image.fromarray(image).save(tmp_path / 'images' / f'{stem}.jpg')
        Image.fromarray(mask).save(tmp_path / 'masks' / f'{stem}.png')
    (tmp_path / 'train.txt').write_text('\n'.join(labels))
    vectors = {}
    for stem, ids in labels.items():
        vector = np.zeros(20, np.float32)
        vector[np.array(ids) - 1] = 1
        vectors[np.int32(stem.replace('_', ''))] = vector
    np.save(tmp_path / 'cls_labels.npy', vectors)
    return tmp_path


def voc_dataset(root, **kwargs):
    import mmseg_wsss.datasets.transforms.formatting  # noqa: F401

    config = dict(
        type=VOC,
        data_root=str(root),
        ann_file='train.txt',
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(
                type='LoadImageLabels',
                ann_file=str(root / 'cls_labels.npy'),
                classes=VOC,
            ),
            dict(type='PackWSSSInputs'),
        ],
        **kwargs,
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        return DATASETS.build(config)


def test_all_voc_classes(voc):
    dataset = voc_dataset(voc)
    labels = dataset[0]['data_samples'].image_labels
    assert labels.nonzero().flatten().tolist() == [0, 1, 15]
    assert labels.shape == (21,)


def test_voc_subset_in_another_order(voc):
    classes = ['person', 'background', 'tvmonitor', 'aeroplane']
    dataset = voc_dataset(voc, metainfo=dict(classes=classes))
    first, second = (dataset[i]['data_samples'] for i in range(2))
    assert first.image_labels.tolist() == [1, 1, 0, 1]
    assert second.image_labels.tolist() == [0, 1, 1, 0]
    # the labels speak the language of the masks
    for sample in (first, second):
        for k in sample.gt_sem_seg.data.unique().tolist():
            assert sample.image_labels[k] == 1


@pytest.mark.parametrize('num_workers', [0, 2])
def test_loader_workers(voc, num_workers):
    loader = DataLoader(
        voc_dataset(voc),
        batch_size=2,
        num_workers=num_workers,
        collate_fn=pseudo_collate,
    )
    (batch,) = loader
    found = [s.image_labels.nonzero().flatten() for s in batch['data_samples']]
    assert [f.tolist() for f in found] == [[0, 1, 15], [0, 20]]
