"""CLIP's seeds on a tiny random tower."""

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_wsss import set_image_labels
from mmseg_wsss.pseudo_labels import text_cam
from tests.tiny_clip import TINY, write_texts

pytest.importorskip('timm')
CLASSES = ('background', 'red', 'green', 'blue')


def build(texts, classes=CLASSES, **options):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmseg_wsss.CLIPSeedSegmentor',
            tower=dict(
                type='mmseg_wsss.CLIPTower',
                model_name='vit_base_patch16_clip_quickgelu_224',
                attention_layers=2,
                architecture=TINY,
            ),
            text_embeddings=texts,
            classes=classes,
            **options,
        )
    )
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


@pytest.fixture
def texts(tmp_path):
    return write_texts(tmp_path / 'clip_text.npz')


def images(*size, count=2):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, *size, generator=generator)


LABELS = torch.tensor([[1.0, 1, 0, 1], [1, 0, 1, 0]])


@torch.no_grad()
def test_scores_are_the_papers_steps(texts):
    """The steps one by one, with the probability in place of log-odds.

    In float64: in float32 some gradients of a probability vanish.
    """
    model = build(texts).double()
    batch = images(48, 64).double()
    found = model.scores(batch, LABELS)
    assert found.shape == (2, 4, 48, 64)
    both = torch.cat([model.maps.texts, model.maps.backgrounds])
    for n, present in enumerate(([0, 2], [1])):
        tokens, attention, _ = model.tower(batch[n : n + 1])
        maps = []
        for k in present:
            with torch.enable_grad():
                last = model.tower.last_layer(tokens[-1])
                logits = text_cam.text_logits(last.embedding, both)[0]
                chosen = [k, *[j for j in present if j != k], 3, 4]
                p = logits[chosen].softmax(0)[0]
                (gradient,) = torch.autograd.grad(p, last.features)
            weights = gradient[0, 1:].mean(0)
            raw = (last.features[0, 1:].detach() @ weights).relu()
            raw = (raw - raw.min()) / (raw.max() - raw.min())
            maps.append(raw.view(3, 4))
        affinity = text_cam.attention_affinity(
            torch.stack([attention[0][0], last.attention[0]])
        )
        maps = text_cam.propagate_maps(affinity, torch.stack(maps))
        maps = torch.nn.functional.interpolate(
            maps[None], (48, 64), mode='bilinear'
        )[0]
        rows = [1 + k for k in present]
        torch.testing.assert_close(found[n, rows], maps, atol=1e-5, rtol=0)
        assert maps.max() > 0.5
        torch.testing.assert_close(
            found[n, 0], 1 - maps.amax(0), atol=1e-5, rtol=0
        )
        others = [k for k in (1, 2, 3) if k not in rows]
        assert not found[n, others].any()


def test_absent_classes_take_no_part(texts, tmp_path):
    more = write_texts(tmp_path / 'more.npz', ('grey', *CLASSES[1:], 'pink'))
    few = build(texts).scores(images(32, 48), LABELS)
    many = build(more, (*CLASSES, 'pink')).scores(
        images(32, 48), torch.nn.functional.pad(LABELS, (0, 1))
    )
    torch.testing.assert_close(many[:, :4], few)
    assert not many[:, 4].any()


def test_permuted_classes_permute_maps(texts):
    order = [0, 3, 1, 2]
    found = build(texts).scores(images(32, 48), LABELS)
    other = build(texts, [CLASSES[k] for k in order]).scores(
        images(32, 48), LABELS[:, order]
    )
    # Sums in another order, divided by a map's maximum.
    torch.testing.assert_close(other, found[:, order], atol=1e-4, rtol=0)


@pytest.mark.parametrize('size', [(375, 500), (17, 65), (5, 5)])
def test_odd_sizes(texts, size):
    model = build(texts)
    seen = []
    forward = model.tower.forward

    def keep(batch):
        out = forward(batch)
        seen.append((tuple(batch.shape[2:]), out.grid))
        return out

    model.tower.forward = keep
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
    set_image_labels(sample, LABELS[0])
    (result,) = model.predict(images(*size, count=1), [sample])
    whole = tuple(-(-side // 16) * 16 for side in size)
    assert seen == [(whole, (whole[0] // 16, whole[1] // 16))]
    if size == (375, 500):
        assert seen == [((384, 512), (24, 32))]
    assert result.seg_logits.data.shape == (4, *size)
    assert result.pred_sem_seg.data.shape == (1, *size)
    assert torch.equal(
        result.pred_sem_seg.data[0], result.seg_logits.data.argmax(0)
    )
    assert result.seg_logits.data.min() >= 0
    assert result.seg_logits.data.max() <= 1


def test_batch_is_image_by_image_and_needs_no_grad_mode(texts):
    model = build(texts)
    batch = images(32, 48)
    whole = model.scores(batch, LABELS)
    with torch.no_grad():
        parts = [
            model.scores(batch[n : n + 1], LABELS[n : n + 1]) for n in range(2)
        ]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-4, rtol=0)
    assert not whole.requires_grad


def test_computes_in_float32_within_autocast(texts):
    model = build(texts)
    plain = model.scores(images(32, 48), LABELS)
    with torch.autocast('cpu', torch.bfloat16):
        found = model.scores(images(32, 48), LABELS)
    assert torch.equal(found, plain)


def test_candidates(texts):
    model = build(texts, candidates='all')
    every = model.scores(images(32, 48), LABELS)
    same = model.scores(images(32, 48), torch.ones(2, 4))
    torch.testing.assert_close(every, same)
    for model in (build(texts), build(texts, candidates='predicted')):
        labels = LABELS if model.candidates == 'predicted' else None
        found = model.scores(images(32, 48), labels)
        tokens = model.tower(images(32, 48)).tokens[-1]
        embedding = model.tower.last_layer(tokens).embedding.detach()
        both = torch.cat([model.maps.texts, model.maps.backgrounds])
        p = text_cam.text_logits(embedding, both).softmax(1)
        expected = torch.cat([torch.ones(2, 1), (p[:, :3] > 1 / 5)], 1)
        assert expected[:, 1:].any() and not expected.all()
        by_labels = build(texts).scores(images(32, 48), expected.float())
        torch.testing.assert_close(found, by_labels)


def test_a_data_set_without_background(texts):
    model = build(texts, CLASSES[1:], background_index=None)
    found = model.scores(images(32, 48), LABELS[:, 1:])
    expected = build(texts).scores(images(32, 48), LABELS)[:, 1:]
    torch.testing.assert_close(found, expected)


def test_one_class_without_background_texts(tmp_path, caplog):
    model = build(write_texts(tmp_path / 'clip_text.npz', backgrounds=0))
    one = torch.tensor([[1.0, 0, 1, 0]])
    for _ in range(2):
        found = model.scores(images(32, 48, count=1), one)
    assert torch.equal(found[0, 0], torch.ones(32, 48))
    assert not found[0, 1:].any()
    warnings = [r for r in caplog.records if 'background texts' in r.message]
    assert len(warnings) <= 1 and model.maps._warned
    # Nothing is present: all background, no warning.
    model = build(write_texts(tmp_path / 'clip_text.npz'))
    found = model.scores(images(32, 48, count=1), torch.eye(4)[:1])
    assert torch.equal(found[0, 0], torch.ones(32, 48))
    assert not model.maps._warned


def test_names_a_data_set(tmp_path):
    from mmseg.datasets import PascalVOCDataset

    names = PascalVOCDataset.METAINFO['classes']
    file = write_texts(tmp_path / 'voc.npz', names[1:])
    model = build(file, 'PascalVOCDataset')
    assert model.num_classes == 21
    assert torch.equal(model.maps.texts, build(file, names).maps.texts)


def test_wrong_input(texts, tmp_path):
    with pytest.raises(ValueError, match=r"clip_text.npz: .*class 'pink'"):
        build(texts, (*CLASSES, 'pink'))
    with pytest.raises(ValueError, match='no registered MMSeg data set'):
        build(texts, 'PascalVOCDatset')
    with pytest.raises(FileNotFoundError, match='make_text_embeddings'):
        build(str(tmp_path / 'none.npz'))
    other = write_texts(tmp_path / 'other.npz', dims=6)
    with pytest.raises(ValueError, match='vectors of 6 numbers, of tiny, the'):
        build(other)
    with pytest.raises(ValueError, match='box_threshold'):
        build(texts, box_threshold=1)
    with pytest.raises(ValueError, match='candidates must be one of'):
        build(texts, candidates='some')
    model = build(texts)
    with pytest.raises(ValueError, match='4 classes, but the image labels'):
        model.scores(images(32, 32), LABELS[:, :3])
    with pytest.raises(ValueError, match='nothing to train: write its seeds'):
        model(images(32, 32), [], mode='loss')
