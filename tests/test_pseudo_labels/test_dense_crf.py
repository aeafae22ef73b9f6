import sys

import numpy as np
import pytest
from mmengine.config import ConfigDict

from mmseg_wsss.pseudo_labels.crf_params import (
    CRF_PRESETS,
    CRFParams,
    crf_params,
)
from mmseg_wsss.pseudo_labels.dense_crf import (
    DenseCRF,
    crf_from_scores,
    labels_to_unary,
    require_pydensecrf,
    scores_to_unary,
)

SMALL = CRFParams(5, 1, 2, 3, 20, 4)


@pytest.fixture
def crf():
    return pytest.importorskip('pydensecrf')


def two_colours(height=6, width=7):
    """Dark on the left, bright on the right; scores that leak across."""
    image = np.full((height, width, 3), 40, np.uint8)
    image[:, width // 2 :] = (200, 180, 160)
    rng = np.random.default_rng(0)
    right = np.where(np.arange(width) >= width // 2 + 1, 0.75, 0.2)
    right = right + rng.uniform(-0.1, 0.1, (height, width))
    right[1, 1] = 0.6  # a speck on the left
    scores = np.stack([1 - right, right, np.full_like(right, 0.05)])
    return image, scores.astype(np.float32)


def photo(height=60, width=80, seed=0):
    """Smooth blobs under texture and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    image = np.full((height, width, 3), 110.0)
    for _ in range(4):
        cy, cx = rng.uniform(0, height), rng.uniform(0, width)
        inside = (y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(10, 22) ** 2
        image[inside] = rng.uniform(20, 235, 3)
    image += 8 * np.sin(x / 3 + y / 5)[..., None]
    image += rng.normal(0, 6, image.shape)
    scores = np.zeros((21, height, width))
    for k in (7, 15):
        cy, cx = rng.uniform(10, 50), rng.uniform(10, 70)
        scores[k] = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 300)
    scores[0] = (1 - scores.max(0)) ** 4
    return image.clip(0, 255).astype(np.uint8), scores.astype(np.float32)


def naive_mean_field(image, unary, params):
    """The same inference with whole N x N kernels."""
    labels, height, width = unary.shape
    y, x = np.mgrid[:height, :width]
    place = np.stack([x.ravel(), y.ravel()], 1).astype(float)
    colour = image.reshape(-1, 3).astype(float)
    kernels = []
    for features, weight in (
        (place / params.gaussian_sxy, params.gaussian_compat),
        (
            np.hstack(
                [place / params.bilateral_sxy, colour / params.bilateral_srgb]
            ),
            params.bilateral_compat,
        ),
    ):
        square = ((features[:, None] - features[None]) ** 2).sum(-1)
        kernel = np.exp(-square / 2)
        norm = 1 / np.sqrt(kernel.sum(1))
        kernels.append(weight * norm[:, None] * kernel * norm)
    energy = unary.reshape(labels, -1).astype(float)
    q = np.exp(-energy)
    q /= q.sum(0)
    for _ in range(params.iterations):
        message = sum(q @ kernel for kernel in kernels)
        q = np.exp(message - energy)
        q /= q.sum(0)
    return q.reshape(unary.shape)


def test_against_a_dense_mean_field(crf):
    image, scores = two_colours()
    before = scores.argmax(0)
    ours = crf_from_scores(image, scores, SMALL)
    exact = naive_mean_field(image, scores_to_unary(scores), SMALL)
    assert (before != exact.argmax(0)).sum() >= 4  # the CRF has a say
    assert np.array_equal(ours.argmax(0), exact.argmax(0))
    assert np.abs(ours - exact).mean() < 0.005
    # The speck is gone, and the leak has gone back to the edge.
    assert ours.argmax(0)[1, 1] == 0
    assert (ours.argmax(0) == (np.arange(7) >= 3)).all()


def test_labels_against_a_dense_mean_field(crf):
    image, scores = two_colours()
    labels = scores[:2].argmax(0)
    ours = DenseCRF(image, 2, SMALL).marginals(labels_to_unary(labels, 2))
    unary = np.where(
        labels == np.arange(2)[:, None, None], -np.log(0.7), -np.log(0.3)
    )
    exact = naive_mean_field(image, unary, SMALL)
    assert (labels != exact.argmax(0)).any()
    assert np.array_equal(ours.argmax(0), exact.argmax(0))


def test_unaries_by_hand():
    scores = np.array([0, 1e-7, 0.3, 1, 1.0000001]).reshape(1, 1, 5)
    expected = -np.log([1e-5, 1e-5, 0.3, 1, 1])
    assert np.allclose(scores_to_unary(scores)[0, 0], expected)
    unary = labels_to_unary(np.array([[2, 0]], np.uint8), 4)
    assert unary.dtype == np.float32
    assert np.allclose(unary[2, 0], -np.log([0.7, 0.1]))
    assert np.allclose(unary[:, 0, 1], -np.log([0.7, 0.1, 0.1, 0.1]))


def test_scores_are_not_renormalised(crf):
    """Half of all scores is the same; half of one score is not."""
    image, scores = two_colours()
    whole = crf_from_scores(image, scores, SMALL)
    assert np.allclose(
        crf_from_scores(image, scores / 2, SMALL), whole, atol=1e-5
    )
    scores[1] /= 2
    assert not np.allclose(
        crf_from_scores(image, scores, SMALL), whole, atol=1e-2
    )


def test_marginals(crf):
    image, scores = photo()
    for params in CRF_PRESETS:
        q = crf_from_scores(image, scores[[0, 7, 15]], params)
        assert q.dtype == np.float32 and q.shape == (3, 60, 80)
        assert q.flags.c_contiguous
        assert np.allclose(q.sum(0), 1, atol=1e-5)
        assert q.min() >= 0


@pytest.mark.parametrize('seed', range(3))
def test_candidates_alone_give_the_label_of_all_classes(crf, seed):
    image, scores = photo(seed=seed)
    candidates = np.array([0, 7, 15])
    every = crf_from_scores(image, scores)
    few = crf_from_scores(image, scores[candidates])
    assert (scores.argmax(0) != every.argmax(0)).any()
    assert np.array_equal(candidates[few.argmax(0)], every.argmax(0))
    assert np.abs(few - every[candidates]).max() < 1e-2


def test_one_lattice_for_several_unaries_is_bit_identical(crf):
    image, scores = photo()
    scores = scores[[0, 7, 15]]
    other = scores.copy()
    other[0] **= 8
    shared = DenseCRF(image, 3, 'psa')
    for each in (scores, other, scores):
        assert np.array_equal(
            shared.marginals(scores_to_unary(each)),
            crf_from_scores(image, each, 'psa'),
        )


def test_earlier_marginals_stay(crf):
    image, scores = two_colours()
    shared = DenseCRF(image, 3, SMALL)
    first = shared.marginals(scores_to_unary(scores))
    copy = first.copy()
    shared.marginals(scores_to_unary(scores[::-1]))
    del shared
    assert np.array_equal(first, copy)


def test_a_single_label_and_an_empty_image(crf):
    image, scores = two_colours()
    ones = np.ones((1, 6, 7), np.float32)
    assert np.array_equal(crf_from_scores(image, scores[:1]), ones)
    empty = crf_from_scores(image[:0], scores[:, :0])
    assert empty.shape == (3, 0, 7)
    pixel = crf_from_scores(image[:1, :1], scores[:, :1, :1])
    assert pixel.shape == (3, 1, 1)


def test_memory_layout_does_not_matter(crf):
    image, scores = two_colours()
    expected = crf_from_scores(image, scores, SMALL)
    turned = np.asfortranarray(image)
    turned.flags.writeable = False
    strided = np.asfortranarray(scores.astype(np.float64))
    assert not turned.flags.c_contiguous
    assert np.array_equal(crf_from_scores(turned, strided, SMALL), expected)
    mirrored = crf_from_scores(
        image[:, ::-1][:, ::-1], scores[:, ::-1][:, ::-1], SMALL
    )
    assert np.array_equal(mirrored, expected)


def test_inputs_are_left_alone(crf):
    image, scores = two_colours()
    copies = image.copy(), scores.copy()
    crf_from_scores(image, scores, SMALL)
    assert np.array_equal(image, copies[0])
    assert np.array_equal(scores, copies[1])


def test_a_kernel_of_weight_0_is_left_out(crf):
    image, scores = two_colours()
    alone = crf_params(
        dict(preset=SMALL, gaussian_compat=0, bilateral_compat=0)
    )
    assert np.allclose(
        crf_from_scores(image, scores, alone), scores / scores.sum(0)
    )


def test_wrong_input_is_refused(crf):
    image, scores = two_colours()
    labels = scores.argmax(0)
    for wrong in (
        image.astype(np.float32) / 255,
        image[..., 0],
        image[..., :1],
        np.dstack([image, image[..., :1]]),
        image.tolist(),
    ):
        with pytest.raises(ValueError, match='colour image'):
            crf_from_scores(wrong, scores)
    with pytest.raises(ValueError, match='size of the image'):
        crf_from_scores(image, scores[:, :5])
    with pytest.raises(ValueError, match='size of the image'):
        crf_from_scores(image, scores[0])
    with pytest.raises(ValueError, match='at least one label'):
        crf_from_scores(image, scores[:0])
    with pytest.raises(ValueError, match='as the image'):
        DenseCRF(image, 3).marginals(scores[:2])
    for value in (np.nan, np.inf):
        broken = scores.copy()
        broken[1, 2, 3] = value
        with pytest.raises(ValueError, match='1 of 126 values are NaN'):
            crf_from_scores(image, broken)
        with pytest.raises(ValueError, match='must be finite'):
            DenseCRF(image, 3).marginals(broken)
    with pytest.raises(ValueError, match='not logits'):
        crf_from_scores(image, scores * 5 - 2)
    with pytest.raises(ValueError, match='map the classes'):
        labels_to_unary(np.full_like(labels, 255), 2)
    with pytest.raises(ValueError, match='integer map'):
        labels_to_unary(scores[0], 2)


def test_presets_of_the_papers():
    assert {
        'psa': CRFParams(10, 3, 3, 80, 13, 10),
        'irn': CRFParams(10, 3, 3, 50, 5, 10),
        'hfpl_test': CRFParams(1, 3, 3, 32, 13, 10),
        'mctformer_test': CRFParams(10, 4, 3, 83, 5, 3),
        'deeplab_test': CRFParams(10, 3, 3, 49, 5, 4),
        'weclip_test': CRFParams(10, 3, 3, 64, 5, 4),
        'stego': CRFParams(10, 1, 3, 67, 3, 4),
    } == CRF_PRESETS


def test_settings_in_all_spellings():
    psa = CRF_PRESETS['psa']
    assert crf_params('psa') is psa
    assert crf_params(psa) is psa
    spec = ConfigDict(preset='psa', iterations=5)
    assert crf_params(spec) == CRFParams(5, 3, 3, 80, 13, 10)
    assert spec.preset == 'psa'  # left alone
    whole = dict.fromkeys(vars(psa), 2)
    assert crf_params(whole) == CRFParams(2, 2, 2, 2, 2, 2)


@pytest.mark.parametrize(
    ('spec', 'error', 'message'),
    [
        ('pas', ValueError, 'one of psa, irn, hfpl_test, mctformer_test'),
        (dict(preset='pas'), ValueError, 'one of psa, irn'),
        (dict(preset='psa', sxy=3), ValueError, "no 'sxy': the fields are it"),
        (dict(iterations=3), ValueError, 'lack gaussian_sxy, gaussian_compat'),
        (dict(preset='psa', iterations=0), ValueError, 'whole number'),
        (dict(preset='psa', iterations=1.5), ValueError, 'whole number'),
        (dict(preset='psa', bilateral_sxy=0), ValueError, 'number > 0'),
        (dict(preset='psa', gaussian_compat=-1), ValueError, 'number >= 0'),
        (dict(preset='psa', bilateral_srgb='13'), ValueError, 'number > 0'),
        (dict(preset='psa', gaussian_sxy=np.nan), ValueError, 'number > 0'),
        ((10, 3, 3, 80, 13, 10), TypeError, 'name of a preset'),
    ],
)
def test_wrong_settings(spec, error, message):
    with pytest.raises(error, match=message):
        crf_params(spec)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pydensecrf', None)
    monkeypatch.delitem(sys.modules, 'pydensecrf.densecrf', raising=False)
    image, scores = two_colours()
    for run in (
        require_pydensecrf,
        lambda: crf_from_scores(image, scores),
    ):
        with pytest.raises(ImportError) as error:
            run()
        assert 'pip install "mmseg_wsss[crf]"' in str(error.value)
        assert 'pip install pydensecrf2==1.1' in str(error.value)
    crf_params('psa')  # settings need no package
