import copy

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_wsss.jobs.command_line import use_tta
from mmseg_wsss.models.segmentors.score_tta import FUSIONS, ScoreTTAModel
from tests import tiny


class Segmentor(nn.Module):
    """What a TTA model asks of a segmentor."""

    def __init__(self, out_channels=3, threshold=0.3):
        super().__init__()
        self.out_channels = out_channels
        self.decode_head = nn.Module()
        self.decode_head.threshold = threshold

    def test_step(self, data):
        return data


def predictions(logits):
    """The samples of one image's augmentations, with the first's mask."""
    samples = []
    for index, one in enumerate(logits):
        sample = SegDataSample(
            metainfo=dict(img_path='a.png', augmentation=index)
        )
        mask = torch.full((1, *one.shape[1:]), index)
        sample.set_data(
            dict(
                seg_logits=PixelData(data=one.clone()),
                gt_sem_seg=PixelData(data=mask),
            )
        )
        samples.append(sample)
    return tuple(samples)


def merge(logits, fusion='mean_probabilities', module=None):
    """Merge the augmentations (A, C, H, W) of one image."""
    module = module or Segmentor(logits[0].shape[0])
    model = ScoreTTAModel(module, fusion=fusion)
    (merged,) = model.merge_preds([predictions(logits)])
    return merged.seg_logits.data, merged.pred_sem_seg.data


def test_fusions_by_hand():
    # Two augmentations, three classes, one pixel.
    logits = torch.tensor([[0.0, 1.0, -2.0], [3.0, 2.0, -2.0]])
    prob = logits.softmax(1)
    expected = dict(
        mean_probabilities=(prob[0] + prob[1]) / 2,
        mean_logits=torch.tensor([1.5, 1.5, -2.0]).softmax(0),
        max_probabilities=torch.maximum(prob[0], prob[1]),
        max_logits=torch.tensor([3.0, 2.0, -2.0]).softmax(0),
    )
    assert set(expected) == set(FUSIONS)
    for fusion, scores in expected.items():
        ours, best = merge(logits[:, :, None, None], fusion)
        assert torch.allclose(ours[:, 0, 0], scores)
        assert best.shape == (1, 1, 1)
        assert best.item() == scores.argmax()
    assert expected['max_probabilities'].sum() > 1.3


@pytest.mark.parametrize('fusion', FUSIONS)
def test_against_a_stack(fusion):
    torch.manual_seed(0)
    logits = torch.randn(6, 5, 8, 9) * 4
    ours, best = merge(logits, fusion)
    if fusion == 'mean_logits':
        expected = logits.mean(0).softmax(0)
    elif fusion == 'mean_probabilities':
        expected = logits.softmax(1).mean(0)
    elif fusion == 'max_logits':
        expected = logits.amax(0).softmax(0)
    else:
        expected = logits.softmax(1).amax(0)
    assert torch.allclose(ours, expected, atol=1e-6)
    assert torch.equal(best[0], ours.argmax(0))
    assert ours.min() >= 0 and ours.max() <= 1
    if fusion != 'max_probabilities':
        assert torch.allclose(ours.sum(0), torch.ones(8, 9), atol=1e-5)


def test_labels_are_those_of_mmseg():
    torch.manual_seed(0)
    images = [torch.randn(6, 21, 30, 40), torch.randn(6, 21, 25, 20)]
    module = Segmentor(21)
    theirs = SegTTAModel(module).merge_preds([predictions(i) for i in images])
    ours = ScoreTTAModel(module).merge_preds([predictions(i) for i in images])
    for a, b, logits in zip(ours, theirs, images, strict=True):
        assert torch.equal(a.pred_sem_seg.data, b.pred_sem_seg.data)
        assert torch.equal(a.gt_sem_seg.data, b.gt_sem_seg.data)
        assert a.img_path == b.img_path
        # What this class is for.
        assert torch.equal(b.seg_logits.data, logits[-1])
        assert torch.equal(a.seg_logits.data.argmax(0), a.pred_sem_seg.data[0])


def test_inputs_are_left_alone():
    torch.manual_seed(0)
    for fusion in FUSIONS:
        samples = predictions(torch.randn(3, 4, 5, 5))
        given = [s.seg_logits.data for s in samples]
        before = copy.deepcopy(given)
        ScoreTTAModel(Segmentor(4), fusion=fusion).merge_preds([samples])
        for a, b in zip(given, before, strict=True):
            assert torch.equal(a, b)


def test_half_precision_is_merged_in_float32():
    torch.manual_seed(0)
    logits = torch.randn(3, 4, 5, 5).half()
    scores, _ = merge(logits)
    assert scores.dtype == torch.float32
    assert torch.equal(scores, merge(logits.float())[0])


def test_one_channel():
    # MMSeg's segmentors hand out sigmoids for one channel.
    prob = torch.tensor([[0.1, 0.4, 0.9], [0.2, 0.1, 0.9]])[:, None, None]
    scores, best = merge(prob, module=Segmentor(1, threshold=0.2))
    assert torch.allclose(scores, torch.tensor([[[0.15, 0.25, 0.9]]]))
    assert best.tolist() == [[[0.0, 1.0, 1.0]]]
    scores, best = merge(prob, 'max_probabilities', Segmentor(1, 0.5))
    assert torch.allclose(scores, torch.tensor([[[0.2, 0.4, 0.9]]]))
    assert best.tolist() == [[[0.0, 0.0, 1.0]]]
    scores, _ = merge(prob, 'mean_logits')
    expected = prob.logit().mean(0).sigmoid()
    assert torch.allclose(scores, expected, atol=1e-5)
    scores, _ = merge(prob, 'max_logits')
    assert torch.allclose(scores, torch.tensor([[[0.2, 0.4, 0.9]]]))
    extreme = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1)
    scores, _ = merge(extreme, 'mean_logits')
    assert scores.item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize('fusion', FUSIONS)
@pytest.mark.parametrize('channels', [1, 4])
def test_one_augmentation_is_the_plain_prediction(fusion, channels):
    torch.manual_seed(0)
    head = tiny.fcn_head()
    head.update(out_channels=channels, threshold=0.5)
    if channels == 1:
        head.update(num_classes=2)
        head['loss_decode'][0]['use_sigmoid'] = True
    segmentor = MODELS.build(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(type='mmseg.SegDataPreProcessor'),
            backbone=dict(type='TinyBackbone'),
            decode_head=head,
            train_cfg={},
            test_cfg=ConfigDict(mode='whole'),
        )
    ).eval()

    def data():
        sample = SegDataSample(
            metainfo=dict(
                ori_shape=(32, 32), img_shape=(32, 32), img_path='a.png'
            )
        )
        return dict(inputs=[image], data_samples=[sample])

    image = torch.randn(3, 32, 32)
    with torch.no_grad():
        (plain,) = segmentor.test_step(data())
        one = {key: [value] for key, value in data().items()}
        (merged,) = ScoreTTAModel(segmentor, fusion=fusion).test_step(one)
    best = plain.pred_sem_seg.data
    assert torch.equal(merged.pred_sem_seg.data, best)
    if channels == 1:
        assert 0 < best.float().mean() < 1
        assert torch.allclose(
            merged.seg_logits.data, plain.seg_logits.data, atol=1e-5
        )


def test_wrappers_and_cascades():
    class Wrapper(MMDistributedDataParallel):
        def __init__(self, module):
            nn.Module.__init__(self)
            self.module = module

    cascade = Segmentor(1)
    last = cascade.decode_head
    last.threshold = 0.7
    cascade.decode_head = nn.ModuleList([nn.Module(), last])
    prob = torch.tensor([0.6, 0.75]).reshape(1, 1, 1, 2)
    for module in (cascade, Wrapper(cascade)):
        assert merge(prob, module=module)[1].tolist() == [[[0.0, 1.0]]]


def test_what_cannot_be_merged_is_refused():
    with pytest.raises(ValueError, match='fusion must be one of'):
        ScoreTTAModel(Segmentor(), fusion='mean')
    segmentor = dict(
        type='EncoderDecoder',
        backbone=dict(type='TinyBackbone'),
        decode_head=tiny.cam_head(),
    )
    with pytest.raises(ValueError, match=r'mmseg_wsss\.CAMTTAModel'):
        ScoreTTAModel(MODELS.build(segmentor))


def test_a_runner_tests_with_it(tiny_root, tmp_path):
    """Same metrics as MMSeg's model, and the writer takes its scores."""

    def run(kind, **options):
        cfg = tiny.config(tiny_root, tiny.fcn_head(), tmp_path / kind)
        cfg.tta_model = dict(type=kind, **options)
        use_tta(cfg)
        if kind == 'ScoreTTAModel':
            writer = dict(
                type='mmseg_wsss.PseudoLabelWriter',
                label_dir=str(tmp_path / 'labels'),
            )
            cfg.test_evaluator = [*cfg.test_evaluator, writer]
        return Runner.from_cfg(cfg).test()

    ours = run('ScoreTTAModel')
    theirs = run('SegTTAModel')
    assert ours.pop('written') == 6
    assert len(list((tmp_path / 'labels').glob('*.png'))) == 6
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        assert np.array_equal(ours[name], value, equal_nan=True)
