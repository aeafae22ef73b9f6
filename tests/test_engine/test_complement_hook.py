import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import MODELS, OPTIM_WRAPPERS
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_wsss.engine.hooks import complement_hook
from mmseg_wsss.engine.hooks.complement_hook import STATE, ComplementHook
from mmseg_wsss.engine.hooks.weak_supervision_hook import WeakSupervisionHook
from mmseg_wsss.engine.teacher import Teacher
from mmseg_wsss.io.labels import save_label
from mmseg_wsss.structures import current_data_samples, set_image_labels
from tests import tiny
from tests.processes import run_ranks
from tests.test_engine.test_teacher import head, segmentor

SAMPLER = dict(type='mmseg_wsss.PixelWeightSampler')
HOOK = dict(
    type='mmseg_wsss.ComplementHook',
    ema=dict(
        type='ExponentialMovingAverage', momentum=0.1, update_buffers=True
    ),
)


def fake_runner(model, **dataset):
    """What before_train needs of a Runner."""
    loader = SimpleNamespace(dataset=SimpleNamespace(**dataset))
    return SimpleNamespace(model=model, train_dataloader=loader)


def test_a_data_set_that_would_lose_254_is_refused():
    hook = ComplementHook(weighted=False)
    runner = fake_runner(torch.nn.Conv2d(1, 1, 1), reduce_zero_label=True)
    with pytest.raises(ValueError, match='reads as 253'):
        hook.before_train(runner)


@pytest.fixture
def biased_root(tiny_root):
    """The tiny data set with biased pixels in all but two pseudo labels."""
    for path in sorted((tiny_root / 'pseudo').iterdir())[2:]:
        label = np.array(Image.open(path))
        label[:20, :12] = 254
        save_label(path, label, tiny.PALETTE)
    return tiny_root


def config(root, work_dir, *losses, epochs=1, **hook):
    fcn = tiny.fcn_head(*losses)
    fcn.update(sampler=dict(SAMPLER), dropout_ratio=0)
    cfg = tiny.config(root, fcn, work_dir)
    cfg.custom_hooks.append(dict(HOOK, **hook))
    cfg.train_cfg.max_epochs = epochs
    return cfg


def train(cfg):
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def hook_of(runner):
    return next(h for h in runner.hooks if isinstance(h, ComplementHook))


@MODELS.register_module(force=True)
class ProbeLoss(CrossEntropyLoss):
    """A cross-entropy that remembers what it was given."""

    calls = []

    def forward(self, cls_score, label, weight=None, **kwargs):
        names = [s.get('img_path') for s in current_data_samples() or ()]
        self.calls.append((names, label.clone(), weight, cls_score.dtype))
        return super().forward(cls_score, label, weight, **kwargs)


@OPTIM_WRAPPERS.register_module(force=True)
class CPUAmp(OptimWrapper):
    """Mixed precision without a GPU, which MMEngine's asks for."""

    def optim_context(self, model):
        return torch.autocast('cpu', dtype=torch.bfloat16)


@pytest.fixture
def probe(monkeypatch):
    monkeypatch.setattr(ProbeLoss, 'calls', [])
    return ProbeLoss.calls


@pytest.mark.usefixtures('on_cpu')
@pytest.mark.parametrize('amp', [False, True])
def test_a_run_learns_from_completed_labels(biased_root, tmp_path, probe, amp):
    losses = [
        dict(type='ProbeLoss', loss_name='loss_probe'),
        dict(type='mmseg_wsss.OCRLoss', prior='auto'),
    ]
    cfg = config(biased_root, tmp_path / 'work', *losses)
    cfg.custom_hooks.append(dict(type='EMAHook'))
    if amp:
        cfg.optim_wrapper.type = 'CPUAmp'
    runner = train(cfg)
    seen = {}
    for names, label, weight, dtype in probe:
        assert dtype == (torch.bfloat16 if amp else torch.float32)
        for i, name in enumerate(names):
            given = None if weight is None else weight[i]
            seen[name.split('/')[-1]] = label[i], given
    assert len(seen) == 6
    for name, (label, weight) in seen.items():
        file = np.array(Image.open(biased_root / 'pseudo' / name))
        biased = torch.from_numpy(file == 254)
        assert torch.equal(label[~biased], torch.from_numpy(file[file != 254]))
        assert label.max() < 4
        if biased.any():
            assert weight.dtype == torch.float32
            assert (weight[~biased] == 1).all()
            assert (weight[biased] < 1).all() and (weight[biased] > 0).all()
        else:
            assert weight is None or (weight == 1).all()
    logged = runner.message_hub.log_scalars
    assert {'train/decode.loss_ocr', 'train/decode.loss_ce'} <= set(logged)
    assert np.isfinite(logged['train/loss'].data[0]).all()
    # The model is left as it was; its teacher is no part of it.
    assert not runner.model._forward_pre_hooks
    assert not any('teacher' in key for key in runner.model.state_dict())
    saved = torch.load(tmp_path / 'work/epoch_1.pth', weights_only=False)
    state = hook_of(runner).teacher.state_dict()
    assert saved[STATE].keys() == state.keys()
    assert all(torch.equal(saved[STATE][k], v) for k, v in state.items())
    assert saved[STATE]['steps'] == 3


@pytest.mark.usefixtures('on_cpu')
def test_a_resumed_run_is_the_uninterrupted_one(biased_root, tmp_path):
    whole = train(config(biased_root, tmp_path / 'whole', epochs=2))
    cfg = config(biased_root, tmp_path / 'resumed', epochs=2)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole/epoch_1.pth')
    resumed = train(cfg)
    losses = [
        r.message_hub.get_scalar('train/loss').data[0]
        for r in (whole, resumed)
    ]
    assert len(losses[0]) == 6
    assert losses[0].tolist() == losses[1].tolist()
    states = [hook_of(r).teacher.state_dict() for r in (whole, resumed)]
    assert states[0]['steps'] == 6
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


def test_resuming_without_a_teacher_warns(biased_root, tmp_path):
    plain = config(biased_root, tmp_path / 'plain')
    plain.custom_hooks = [dict(type='mmseg_wsss.WeakSupervisionHook')]
    plain.train_dataloader.dataset.pipeline.insert(
        2, dict(type='mmseg_wsss.IgnoreBiased')
    )
    train(plain)
    checkpoint = str(tmp_path / 'plain/epoch_1.pth')
    cfg = config(biased_root, tmp_path / 'resumed', epochs=2)
    cfg.resume, cfg.load_from = True, checkpoint
    runner = Runner.from_cfg(cfg)
    handler = Catch()
    runner.logger.addHandler(handler)
    hook = hook_of(runner)
    started = []
    hook.before_train_epoch = lambda runner: started.append(
        hook.teacher.state_dict()['module.backbone.conv.weight'].clone()
    )
    runner.train()
    assert f'no {STATE}' in ' '.join(handler.messages)
    saved = torch.load(checkpoint, weights_only=False)['state_dict']
    assert torch.equal(started[0], saved['backbone.conv.weight'])


def test_a_test_run_has_no_teacher(biased_root, tmp_path):
    runner = Runner.from_cfg(config(biased_root, tmp_path / 'work'))
    runner.test()
    assert hook_of(runner).teacher is None


def test_without_the_hook_the_error_says_what_to_add(biased_root, tmp_path):
    cfg = config(biased_root, tmp_path / 'work')
    cfg.custom_hooks.pop()
    with pytest.raises(ValueError, match=r'img_\d.*ComplementHook.*Ignore'):
        train(cfg)
    assert current_data_samples() is None


def test_without_a_sampler_the_error_names_the_line(biased_root, tmp_path):
    cfg = config(biased_root, tmp_path / 'work')
    del cfg.model.decode_head['sampler']
    with pytest.raises(ValueError, match=r'PixelWeightSampler.*decode_head'):
        train(cfg)
    cfg = config(biased_root, tmp_path / 'unweighted', weighted=False)
    del cfg.model.decode_head['sampler']
    train(cfg)


@pytest.mark.parametrize('image_labels', [True, False])
def test_other_heads_without_a_sampler(image_labels, monkeypatch):
    """A CAMHead has no pixels to weigh."""
    network = torch.nn.Module()
    network.decode_head = torch.nn.Module()
    network.decode_head.sampler = MODELS.build(SAMPLER)
    network.decode_head.loss_decode = torch.nn.Identity()
    settings = dict(type='FCNHead', num_convs=0, concat_input=False)
    if image_labels:
        settings = dict(type='mmseg_wsss.CAMHead')
    network.auxiliary_head = MODELS.build(
        dict(settings, in_channels=8, channels=8, num_classes=4)
    )
    messages = []
    monkeypatch.setattr(
        complement_hook, 'print_log', lambda text, **_: messages.append(text)
    )
    complement_hook._check_samplers(network)
    assert [text.split()[0] for text in messages] == (
        [] if image_labels else ['auxiliary_head']
    )


# ------------------------------------------------- the hook without a Runner
def samples(labels=(0, 2), size=16):
    """Two samples, of which the second has biased pixels."""
    out = []
    for index in range(2):
        sample = SegDataSample()
        mask = torch.zeros(1, size, size, dtype=torch.long)
        mask[:, :4], mask[:, -2:] = 1, 255
        if index:
            mask[:, 4:8] = 254
        sample.gt_sem_seg = PixelData(data=mask)
        if labels is not None:
            vector = torch.zeros(4)
            vector[list(labels)] = 1
            set_image_labels(sample, vector)
        out.append(sample)
    return out


def attach(model, scores=None, **options):
    """Let both hooks work on a model; scores are the teacher's, if given."""
    weak, hook = WeakSupervisionHook(), ComplementHook(**options)
    hook.teacher = Teacher(hook.ema, model)
    weak._attach(model)
    hook.before_train(fake_runner(model))
    asked = []
    if scores is not None:
        maps = torch.as_tensor(scores)
        maps = maps if maps.ndim == 3 else maps[:, None, None]

        def probabilities(inputs):
            asked.append(len(inputs))
            return maps.expand(len(inputs), -1, *inputs.shape[2:])

        hook.teacher = SimpleNamespace(probabilities=probabilities)
    model.train()
    return hook, asked


def probed(kind='EncoderDecoder', heads=None, **more):
    options = dict(loss_decode=dict(type='ProbeLoss'), sampler=SAMPLER)
    return segmentor(heads or head(**options), kind, **more)


IMAGES = torch.randn(2, 3, 16, 16, generator=torch.manual_seed(0))
BIASED = (slice(1, 2), slice(4, 8))


@pytest.mark.parametrize(
    ('options', 'filled', 'weight'),
    [
        # The image has classes 0 and 2; the teacher prefers 3, then 0.
        (dict(), 3, 0.15),
        (dict(refine=None), 3, 0.15),
        (dict(restrict_to_labels=True), 0, 0.15),
        (dict(weighted=False), 3, None),
        (dict(refine='crf'), 3, 0.15),
    ],
)
def test_options(probe, options, filled, weight):
    if options.get('refine') == 'crf':
        pytest.importorskip('pydensecrf')
    model = probed()
    _, asked = attach(model, [0.3, 0.1, 0.15, 0.45], **options)
    batch = samples()
    before = [s.gt_sem_seg.data.clone() for s in batch]
    model(IMAGES, batch, mode='loss')
    _, label, weights, _ = probe[0]
    assert (label[BIASED] == filled).all()
    rest = torch.cat(before) != 254
    assert torch.equal(label[rest], torch.cat(before)[rest])
    if weight is None:
        assert weights is None
    else:
        assert weights[BIASED].unique().tolist() == pytest.approx([weight])
        assert (weights[rest] == 1).all()
    # The teacher saw the biased image alone; the caller's samples are intact.
    assert asked == [1]
    for sample, mask in zip(batch, before, strict=True):
        assert torch.equal(sample.gt_sem_seg.data, mask)
        assert 'pixel_weights' not in sample


def test_it_is_idle_outside_training_and_without_biased_pixels(probe):
    model = probed()
    _, asked = attach(model, [0.25] * 4)
    clean = samples()[:1]
    model(IMAGES[:1], clean, mode='loss')
    assert asked == [] and probe[0][2] is None
    with torch.no_grad():
        model(IMAGES, samples(), mode='tensor')
        model.eval()
        model(IMAGES[1:], samples()[1:], mode='tensor')
    assert asked == []


def test_the_weight_is_not_refined(probe):
    scores = torch.tensor([0.3, 0.1, 0.15, 0.45])[:, None, None].repeat(
        1, 16, 16
    )
    scores[:, 6, 6] = torch.tensor([0.05, 0.0, 0.9, 0.05])
    model = probed()
    attach(model, scores)
    model(IMAGES, samples(), mode='loss')
    _, label, weights, _ = probe[0]
    assert label[1, 6, 6] == 3
    assert weights[1, 6, 6] == pytest.approx(0.9)
    assert weights[1, 6, 7] == pytest.approx(0.15)


def test_cascade_with_auxiliary_head(probe, monkeypatch):
    messages = []
    monkeypatch.setattr(
        complement_hook, 'print_log', lambda text, **_: messages.append(text)
    )
    loss = dict(loss_decode=dict(type='ProbeLoss'))
    model = probed(
        'CascadeEncoderDecoder',
        [
            head(sampler=SAMPLER, **loss),
            head('OCRHead', ocr_channels=8, sampler=SAMPLER, **loss),
        ],
        num_stages=2,
        auxiliary_head=head(**loss),
    )
    hook, _ = attach(model)
    assert [m.split(' of ')[0] for m in messages] == ['auxiliary_head']
    losses = model(inputs=IMAGES, data_samples=samples(), mode='loss')
    model.parse_losses(losses)[0].backward()
    assert len(probe) == 3
    for _, label, _, _ in probe:
        assert label[BIASED].max() < 4
    weights = [call[2] for call in probe]
    assert torch.equal(weights[0], weights[1]) and weights[2] is None
    assert all(p.grad is None for p in hook.teacher.module.parameters())


def test_bad_input(recwarn):
    model = probed()
    attach(model, [0.25] * 4)
    with pytest.raises(ValueError, match='LoadImageLabels'):
        model(IMAGES, samples(labels=None), mode='loss')
    with pytest.raises(ValueError, match='LoadAnnotations'):
        model(IMAGES, [SegDataSample(), SegDataSample()], mode='loss')
    with pytest.raises(ValueError, match=r'of the size \(16, 16\)'):
        model(IMAGES, samples(size=20), mode='loss')
    assert current_data_samples() is None
    # An error in front of WeakSupervisionHook's part does not trip it.
    assert not any('silenced' in str(w.message) for w in recwarn)
    with pytest.raises(ValueError, match='refine must be one of'):
        ComplementHook(refine='none')


RANKS = """
import sys
from pathlib import Path
import torch
from mmengine.dist import all_gather
from mmengine.runner import Runner
from mmseg_wsss.jobs import launch
from tests.test_engine import test_complement_hook as shared

torch.set_num_threads(1)
cfg = shared.config(Path(sys.argv[1]), Path(sys.argv[2]))
cfg.launcher = 'pytorch'
cfg.train_dataloader.batch_size = 1
launch.prepare_launch(cfg, 'pytorch')
runner = Runner.from_cfg(cfg)
runner.train()
hook = shared.hook_of(runner)
for name, value in hook.teacher.average.state_dict().items():
    first, second = all_gather(value)
    assert torch.equal(first, second), name
statistics = runner.model.module.decode_head.convs[0].bn.running_mean
first, second = all_gather(statistics)
assert not torch.equal(first, second)
assert hook.teacher.average.steps == 3
sys.stdout.write('ranks agree\\n')
launch.exit_process()
"""


def test_ranks_have_the_same_teacher(biased_root, tmp_path):
    script = tmp_path / 'train.py'
    script.write_text(RANKS)
    done = run_ranks(2, script, biased_root, tmp_path / 'work')
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert output.count('ranks agree') == 2, output


class Catch(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())
