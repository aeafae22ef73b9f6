"""The configs of CLIP's seeds, with a tiny random tower."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_wsss.compat import load_config
from mmseg_wsss.io.text_embeddings import (
    TextEmbeddings,
    save_text_embeddings,
)
from mmseg_wsss.jobs.text_prompts import check_backgrounds, class_phrases
from mmseg_wsss.structures.classes import listed_classes

pytest.importorskip('timm')
ROOT = Path(__file__).resolve().parents[1] / 'configs'
CONFIGS = sorted((ROOT / 'clip_es').glob('*.py'))
TINY = dict(embed_dim=32, depth=3, num_heads=4, num_classes=8, img_size=64)


def shrink(cfg, folder):
    """Replace the tower by a tiny one and the texts by random vectors."""
    model = cfg.model
    classes = listed_classes(model.classes)
    vectors = np.random.default_rng(0).normal(size=(len(classes) + 1, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors.astype(np.float32)
    model.text_embeddings = str(folder / 'clip_text.npz')
    texts = TextEmbeddings(
        *('tiny', tuple(classes[1:]), tuple(classes[1:]), ('a', 'b')),
        *(vectors[:-2], vectors[-2:]),
    )
    save_text_embeddings(model.text_embeddings, texts)
    assert model.tower.pretrained
    model.tower.update(pretrained=False, attention_layers=2, architecture=TINY)
    return classes


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds_and_predicts(path, tmp_path):
    cfg = load_config(path)
    init_default_scope('mmseg')
    settings = cfg.clip_texts
    classes = shrink(cfg, tmp_path)
    phrases = class_phrases(classes[1:], settings.names)
    check_backgrounds(classes[1:], phrases, settings.background)
    assert len(settings.background) == (23 if 'coco' in path.stem else 25)
    model = MODELS.build(cfg.model).eval()
    labels = torch.zeros(1, len(classes))
    labels[0, [0, 2]] = 1
    scores = model.scores(torch.randn(1, 3, 40, 50), labels)
    assert scores.shape == (1, len(classes), 40, 50)
    assert scores[0, [0, 2]].any() and 0 <= scores.min() <= scores.max() <= 1
    assert model.maps.box_threshold == (0.7 if 'coco' in path.stem else 0.4)
    # Nothing to train, whatever the data set's base has.
    assert cfg.train_dataloader is cfg.val_dataloader is None
    assert cfg.model_wrapper_cfg.type == 'mmseg_wsss.NotWrapped'
    assert 'train' in Path(cfg.test_dataloader.dataset.ann_file).stem


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_labels_of_the_paper(path):
    """Background 1 - max, the CRF, and a best score of .95 or ignored."""
    pytest.importorskip('pydensecrf')
    cfg = load_config(path)
    for name in ('seed_pipeline', 'local_pipeline', 'refine_pipeline'):
        steps = cfg[name]
        assert steps[1] == cfg.load_image_labels
        assert steps[3] == dict(type='mmseg_wsss.AddBackground', alpha=1)
    crf, to_label = (TRANSFORMS.build(s) for s in cfg.refine_pipeline[-2:])
    assert vars(crf.params) == dict(
        iterations=10,
        gaussian_sxy=1,
        gaussian_compat=3,
        bilateral_sxy=67,
        bilateral_srgb=3,
        bilateral_compat=4,
    )
    assert to_label.min_score == 0.95


def test_clips_own_mean_and_deviation():
    model = load_config(ROOT / '_base_' / 'models' / 'clip_vit-b16.py').model
    given = model.data_preprocessor
    mean, std = (torch.tensor(given[key]) / 255 for key in ('mean', 'std'))
    expected = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    torch.testing.assert_close(mean, expected)
    expected = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    torch.testing.assert_close(std, expected)
