import sys

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from mmseg_wsss import CAMHead, CLIPSeedSegmentor
from mmseg_wsss.engine.hooks.dense_crf_hook import DenseCRFHook, gives_scores
from mmseg_wsss.jobs.command_line import use_tta
from mmseg_wsss.models.scores import predicts_scores
from mmseg_wsss.models.segmentors.score_tta import ScoreTTAModel
from mmseg_wsss.pseudo_labels.crf_params import CRFParams
from mmseg_wsss.pseudo_labels.dense_crf import crf_from_scores
from tests import tiny

HOOK = dict(type='DenseCRFHook', params='psa')
SMALL = CRFParams(5, 1, 2, 3, 20, 4)


@METRICS.register_module(force=True)
class Keep(BaseMetric):
    """Keeps what the evaluator sees."""

    seen: dict = {}

    def process(self, data_batch, data_samples):
        for sample in data_samples:
            name = sample['img_path'].rsplit('/', 1)[-1]
            Keep.seen[name] = (
                sample['seg_logits']['data'],
                sample['pred_sem_seg']['data'],
            )
            self.results.append(1)

    def compute_metrics(self, results):
        return {'kept': len(results)}


@pytest.fixture
def crf():
    return pytest.importorskip('pydensecrf')


def build(root, tmp_path, head=None, tta=None, hook=None):
    cfg = tiny.config(root, head or tiny.fcn_head(), tmp_path / 'work')
    cfg.test_evaluator = [*cfg.test_evaluator, dict(type='Keep')]
    cfg.val_evaluator = cfg.test_evaluator
    if hook:
        cfg.custom_hooks.append(hook)
    if tta:
        cfg.tta_model = dict(type=tta)
        use_tta(cfg)
    return Runner.from_cfg(cfg)


def run(runner, step='test'):
    Keep.seen = {}
    getattr(runner, step)()
    return dict(Keep.seen)


def rgb(root, name):
    return np.array(Image.open(root / 'images' / name).convert('RGB'))


@pytest.mark.usefixtures('on_cpu')
@pytest.mark.parametrize(
    ('head', 'tta'),
    [
        (tiny.fcn_head(), None),
        (tiny.fcn_head(), 'ScoreTTAModel'),
        (tiny.cam_head(), None),
        (tiny.cam_head(), 'CAMTTAModel'),
    ],
)
def test_the_evaluator_sees_the_refined_prediction(
    crf, tiny_root, tmp_path, head, tta
):
    assert ScoreTTAModel  # registered
    runner = build(tiny_root, tmp_path, head, tta)
    plain = run(runner)
    runner.register_custom_hooks([HOOK])
    refined = run(runner)
    assert set(plain) == set(refined) and len(refined) == 6
    changed = 0
    for name, (logits, best) in plain.items():
        is_logits = head['type'] == 'FCNHead' and tta is None
        scores = logits.softmax(0) if is_logits else logits
        kept = scores.amax((1, 2)) > 0
        assert kept.all() == (head['type'] == 'FCNHead')
        expected = torch.zeros(4, 32, 32)
        expected[kept] = torch.from_numpy(
            crf_from_scores(rgb(tiny_root, name), scores[kept].numpy(), 'psa')
        )
        after, after_best = refined[name]
        assert after.dtype == torch.float32
        assert torch.allclose(after, expected, atol=1e-5)
        assert torch.equal(after_best, expected.argmax(0, keepdim=True))
        assert after_best.shape == best.shape
        assert after_best.dtype == best.dtype
        changed += not torch.equal(best, after_best)
    assert changed
    assert 'test_step' not in vars(runner.model)


@pytest.mark.usefixtures('on_cpu')
def test_validation_is_not_refined(crf, tiny_root, tmp_path):
    runner = build(tiny_root, tmp_path, hook=HOOK)
    plain = run(runner, 'val')
    sums = [scores.sum(0).sub(1).abs().max() for scores, _ in plain.values()]
    assert min(sums) > 0.01  # logits


class Fixed(nn.Module):
    """Predicts what it was given."""

    def __init__(self, *samples):
        super().__init__()
        self.samples = samples

    def test_step(self, data):
        return list(self.samples)


class FakeRunner:
    def __init__(self, model):
        self.model = model


def sample(path, seg_logits):
    out = SegDataSample(metainfo=dict(img_path=str(path)))
    out.seg_logits = PixelData(data=seg_logits)
    return out


def refine(hook, *samples, threshold=None):
    model = Fixed(*samples)
    if threshold is not None:
        model.decode_head = nn.Module()
        model.decode_head.threshold = threshold
    hook.before_test(FakeRunner(model))
    out = model.test_step(None)
    hook.after_test(None)
    return out


def picture(tmp_path):
    image = np.full((12, 16, 3), (200, 30, 60), np.uint8)
    image[:, 8:] = (10, 180, 90)
    Image.fromarray(image).save(tmp_path / 'a.png')
    return image


def test_the_model_is_left_as_it_was(crf, tmp_path):
    picture(tmp_path)
    hook = DenseCRFHook(SMALL)
    model = Fixed(sample(tmp_path / 'a.png', torch.rand(3, 12, 16)))
    runner = FakeRunner(model)
    for _ in range(2):  # the first as if the test had failed
        hook.before_test(runner)
    wrapped = model.test_step
    assert wrapped.__wrapped__ == type(model).test_step.__get__(model)
    hook.after_test(runner)
    assert 'test_step' not in vars(model)
    hook.after_run(runner)
    own = model.test_step
    model.test_step = own
    hook.before_test(runner)
    assert model.test_step is not own
    hook.after_run(runner)
    assert vars(model)['test_step'] is own
    hook.before_val(runner)
    assert not hasattr(model, 'val_step')


def test_classes_that_nowhere_reach_min_score_are_left_out(crf, tmp_path):
    image = picture(tmp_path)
    torch.manual_seed(0)
    logits = torch.randn(4, 12, 16)
    logits[1] -= 9
    scores = logits.softmax(0)
    assert 0 < scores[1].max() < 0.05
    hook = DenseCRFHook(SMALL, min_score=0.05)
    (out,) = refine(hook, sample(tmp_path / 'a.png', logits))
    refined = out.seg_logits.data
    kept = [0, 2, 3]
    expected = crf_from_scores(image, scores[kept].numpy(), SMALL)
    assert np.allclose(refined[kept].numpy(), expected)
    assert refined[1].count_nonzero() == 0
    # None left: the best class stays.
    hook = DenseCRFHook(SMALL, min_score=0.999)
    (out,) = refine(hook, sample(tmp_path / 'a.png', torch.zeros(4, 12, 16)))
    assert (out.seg_logits.data[0] == 1).all()
    assert (out.pred_sem_seg.data == 0).all()


def test_one_channel_is_two_labels(crf, tmp_path):
    image = picture(tmp_path)
    torch.manual_seed(0)
    p = torch.rand(1, 12, 16)
    for threshold in (0.3, 0.6):
        (out,) = refine(
            DenseCRFHook(SMALL),
            sample(tmp_path / 'a.png', p),
            threshold=threshold,
        )
        two = torch.cat([1 - p, p]).numpy()
        expected = torch.from_numpy(crf_from_scores(image, two, SMALL)[1:])
        assert torch.allclose(out.seg_logits.data, expected)
        best = (expected > threshold).float()
        assert torch.equal(out.pred_sem_seg.data, best)


def test_several_samples_keep_apart(crf, tmp_path):
    picture(tmp_path)
    torch.manual_seed(0)
    path, logits = tmp_path / 'a.png', torch.randn(2, 3, 12, 16)
    hook = DenseCRFHook(SMALL)
    both = refine(hook, sample(path, logits[0]), sample(path, logits[1]))
    for i in range(2):
        (alone,) = refine(hook, sample(path, logits[i]))
        assert torch.equal(alone.seg_logits.data, both[i].seg_logits.data)


class Wrapper(MMDistributedDataParallel):
    """Looks like DDP, without a process group."""

    def __init__(self, module):
        nn.Module.__init__(self)
        self.module = module

    def test_step(self, *args):
        return self.module.test_step(*args)


def test_scores_and_logits_are_told_apart(crf, tmp_path):
    segmentor = Fixed()
    assert not gives_scores(segmentor)
    assert not gives_scores(Wrapper(segmentor))
    cascade = Fixed()
    cascade.decode_head = nn.ModuleList(
        [nn.Module(), CAMHead(in_channels=3, num_classes=3, in_index=0)]
    )
    assert gives_scores(cascade)
    assert gives_scores(Wrapper(cascade))
    assert predicts_scores(cascade)
    seeds = Fixed()
    seeds.predicts_scores = CLIPSeedSegmentor.predicts_scores
    assert gives_scores(Wrapper(seeds))
    with pytest.raises(ValueError, match='Fixed predicts scores in'):
        ScoreTTAModel(Wrapper(seeds))
    assert gives_scores(Wrapper(ScoreTTAModel(segmentor)))
    with pytest.raises(ValueError, match=r'mmseg_wsss\.ScoreTTAModel'):
        gives_scores(Wrapper(SegTTAModel(segmentor)))
    picture(tmp_path)
    model = Wrapper(Fixed(sample(tmp_path / 'a.png', torch.rand(3, 12, 16))))
    hook = DenseCRFHook(SMALL)
    hook.before_test(FakeRunner(model))
    (out,) = model.test_step(None)
    hook.after_test(None)
    assert torch.allclose(out.seg_logits.data.sum(0), torch.ones(12, 16))


def test_what_cannot_be_refined_is_refused(crf, tmp_path):
    with pytest.raises(ValueError, match=r'mmseg_wsss\.ScoreTTAModel'):
        DenseCRFHook().before_test(FakeRunner(SegTTAModel(Fixed())))
    picture(tmp_path)
    small = sample(tmp_path / 'a.png', torch.zeros(3, 6, 8))
    with pytest.raises(ValueError, match=r'\(12, 16\), its seg_logits \(6, 8'):
        refine(DenseCRFHook(), small)
    nameless = SegDataSample()
    nameless.seg_logits = PixelData(data=torch.zeros(3, 6, 8))
    with pytest.raises(ValueError, match='the sample has no img_path'):
        refine(DenseCRFHook(), nameless)
    with pytest.raises(ValueError, match='min_score must be in'):
        DenseCRFHook(min_score=1.0)
    with pytest.raises(ValueError, match='one of psa'):
        DenseCRFHook('none')


def test_an_appended_loss_is_passed_over(crf, tmp_path):
    picture(tmp_path)
    loss = SegDataSample(metainfo={})
    loss.set_field(1.0, 'loss')
    path = tmp_path / 'a.png'
    out = refine(
        DenseCRFHook(SMALL), sample(path, torch.rand(3, 12, 16)), loss
    )
    assert 'pred_sem_seg' in out[0]
    assert out[1].keys() == ['loss']


def test_a_missing_package_is_named_when_the_hook_is_built(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pydensecrf', None)
    monkeypatch.delitem(sys.modules, 'pydensecrf.densecrf', raising=False)
    with pytest.raises(ImportError, match=r'mmseg_wsss\[crf\]'):
        DenseCRFHook()
