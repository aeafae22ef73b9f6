"""Refiners: transforms on one image's record."""

import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS

from mmseg_wsss import (
    AddBackground,
    DenseCRFRefine,
    IRNConfidentLabels,
    LoadCAM,
    NormaliseScores,
    PixelAdaptiveRefine,
    PowerScores,
    ProportionalMasks,
    PSAConfidentLabels,
    RandomWalk,
    ScoresToLabel,
    SmoothScores,
)
from mmseg_wsss.io.cam import save_cam
from mmseg_wsss.pseudo_labels import (
    crf_from_scores,
    irn_confident_label,
    pixel_adaptive_refine,
    proportional_label,
    psa_confident_label,
    random_walk,
    smooth_cam,
)
from tests import tiny  # noqa: F401 (registers TinyBackbone)

SIZE = (16, 24)


@MODELS.register_module(force=True)
class PoolingBackbone(BaseModule):
    """Averages of the image at some strides, as a network's features."""

    def __init__(self, strides, init_cfg=None):
        super().__init__(init_cfg)
        self.strides = strides

    def forward(self, x):
        return tuple(
            F.avg_pool2d(x, stride, ceil_mode=True) for stride in self.strides
        )


def record(labels=(1, 0, 1, 1), seed=0, **more):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    return dict(
        img=image,
        img_path='somewhere/one.jpg',
        image_labels=np.array(labels, np.float32),
        label_map=None,
        reduce_zero_label=False,
        **more,
    )


def scored(classes=(2, 3), seed=0, **more):
    rng = np.random.default_rng(seed)
    scores = rng.random((len(classes), *SIZE), np.float32)
    return record(
        scores=scores, score_classes=np.array(classes, np.int64), **more
    )


def rgb(results):
    return np.ascontiguousarray(results['img'][..., ::-1])


# ------------------------------------------------------------------ LoadCAM
def test_load_cam_at_the_size_of_the_image(tmp_path):
    cam = np.zeros((2, 4, 6), np.float32)
    cam[0], cam[1] = 0.25, 0.5
    save_cam(tmp_path / 'one.npz', np.array([3, 2]), cam)
    results = LoadCAM(tmp_path)(record())
    assert results['score_classes'].tolist() == [2, 3]  # rising
    assert results['scores'].shape == (2, *SIZE)
    assert results['scores'].dtype == np.float32
    assert (results['scores'][0] == 0.5).all()


def test_load_cam_undoes_the_label_map(tmp_path):
    """Files hold the data set's full list of classes."""
    save_cam(tmp_path / 'one.npz', np.array([5]), np.ones((1, 4, 6)))
    results = record(labels=(1, 0, 1))
    results['label_map'] = {0: 0, 3: 1, 5: 2, 4: 255}
    assert LoadCAM(tmp_path)(results)['score_classes'].tolist() == [2]


def test_load_cam_of_an_image_without_label(tmp_path):
    save_cam(tmp_path / 'one.npz', np.zeros(0), np.zeros((0, 4, 6)))
    results = LoadCAM(tmp_path)(record(labels=(1, 0, 0, 0)))
    assert results['scores'].shape == (0, *SIZE)
    label = ScoresToLabel()(AddBackground()(results))['pseudo_label']
    assert label.shape == SIZE and (label == 0).all()


def test_load_cam_with_a_background(tmp_path):
    cam = np.random.default_rng(0).random((3, 4, 6))
    save_cam(tmp_path / 'one.npz', np.array([3, 0, 2]), cam)
    results = LoadCAM(tmp_path)(record())
    assert results['score_classes'].tolist() == [0, 2, 3]
    assert results['scores'].shape == (3, *SIZE)
    save_cam(tmp_path / 'one.npz', np.array([0, 2]), cam[:2])
    with pytest.raises(ValueError, match='disagree'):
        LoadCAM(tmp_path)(record())


@pytest.mark.parametrize('shape', [(3, 5), (4, 6), (8, 12), (16, 24), (2, 4)])
def test_sizes_that_rounding_explains(tmp_path, shape):
    save_cam(tmp_path / 'one.npz', np.array([2, 3]), np.ones((2, *shape)))
    LoadCAM(tmp_path)(record())


@pytest.mark.parametrize('shape', [(6, 4), (4, 9), (32, 48), (16, 16)])
def test_wrong_size_is_refused(tmp_path, shape):
    save_cam(tmp_path / 'one.npz', np.array([2, 3]), np.ones((2, *shape)))
    with pytest.raises(ValueError, match='do not fit an image of 16 x 24'):
        LoadCAM(tmp_path)(record())


def test_load_cam_says_what_is_wrong(tmp_path):
    with pytest.raises(ValueError, match='no folder of CAMs'):
        LoadCAM(tmp_path / 'none')
    with pytest.raises(ValueError, match=r'no CAM, .*one\.npz'):
        LoadCAM(tmp_path)(record())
    (tmp_path / 'one.npz').write_bytes(b'PK half a file')
    with pytest.raises(ValueError, match='not a CAM file'):
        LoadCAM(tmp_path)(record())
    save_cam(tmp_path / 'one.npz', np.array([1, 2]), np.ones((2, 4, 6)))
    with pytest.raises(ValueError, match=r'\[1, 2\].*\[2, 3\].*disagree'):
        LoadCAM(tmp_path)(record())
    results = record()
    del results['image_labels']
    with pytest.raises(ValueError, match='needs the image labels'):
        LoadCAM(tmp_path)(results)
    save_cam(tmp_path / 'one.npz', np.array([2, 3]), np.ones((2, 0, 0)))
    with pytest.raises(ValueError, match='0 x 0 cells'):
        LoadCAM(tmp_path)(record())


# ----------------------------------------------------- scores and background
def test_normalise_jointly_and_by_class():
    scores = np.zeros((2, *SIZE), np.float32)
    scores[0, 0, 0], scores[1, 0, 1] = 4, 2
    results = scored(seed=1)
    results['scores'] = scores
    joint = NormaliseScores()(dict(results))['scores']
    assert joint[0].max() == pytest.approx(1, abs=1e-5)
    assert joint[1].max() == pytest.approx(0.5, abs=1e-5)
    each = NormaliseScores('class')(dict(results))['scores']
    assert each[1].max() == pytest.approx(1, abs=1e-5)
    assert scores.max() == 4  # not in place
    with pytest.raises(ValueError, match='over must be one of'):
        NormaliseScores('all')


def test_power():
    scores = np.array([[[0.0, 0.25, 1.0]]], np.float32)
    results = scored()
    results['scores'] = scores
    out = PowerScores(1.5)(dict(results))['scores']
    assert out.tolist() == [[[0.0, 0.125, 1.0]]]
    assert scores[0, 0, 1] == 0.25  # not in place
    assert out.dtype == np.float32
    with pytest.raises(ValueError, match='power must be positive'):
        PowerScores(0)


def test_background_constant_and_power():
    results = scored()
    best = results['scores'].max(0)
    constant = AddBackground(constant=0.2)(dict(results))
    assert constant['score_classes'].tolist() == [0, 2, 3]
    assert (constant['scores'][0] == np.float32(0.2)).all()
    power = AddBackground(alpha=16)(dict(results))
    np.testing.assert_allclose(power['scores'][0], (1 - best) ** 16, 1e-4)
    with pytest.raises(ValueError, match='a background already'):
        AddBackground()(power)
    with pytest.raises(ValueError, match='alpha > 0'):
        AddBackground(alpha=0)


def test_background_elsewhere():
    results = scored(classes=(0, 2)) | dict(background_index=3)
    results = AddBackground(0.1)(results)
    assert results['score_classes'].tolist() == [3, 0, 2]
    label = ScoresToLabel()(results)['pseudo_label']
    assert set(np.unique(label)) <= {0, 2, 3}


def test_label_takes_the_best_class_or_none():
    results = AddBackground(0.5)(scored())
    best = results['scores'].max(0)
    expected = np.array([0, 2, 3])[results['scores'].argmax(0)]
    label = ScoresToLabel()(dict(results))['pseudo_label']
    assert label.dtype == np.uint8 and (label == expected).all()
    label = ScoresToLabel(min_score=0.7)(dict(results))['pseudo_label']
    assert (label == np.where(best < 0.7, 255, expected)).all()
    with pytest.raises(ValueError, match='no class to choose from'):
        ScoresToLabel()(scored(classes=()))
    with pytest.raises(ValueError, match='needs scores'):
        ScoresToLabel()(record())


# ---------------------------------------------------------------- the image
def test_local_refiner_is_the_batched_one():
    results = scored()
    image = torch.from_numpy(rgb(results)).permute(2, 0, 1)[None] / 255
    expected = pixel_adaptive_refine(
        torch.from_numpy(results['scores'])[None], image
    )
    refined = PixelAdaptiveRefine()(results)
    assert (refined['scores'] == expected[0].numpy()).all()


def test_crf_on_scores():
    pytest.importorskip('pydensecrf')
    results = AddBackground(0.4)(scored())
    expected = crf_from_scores(rgb(results), results['scores'], 'irn')
    refined = DenseCRFRefine('irn')(dict(results))
    assert (refined['scores'] == expected).all()
    assert refined['score_classes'].tolist() == [0, 2, 3]


def test_crf_says_what_is_wrong():
    pytest.importorskip('pydensecrf')
    with pytest.raises(ValueError, match='no background among the scores'):
        DenseCRFRefine()(scored())
    DenseCRFRefine()(scored() | dict(background_index=None))
    with pytest.raises(ValueError, match='needs a background class'):
        AddBackground()(scored() | dict(background_index=None))
    with pytest.raises(ValueError, match='psa'):
        DenseCRFRefine('best')
    results = scored()
    del results['img']
    with pytest.raises(ValueError, match='LoadImageFromFile'):
        DenseCRFRefine()(results)


def test_confident_labels_hold_class_indices():
    pytest.importorskip('pydensecrf')
    results = scored()
    table = np.full(256, 255)
    table[:3] = 0, 2, 3
    for step, function, options in (
        (PSAConfidentLabels, psa_confident_label, (2, 8, 'psa')),
        (IRNConfidentLabels, irn_confident_label, (0.7, 0.2)),
        (ProportionalMasks, proportional_label, (0.3, 2, 0.05, 'irn')),
    ):
        expected = function(rgb(results), results['scores'], *options)
        label = step(*options)(dict(results))['pseudo_label']
        assert label.dtype == np.uint8
        assert (label == table[expected]).all()
        with pytest.raises(ValueError, match='remove AddBackground'):
            step()(AddBackground()(dict(results)))
    with pytest.raises(ValueError, match='low_alpha < high_alpha'):
        PSAConfidentLabels(4, 4)
    with pytest.raises(ValueError, match='background <= foreground'):
        IRNConfidentLabels(0.1, 0.2)


def test_irns_labels_of_a_background_map():
    pytest.importorskip('pydensecrf')
    options = dict(own_background=True)
    results = scored()
    own = np.full(SIZE, 1.3, np.float32)
    own[:, : SIZE[1] // 3], own[:, -SIZE[1] // 3 :] = 2.5, 0.05
    expected = irn_confident_label(
        rgb(results), results['scores'], own, 0.5 * own
    )
    table = np.full(256, 255)
    table[:3] = 0, 2, 3
    foreground = results['scores'], results['score_classes']
    for place in (0, 2):  # of the background's row
        results['scores'] = np.insert(foreground[0], place, own, axis=0)
        results['score_classes'] = np.insert(foreground[1], place, 0)
        step = IRNConfidentLabels(**options)
        label = step(dict(results))['pseudo_label']
        assert set(np.unique(label)) >= {0, 3, 255}
        assert (label == table[expected]).all()
    assert 'foreground=0.3, background=0.05' in repr(IRNConfidentLabels())
    with pytest.raises(ValueError, match='CAMs of a SIPEHead'):
        IRNConfidentLabels(**options)(scored())


def test_proportional_masks_need_no_crf():
    results = scored()
    options = dict(smoothing=0.1, alpha=1, threshold=0.2, params=None)
    label = ProportionalMasks(**options)(dict(results))['pseudo_label']
    assert set(np.unique(label)) == {0, 2, 3}
    found = proportional_label(rgb(results), results['scores'], **options)
    assert (label == np.array([0, 2, 3])[found]).all()
    with pytest.raises(ValueError, match='alpha must be > 0'):
        ProportionalMasks(alpha=0, params=None)
    with pytest.raises(ValueError, match='smoothing must be >= 0'):
        ProportionalMasks(smoothing=-1, params=None)


def test_smooth_scores():
    results = scored()
    found = SmoothScores(0.5, 0.2)(dict(results))['scores']
    assert (found == smooth_cam(results['scores'], 0.5, 0.2)).all()
    assert (found > results['scores']).any() and (found == 0).any()
    empty = scored(classes=(), background_index=None)
    assert SmoothScores()(empty)['scores'].shape == (0, *SIZE)
    with pytest.raises(ValueError, match='AddBackground after it'):
        SmoothScores()(AddBackground()(dict(results)))
    with pytest.raises(ValueError, match='smoothing must be >= 0'):
        SmoothScores(threshold=1.5)


# ------------------------------------------------------------- random walk
def network(kind, **options):
    return dict(
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3
        ),
        backbone=dict(type='TinyBackbone'),
        decode_head=dict(type=kind, num_classes=4, **options),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )


@pytest.fixture
def psa(tmp_path):
    """A checkpoint of an AffinityNet as the Runner writes it."""
    cfg = network(
        'mmseg_wsss.AffinityHead',
        in_channels=[8],
        reduced_channels=[4],
        stride=4,
        radius=3,
    )
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(cfg)
    text = Config(dict(model=cfg)).pretty_text
    path = tmp_path / 'psa.pth'
    meta = dict(cfg=text)
    hub = dict(log_scalars=dict(loss=HistoryBuffer([1.0], [1])))
    torch.save(
        dict(state_dict=model.state_dict(), meta=meta, message_hub=hub), path
    )
    return path, model.eval()


def test_random_walk_builds_the_network_from_its_checkpoint(psa):
    path, model = psa
    results = AddBackground(alpha=2)(scored())
    image = torch.from_numpy(results['img']).permute(2, 0, 1)
    batch = model.data_preprocessor(
        dict(inputs=[image], data_samples=None), False
    )
    graph = model.decode_head.walk_graph(model.extract_feat(batch['inputs']))
    expected = random_walk(
        torch.from_numpy(results['scores']), graph, beta=4, steps=16
    )
    step = RandomWalk(path, beta=4, steps=16)
    walked = step(dict(results))['scores']
    np.testing.assert_allclose(walked, expected.numpy(), atol=1e-5)
    assert (step(dict(results))['scores'] == walked).all()
    # A worker gets the step without the network and loads its own.
    again = pickle.loads(pickle.dumps(step))
    assert again._network is None
    assert (again(dict(results))['scores'] == walked).all()


def test_random_walk_sees_whole_images_of_any_size(psa):
    """No crop at 512, and sides that are no multiple of the stride."""
    path, _ = psa
    size = (21, 1030)
    results = record()
    results['img'] = np.zeros((*size, 3), np.uint8)
    results['scores'] = np.zeros((1, *size), np.float32)
    results['scores'][..., -100:] = 1
    results['score_classes'] = np.array([2])
    walked = RandomWalk(path, steps=4, flip=True)(results)['scores']
    assert walked.shape == (1, *size)
    assert walked[..., -50:].min() > 0.9 and walked[..., :500].max() < 0.1


def test_random_walk_on_a_resized_image(psa):
    path, _ = psa
    results = scored()
    walked = RandomWalk(path, scale=(12, 8))(results)['scores']
    assert walked.shape == (2, *SIZE) and np.isfinite(walked).all()
    empty = RandomWalk(path)(scored(classes=()))
    assert empty['scores'].shape == (0, *SIZE)


def test_random_walk_says_what_is_wrong(psa, tmp_path):
    path, _ = psa
    with pytest.raises(ValueError, match='finds no checkpoint'):
        RandomWalk(tmp_path / 'none.pth')
    stored = torch.load(path, weights_only=False)
    bare = tmp_path / 'bare.pth'
    torch.save(stored['state_dict'], bare)
    with pytest.raises(ValueError, match='stores no config'):
        RandomWalk(bare)(scored())
    cam = network('mmseg_wsss.CAMHead', in_channels=8)
    with pytest.raises(ValueError, match='CAMHead: RandomWalk needs'):
        RandomWalk(path, model=cam)(scored())
    del stored['state_dict']['decode_head.fuse.weight']
    torch.save(stored, bare)
    with pytest.raises(ValueError, match=r'bare\.pth does not fit.* missing'):
        RandomWalk(bare)(scored())
    weights = stored['state_dict']
    first = next(k for k, x in weights.items() if x.ndim == 4)
    for change, match in (
        (lambda x: x[:1], 'another shape'),
        (lambda x: x * np.nan, 'NaN'),
    ):
        wrong = dict(torch.load(path, weights_only=False))
        wrong['state_dict'][first] = change(weights[first])
        torch.save(wrong, bare)
        with pytest.raises(ValueError, match=match):
            RandomWalk(bare)(scored())


def test_random_walk_is_checked_before_the_first_image(psa):
    """Also where it works on a GPU, which would load it with an image."""
    path, _ = psa
    stored = torch.load(path, weights_only=False)
    stored['meta']['dataset_meta'] = dict(classes=('background', 'cat'))
    torch.save(stored, path)
    step = RandomWalk(path)
    step.prepare(dict(classes=('background', 'cat')))
    assert step._network is not None
    for device in ('cpu', 'cuda:0'):
        step = RandomWalk(path, device=device)
        with pytest.raises(ValueError, match=r'psa\.pth was trained with the'):
            step.prepare(dict(classes=('cat', 'background')))
        with pytest.raises(ValueError, match='classes'):
            step.prepare(dict(classes=('background', 'cat', 'dog')))
        assert step._network is None


def test_features_of_all_strides_lie_on_one_grid(tmp_path):
    """The boundaries of an image of 40 columns, whatever is behind them.

    Stretched to its 10 cells, the 3 cells of stride 16 would come to lie
    elsewhere than in a wider image.
    """
    cfg = network(
        'mmseg_wsss.IRNHead',
        in_channels=[3, 3],
        stride=4,
    )
    cfg['backbone'] = dict(type='PoolingBackbone', strides=(4, 16))
    with DefaultScope.overwrite_default_scope('mmseg'):
        torch.manual_seed(0)
        model = MODELS.build(cfg)
    path = tmp_path / 'irn.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    walk = RandomWalk(path, model=cfg)
    whole = torch.randint(0, 256, (3, 32, 64), dtype=torch.uint8)
    whole[:, :, 39:] = whole[:, :, 39:40]  # what padding by the border gives
    part, all_ = walk._graph(whole[:, :, :40]), walk._graph(whole)
    assert part.affinity.shape == (34, 8, 10)
    assert part.gate.shape == (8, 10)
    torch.testing.assert_close(part.gate, all_.gate[:, :10])
    torch.testing.assert_close(part.affinity, all_.affinity[:, :, :10])


def test_every_refiner_shows_its_settings(psa, tmp_path):
    pytest.importorskip('pydensecrf')
    steps = [
        LoadCAM(tmp_path),
        DenseCRFRefine(),
        PSAConfidentLabels(),
        IRNConfidentLabels(),
        ProportionalMasks(),
        SmoothScores(),
        AddBackground(),
        NormaliseScores(),
        ScoresToLabel(),
        PixelAdaptiveRefine(),
        RandomWalk(psa[0]),
    ]
    for step in steps:
        assert repr(step).startswith(type(step).__name__ + '(')
