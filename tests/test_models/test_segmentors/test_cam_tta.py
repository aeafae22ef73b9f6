import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmengine.runner import Runner
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_wsss import CAMTTAModel
from mmseg_wsss.io.cam import load_cam
from mmseg_wsss.jobs.command_line import use_tta
from mmseg_wsss.structures import set_image_labels
from tests import tiny


@MODELS.register_module(force=True)
class ImageIsFeature(BaseModule):
    """Hands the image on, so that a test can write raw CAMs by hand."""

    def forward(self, x):
        return (x,)


def tta_model(**head):
    """A CAM network of which the image is the raw CAM of three classes."""
    segmentor = MODELS.build(
        dict(
            type='WSSSEncoderDecoder',
            data_preprocessor=dict(type='mmseg.SegDataPreProcessor'),
            backbone=dict(type='ImageIsFeature'),
            decode_head=dict(
                type='CAMHead',
                in_channels=3,
                in_index=0,
                num_classes=4,
                dropout_ratio=0,
                **head,
            ),
            train_cfg={},
            test_cfg=ConfigDict(mode='whole'),
        )
    )
    eye = torch.eye(3)[:, :, None, None]
    segmentor.decode_head.conv_seg.weight.data.copy_(eye)
    return CAMTTAModel(segmentor).eval()


def sample(size, flip=None, labels=None, **meta):
    out = SegDataSample()
    out.set_metainfo(
        dict(
            ori_shape=size,
            img_shape=size,
            flip=flip is not None,
            flip_direction=flip,
            **meta,
        )
    )
    if labels is not None:
        set_image_labels(out, torch.tensor(labels))
    return out


def predict(model, cams, samples):
    """Run one image given as the raw CAM of each augmentation."""
    with torch.no_grad():
        (merged,) = model.test_step(
            dict(
                inputs=[[c] for c in cams], data_samples=[[s] for s in samples]
            )
        )
    return merged.seg_logits.data, merged.pred_sem_seg.data


def test_sum_by_hand():
    whole = torch.zeros(3, 2, 4)
    whole[0] = torch.tensor([[1.0, 0, 0, -5], [0, 0, 0, 2]])
    whole[1, 0, 0] = 1.5
    flipped = torch.zeros(3, 2, 4)
    flipped[0] = torch.tensor([[0.0, 0, 0, 3], [-7, 0, 0, 0]])
    half = torch.zeros(3, 1, 2)
    half[0] = torch.tensor([[0.0, 4.0]])
    labels = [1, 1, 0, 1]
    scores, best = predict(
        tta_model(background_threshold=0.3),
        [whole, flipped, half],
        [
            sample((2, 4), labels=labels),
            sample((2, 4), 'horizontal', labels),
            sample((2, 4), labels=labels),
        ],
    )
    # 1 + 3 on the left; 0, 1, 3, 4 is the row (0, 4) at twice the width.
    total = torch.tensor([[4.0, 1, 3, 4], [0, 1, 3, 6]])
    assert torch.allclose(scores[1], total / (6 + 1e-5))
    assert torch.all(scores[0] == 0.3)
    assert scores[2:].count_nonzero() == 0  # no candidate, no activation
    assert best.tolist() == [[[1, 0, 1, 1], [0, 0, 1, 1]]]


@pytest.mark.parametrize(
    ('direction', 'axes'),
    [('horizontal', [2]), ('vertical', [1]), ('diagonal', [1, 2])],
)
@pytest.mark.parametrize('normalise', ['max', 'min_max'])
def test_flips_and_scales_against_a_loop(direction, axes, normalise):
    torch.manual_seed(1)
    size = (6, 10)
    cams = [torch.randn(3, 6, 10), torch.rand(3, 6, 10), torch.rand(3, 9, 15)]
    model = tta_model(candidates='all', normalise=normalise)
    scores, best = predict(
        model,
        cams,
        [sample(size), sample(size, direction), sample(size, direction)],
    )
    total = torch.zeros(3, *size)
    for cam, flip in zip(cams, (False, True, True), strict=True):
        cam = cam.clamp(min=0)
        cam = cam.flip(axes) if flip else cam
        total += F.interpolate(cam[None], size, mode='bilinear')[0]
    for k in range(3):
        low = total[k].min() if normalise == 'min_max' else 0
        expected = (total[k] - low) / (total[k].max() - low)
        assert torch.allclose(scores[1 + k], expected, atol=1e-4)
    assert torch.allclose(scores[0], torch.tensor(0.3))
    assert torch.equal(best[0], scores.argmax(0))


def test_one_scale_without_flip_is_the_plain_prediction():
    torch.manual_seed(0)
    model = tta_model()
    for labels in ([1, 0, 1, 1], None):
        cam = torch.randn(3, 8, 12)
        scores, best = predict(model, [cam], [sample((8, 12), labels=labels)])
        with torch.no_grad():
            (plain,) = model.module.test_step(
                dict(
                    inputs=[cam],
                    data_samples=[sample((8, 12), labels=labels)],
                )
            )
        assert torch.allclose(scores, plain.seg_logits.data, atol=1e-6)
        assert torch.equal(best, plain.pred_sem_seg.data)


def test_candidates():
    # Class 1: logits 1 and -3; class 2: -1 and 3; class 3: 1 and 1. Every
    # class has an activation somewhere.
    first = torch.tensor([1.0, -1.0, 1.0])[:, None, None].expand(3, 4, 4)
    second = torch.tensor([-3.0, 3.0, 1.0])[:, None, None].expand(3, 4, 4)
    second = second.clone()
    second[0, 0, 0] = 0.5

    def present(labels=None, **head):
        samples = [sample((4, 4), labels=labels) for _ in range(2)]
        scores, _ = predict(tta_model(**head), [first, second], samples)
        return (scores[1:].amax((1, 2)) > 0).tolist()

    assert present(candidates='predicted') == [False, True, True]
    assert present(candidates='auto') == [False, True, True]
    labels = [1, 1, 0, 0]
    assert present(labels) == [True, False, False]
    assert present(labels, candidates='predicted') == [False, True, True]
    assert present(labels, candidates='all') == [True, True, True]


def test_several_images_keep_apart():
    torch.manual_seed(0)
    model, cams = tta_model(), torch.rand(2, 2, 3, 5, 5)
    labels = ([1, 1, 0, 0], [1, 0, 1, 1])
    with torch.no_grad():
        merged = model.test_step(
            dict(
                inputs=[list(augmented) for augmented in cams],
                data_samples=[
                    [sample((5, 5), labels=labels[i]) for i in range(2)]
                    for _ in range(2)
                ],
            )
        )
    for i in range(2):
        alone, _ = predict(
            model,
            cams[:, i],
            [sample((5, 5), labels=labels[i]) for _ in range(2)],
        )
        assert torch.allclose(merged[i].seg_logits.data, alone)


def test_what_cannot_be_merged_is_refused():
    segmentor = dict(
        type='EncoderDecoder',
        backbone=dict(type='TinyBackbone'),
        decode_head=tiny.fcn_head(),
    )
    with pytest.raises(ValueError, match='the decode head is FCNHead'):
        CAMTTAModel(MODELS.build(segmentor))
    padded = sample((4, 4), img_padding_size=(0, 2, 0, 0))
    with pytest.raises(ValueError, match='was padded by'):
        predict(tta_model(), [torch.rand(3, 4, 6)], [padded])
    plain = tta_model().segmentor.decode_head
    metas = [sample((4, 6)).metainfo, padded.metainfo]
    with pytest.raises(ValueError, match='was padded by'):
        plain.predict_by_feat(torch.rand(2, 3, 2, 3), metas)
    with pytest.raises(NotImplementedError, match='test_step'):
        tta_model().merge_preds([])


def augmented(root, work_dir, kind):
    cfg = tiny.config(root, tiny.cam_head(), work_dir)
    cfg.tta_model.type = kind
    writer = dict(
        type='mmseg_wsss.PseudoLabelWriter',
        label_dir=str(work_dir / 'labels'),
        cam_dir=str(work_dir / 'cams'),
    )
    cfg.test_evaluator = [*cfg.test_evaluator, writer]
    use_tta(cfg)
    return cfg


@pytest.mark.usefixtures('on_cpu')
def test_metrics_and_writer_take_the_merged_scores(tiny_root, tmp_path):
    work_dir = tmp_path / 'work'
    runner = Runner.from_cfg(
        augmented(tiny_root, work_dir, 'mmseg_wsss.CAMTTAModel')
    )
    metrics = runner.test()
    assert metrics['written'] == 6
    assert metrics['OC_image_rate'] == 0
    with torch.no_grad():
        batch = next(iter(runner.test_dataloader))
        (merged,) = runner.model.eval().test_step(batch)
    assert len(batch['inputs']) == 4
    scores, labels = merged.seg_logits.data, merged.image_labels
    assert scores.shape == (4, 32, 32)
    label = np.array(Image.open(work_dir / 'labels' / 'img_0.png'))
    best = (scores - 2 * (1 - labels)[:, None, None]).argmax(0)
    assert np.array_equal(label, best.numpy())
    classes, cam = load_cam(work_dir / 'cams' / 'img_0.npz')
    assert classes.tolist() == labels[1:].nonzero().add(1).flatten().tolist()
    expected = F.avg_pool2d(scores[classes], 4)
    assert np.allclose(cam, expected.numpy(), atol=1e-3)


def test_a_model_that_does_not_merge_scores_is_not_written(
    tiny_root, tmp_path
):
    cfg = augmented(tiny_root, tmp_path / 'work', 'SegTTAModel')
    with pytest.raises(ValueError, match="the last augmentation's only"):
        Runner.from_cfg(cfg).test()
    assert not list((tmp_path / 'work').glob('labels/*'))


def test_tta_needs_its_keys(tiny_root, tmp_path):
    cfg = tiny.config(tiny_root, tiny.cam_head(), tmp_path / 'work')
    cfg.pop('tta_pipeline')
    with pytest.raises(SystemExit, match='needs tta_model and tta_pipeline'):
        use_tta(cfg)
