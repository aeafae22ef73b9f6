"""MARS's pipeline steps on one image's record."""

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_wsss import LoadPseudoLabel, MARSDebias, RegionCentroids
from mmseg_wsss.io.centroids import (
    DebiasedCentroids,
    load_centroids,
    save_centroids,
)
from mmseg_wsss.pseudo_labels import kmeans, region_clusters

# 4 x 4 cells of 4 x 4 pixels. Left: class 1; its upper half looks like the
# object (axis 1), the lower like the background (axis 0).
AXES = np.eye(3, dtype=np.float32)


def record(label_key='pseudo_label', labels=(1, 1, 0)):
    cells = np.zeros((4, 4), np.int64)
    cells[:2, :2] = 1
    label = np.zeros((16, 16), np.uint8)
    label[:, :8] = 1
    image = np.zeros((16, 16, 3), np.uint8)
    image[:8, :8] = 200
    return dict(
        img=image,
        img_path='somewhere/one.jpg',
        image_labels=np.array(labels, np.float32),
        features=np.ascontiguousarray(AXES[cells].transpose(2, 0, 1)),
        **{label_key: label},
    )


@pytest.fixture
def centroids(tmp_path):
    """A file of centroids: class 1 is axis 1."""
    path = tmp_path / 'centroids.npz'
    one = np.array([1])
    save_centroids(path, DebiasedCentroids(one, AXES[1:2], 4 * one, 2 * one))
    return path


@pytest.mark.parametrize('key', ['pseudo_label', 'gt_seg_map'])
@pytest.mark.parametrize('refine', ['none', 'local', 'crf'])
def test_biased_pixels_become_254(centroids, key, refine):
    if refine == 'crf':
        pytest.importorskip('pydensecrf.densecrf')
    results = record(key)
    before = results[key].copy()
    label = MARSDebias(centroids, refine)(results)[key]
    assert label.dtype == np.uint8
    changed = label != before
    assert (label[changed] == 254).all()
    assert not changed[:, 8:].any()  # background stays
    assert not changed[:6].any() and changed[10:, :6].all()
    assert 'features' not in results
    assert results['similarity'].shape == (4, 4)


def test_a_pixel_survives_that_looks_like_another_class_of_the_image(tmp_path):
    path = tmp_path / 'centroids.npz'
    ids = np.array([1, 2])
    save_centroids(path, DebiasedCentroids(ids, AXES[[1, 0]], ids, ids))
    step = MARSDebias(path, 'none')
    label = step(record(labels=(1, 1, 0)))['pseudo_label']
    assert (label == 254).sum() > 0
    # Class 2 looks like what is biased otherwise.
    label = step(record(labels=(1, 1, 1)))['pseudo_label']
    assert (label == 254).sum() == 0


def test_a_class_without_centroid_is_left_alone(centroids):
    results = record(labels=(1, 0, 1))
    results['pseudo_label'][results['pseudo_label'] == 1] = 2
    before = results['pseudo_label'].copy()
    label = MARSDebias(centroids, 'none')(results)['pseudo_label']
    assert np.array_equal(label, before)
    both = record(labels=(1, 1, 1))
    both['pseudo_label'][12:, :8] = 2
    label = MARSDebias(centroids, 'none')(both)['pseudo_label']
    assert (label[12:, :8] == 2).all() and (label[10, :8] == 254).all()


def test_a_class_that_the_image_does_not_have_is_judged_too(centroids):
    results = record()
    results['pseudo_label'][12:, :8] = 2
    label = MARSDebias(centroids, 'none')(results)['pseudo_label']
    assert (label[12:, :8] == 254).all()


@pytest.mark.parametrize('tags', [(1, 0, 1), (1, 0, 0)])
def test_it_is_judged_where_no_class_of_the_image_has_a_centroid(
    centroids, tags
):
    results = record(labels=tags)
    assert (results['pseudo_label'] == 1).any()
    result = MARSDebias(centroids, 'none')(results)
    assert set(np.unique(result['pseudo_label'])) == {0, 254}
    assert not result['similarity'].any()


def test_features_of_another_origin_are_refused(tmp_path):
    path = tmp_path / 'centroids.npz'
    one = np.array([1])
    save_centroids(
        path, DebiasedCentroids(one, AXES[1:2], one, one, np.array('this'))
    )
    step = MARSDebias(path, 'none')
    step({**record(), 'feature_origin': 'this'})
    step(record())  # nothing is noted: nothing is known
    with pytest.raises(ValueError, match='were made from other features'):
        step({**record(), 'feature_origin': 'that'})


@pytest.mark.parametrize('make', [RegionCentroids, MARSDebias])
def test_the_background_travels_with_the_labels(centroids, make):
    step = make() if make is RegionCentroids else make(centroids)
    with pytest.raises(ValueError, match='needs a background class, but'):
        step({**record(), 'background_index': None})
    with pytest.raises(ValueError, match='reduce_zero_label'):
        step({**record(), 'reduce_zero_label': True})


def test_the_threshold_decides(centroids):
    results = record()
    results['features'] = results['features'] + 0.7  # all is similar
    count = []
    for threshold in (0.05, 0.5, 0.95):
        step = MARSDebias(centroids, 'none', threshold=threshold)
        label = step({**results, 'pseudo_label': results['pseudo_label']})
        count.append((label['pseudo_label'] == 254).sum())
    assert count[0] == 0 and count[0] <= count[1] < count[2]


def test_classes_in_use_are_those_of_the_files(centroids):
    """A subset of the classes in another order."""
    results = record(labels=(1, 0, 1))
    results['label_map'] = {0: 0, 1: 2, 2: 1}
    results['pseudo_label'][:, :8] = 2
    label = MARSDebias(centroids, 'none')(results)['pseudo_label']
    assert (label[10:, :8] == 254).all() and (label[:6, :6] == 2).all()


def test_centroids_of_the_regions():
    results = RegionCentroids()(record())
    expected = region_clusters(
        torch.from_numpy(record()['features']),
        torch.from_numpy(record()['pseudo_label']),
        {0: 2, 1: 2},
        kmeans,
    )
    assert np.array_equal(results['centroids'], expected.centroids.numpy())
    # The background is uniform: one centroid.
    assert results['centroid_classes'].tolist() == [0, 1, 1]
    assert results['centroid_cells'].shape == (4, 4)
    # A class that the image does not have takes no part.
    other = RegionCentroids()(record(labels=(1, 0, 1)))
    assert set(other['centroid_classes'].tolist()) == {0}


def test_pseudo_labels_are_loaded(tmp_path):
    folder = tmp_path / 'labels'
    folder.mkdir()
    label = np.array([[0, 3, 254, 255]] * 2, np.uint8)
    Image.fromarray(label).save(folder / 'one.png')
    results = dict(
        img=np.zeros((2, 4, 3), np.uint8),
        img_path='x/one.jpg',
        image_labels=np.array([1, 1], np.float32),
        label_map={0: 0, 1: 255, 3: 1},
    )
    step = LoadPseudoLabel(folder)
    found = step(results)
    assert found['pseudo_label'].tolist() == [[0, 1, 254, 255]] * 2
    Image.fromarray(label + 1).save(folder / 'one.png')
    with pytest.raises(ValueError, match='the classes in use have'):
        step(results)
    Image.fromarray(label[:1]).save(folder / 'one.png')
    with pytest.raises(ValueError, match=r'uint8 \(1, 4\)'):
        step(results)
    (folder / 'one.png').write_bytes(b'PNG')
    with pytest.raises(ValueError, match=r'one\.png is damaged'):
        step(results)
    with pytest.raises(ValueError, match='has no pseudo label'):
        step({**results, 'img_path': 'x/two.jpg'})
    with pytest.raises(ValueError, match='no folder of pseudo labels'):
        LoadPseudoLabel(tmp_path / 'nowhere')


def test_what_is_missing_is_named(tmp_path, centroids):
    step = MARSDebias(centroids, 'none')
    for key, message in (
        ('features', 'needs features'),
        ('image_labels', 'needs the image labels'),
        ('pseudo_label', 'needs a pseudo label'),
        ('img', 'needs the image'),
    ):
        results = record()
        del results[key]
        with pytest.raises(ValueError, match=message):
            step(results)
    few = record()
    few['features'] = few['features'][:2]
    with pytest.raises(ValueError, match='features than these of 2 channels'):
        step(few)
    small = record()
    small['img'] = small['img'][:8]
    with pytest.raises(ValueError, match='before steps that resize'):
        step(small)
    with pytest.raises(ValueError, match='no file of debiased centroids'):
        MARSDebias(tmp_path / 'none.npz')
    (tmp_path / 'bad.npz').write_text('no')
    with pytest.raises(ValueError, match='is no file of debiased'):
        MARSDebias(tmp_path / 'bad.npz')
    with pytest.raises(ValueError, match='threshold'):
        MARSDebias(centroids, threshold=0)
    with pytest.raises(ValueError, match='refine must be one of'):
        MARSDebias(centroids, refine='guess')
    with pytest.raises(ValueError, match='at least 1'):
        RegionCentroids(foreground=0)


def test_centroids_survive_the_disk(centroids):
    stored = load_centroids(centroids)
    assert stored.class_ids.tolist() == [1] and stored.kept.tolist() == [2]
    assert np.array_equal(stored.centroids, AXES[1:2])
