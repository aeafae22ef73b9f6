import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss import CAMHead, pooling_loss
from mmseg_wsss.structures import batch_context, set_image_labels
from tests import tiny


def samples(*vectors):
    out = []
    for vector in vectors:
        sample = BaseDataElement()
        set_image_labels(sample, torch.tensor(vector))
        out.append(sample)
    return out


def head(**options):
    torch.manual_seed(0)
    options.setdefault('dropout_ratio', 0)
    return CAMHead(in_channels=8, in_index=0, num_classes=4, **options)


def test_pooling_loss_by_hand():
    cam = torch.tensor([[[[0.0, 2.0]], [[-1.0, -3.0]]]])
    expected = -(torch.tensor(1.0).sigmoid().log() * 2) / 2
    loss = pooling_loss(cam, torch.tensor([[1.0, 0.0]]))
    # -log s(1) for the present class, -log(1 - s(-2)) for the absent one.
    expected = -(
        torch.tensor(1.0).sigmoid().log() + torch.tensor(2.0).sigmoid().log()
    )
    assert loss.item() == pytest.approx(expected.item() / 2, rel=1e-6)
    with pytest.raises(ValueError, match='foreground classes'):
        pooling_loss(cam, torch.ones(1, 3))


def test_training_losses():
    cam_head = head()
    feats = [torch.randn(2, 8, 5, 6)]
    cam = cam_head(feats)
    assert cam.shape == (2, 3, 5, 6)
    batch = samples([1, 0, 1, 0], [1, 1, 0, 0])
    losses = cam_head.loss(feats, batch, {})
    labels = torch.tensor([[0.0, 1, 0], [1, 0, 0]])
    assert torch.equal(losses['loss_gap'], pooling_loss(cam, labels))
    assert 0 <= losses['acc_label'] <= 100
    with pytest.raises(ValueError, match='3 entries'):
        cam_head.loss(feats, samples([1, 0, 1], [1, 1, 0]), {})


def test_prediction_follows_the_image_labels():
    cam_head = head(background_threshold=0.4).eval()
    feats = [torch.randn(1, 8, 5, 6)]
    metas = [dict(img_shape=(20, 24))]
    with batch_context(samples([1, 0, 1, 1])):
        scores = cam_head.predict(feats, metas, dict(mode='whole'))
    assert scores.shape == (1, 4, 20, 24)
    assert torch.all(scores[:, 0] == 0.4)
    assert scores[:, 1].count_nonzero() == 0
    for k in (2, 3):
        assert scores[:, k].max().item() == pytest.approx(1, abs=1e-3)
    assert scores.min() >= 0


def test_prediction_without_labels_takes_predicted_classes():
    cam_head = head().eval()
    feats = [torch.randn(1, 8, 5, 6)]
    metas = [dict(img_shape=(20, 24))]
    present = cam_head(feats).mean((2, 3))[0] > 0
    assert 0 < present.sum() < 3
    scores = cam_head.predict(feats, metas, {})
    assert ((scores[0, 1:].amax((1, 2)) > 0) == present).all()
    everything = head(candidates='all').eval().predict(feats, metas, {})
    assert (everything[0, 1:].amax((1, 2)) > 0).all()


def test_background_options():
    feats, metas = [torch.randn(1, 8, 5, 6)], [dict(img_shape=(5, 6))]
    constant = head(background_threshold=0.2, candidates='all').eval()
    scores = constant.predict(feats, metas, {})
    assert torch.allclose(scores[0, 0], torch.tensor(0.2))
    none = head(background_index=None)
    assert none(feats).shape[1] == 4
    assert none.eval().predict(feats, metas, {}).shape == (1, 4, 5, 6)


def test_min_max_takes_off_the_minimum():
    cam = torch.tensor([1.0, 2, 3, 5]).reshape(1, 1, 2, 2).expand(1, 3, 2, 2)
    candidates = torch.tensor([[1.0, 0, 1]])
    scores = head(normalise='min_max').scores(cam, candidates)
    expected = torch.tensor([[0.0, 0.25], [0.5, 1]])
    assert torch.allclose(scores[0, 1], expected, atol=1e-4)
    assert scores[0, 2].count_nonzero() == 0
    scores = head().scores(cam, candidates)
    assert torch.allclose(scores[0, 1], cam[0, 0] / 5, atol=1e-4)


def test_options_are_checked():
    with pytest.raises(ValueError, match='candidates must be'):
        head(candidates='labels')
    with pytest.raises(ValueError, match='normalise must be'):
        head(normalise='minmax')
    with pytest.raises(ValueError, match='background_threshold'):
        head(background_threshold=30)
    with pytest.raises(ValueError, match='background_index'):
        head(background_index=4)
    with pytest.raises(ValueError, match='whole image'):
        head().predict([torch.randn(1, 8, 5, 6)], [{}], dict(mode='slide'))


def test_several_feature_maps():
    cam_head = CAMHead(
        in_channels=[8, 4],
        in_index=[0, 1],
        input_transform='resize_concat',
        num_classes=4,
    )
    feats = [torch.randn(2, 8, 6, 6), torch.randn(2, 4, 3, 3)]
    assert cam_head(feats).shape == (2, 3, 6, 6)


def test_a_bare_tensor_of_features():
    feats = torch.randn(2, 8, 5, 6)
    cam_head = head().eval()
    assert torch.equal(cam_head(feats), cam_head([feats]))


@pytest.mark.parametrize(
    ('backbone', 'channels', 'index'),
    [
        (dict(type='MobileNetV2', widen_factor=0.25, out_indices=(6,)), 80, 0),
        (dict(type='ResNetV1c', depth=18), 512, 3),
        (
            dict(
                type='mmpretrain.VisionTransformer',
                arch='deit-tiny',
                img_size=32,
                patch_size=16,
                out_type='featmap',
            ),
            192,
            0,
        ),
        (
            dict(type='mmpretrain.ResNet', depth=18, out_indices=(3,)),
            512,
            0,
        ),
    ],
)
def test_backbones(backbone, channels, index):
    if backbone['type'].startswith('mmpretrain.'):
        pytest.importorskip('mmpretrain')
    model = MODELS.build(
        dict(
            type='mmseg_wsss.WSSSEncoderDecoder',
            backbone=backbone,
            decode_head=dict(
                type='CAMHead',
                in_channels=channels,
                in_index=index,
                num_classes=4,
            ),
            train_cfg={},
            test_cfg=ConfigDict(mode='whole'),
        )
    )
    images = torch.randn(2, 3, 32, 32)
    losses = model(images, samples([1, 0, 1, 0], [1, 1, 0, 0]), mode='loss')
    losses['decode.loss_gap'].backward()
    grads = [p.grad for p in model.backbone.parameters()]
    assert any(g is not None and g.abs().sum() > 0 for g in grads)
    # Another size than in training, for which a ViT's positions are resized.
    sample = SegDataSample(
        metainfo=dict(img_shape=(48, 80), ori_shape=(45, 77))
    )
    set_image_labels(sample, torch.tensor([1.0, 0, 1, 0]))
    with torch.no_grad():
        (out,) = model.eval()(torch.randn(1, 3, 48, 80), [sample], 'predict')
    assert out.seg_logits.data.shape == (4, 45, 77)
    assert out.seg_logits.data[[1, 3]].count_nonzero() == 0
    assert out.pred_sem_seg.data.shape == (1, 45, 77)


def test_auxiliary_head_beside_a_segmentor(tiny_root, tmp_path):
    cfg = tiny.config(tiny_root, tiny.fcn_head(), tmp_path / 'work')
    cfg.model.auxiliary_head = tiny.cam_head()
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert 'train/aux.loss_gap' in runner.message_hub.log_scalars


def test_val_and_tta(tiny_root, tmp_path):
    cfg = tiny.config(tiny_root, tiny.cam_head(), tmp_path / 'work')
    runner = Runner.from_cfg(cfg)
    runner.train()
    metrics = runner.test()
    assert 0 <= metrics['mIoU'] <= 100
    # Seeds are masked to the image labels: no error can leave them.
    assert metrics['OC_image_rate'] == 0

    cfg = tiny.config(tiny_root, tiny.cam_head(), tmp_path / 'tta')
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model
    cfg.load_from = str(tmp_path / 'work' / 'epoch_1.pth')
    metrics = Runner.from_cfg(cfg).test()
    assert metrics['OC_image_rate'] == 0


def test_features_that_are_no_maps():
    with pytest.raises(ValueError, match="out_type='featmap'"):
        head()([torch.randn(2, 8)])
