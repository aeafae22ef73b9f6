"""Texts and seeds of a tiny CLIP by the tools, as processes."""

import io
import os
import runpy
import sys
from contextlib import redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmseg_wsss.compat import load_config
from mmseg_wsss.io.cam import load_cam
from mmseg_wsss.io.text_embeddings import load_text_embeddings
from tests import tiny
from tests.processes import ROOT
from tests.test_clip_configs import TINY
from tests.test_tools.test_train_and_dump import call, files

pytest.importorskip('timm')
TEXTS = 'tools/make_text_embeddings.py'
CAMS = 'tools/make_cams.py'


class LetterVectors(torch.nn.Module):
    """A text tower in which every letter has a vector."""

    table = torch.randn(256, 8, generator=torch.Generator().manual_seed(0))

    def encode_text(self, tokens):
        return torch.stack([5 * self.table[t].sum(0) for t in tokens])


def create_model(name, pretrained):
    if pretrained != 'openai':
        raise RuntimeError(f'no weights {pretrained}')
    return LetterVectors()


def letters(name):
    return lambda texts: [list(text.encode()) for text in texts]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('clip')
    tiny.make_dataset(root / 'tiny', count=5)
    cfg = tiny.config(root / 'tiny', tiny.cam_head(), root / 'work')
    clip = load_config(ROOT / 'configs/_base_/models/clip_vit-b16.py')
    model = dict(clip.model.to_dict(), classes=tiny.CLASSES)
    model['tower'].update(
        pretrained=False, attention_layers=2, architecture=TINY
    )
    model['text_embeddings'] = str(root / 'clip_text.npz')
    cfg.model = model
    cfg.model_wrapper_cfg = clip.model_wrapper_cfg
    cfg.clip_texts = dict(clip.clip_texts, names=dict(red='red box'))
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = None
    cfg.log_level = 'INFO'
    cfg.dump(root / 'clip.py')
    return root


def write_texts(*words):
    """Run the tool in this process, with a stand-in for open_clip."""
    stand_in = SimpleNamespace(
        create_model=create_model, get_tokenizer=letters
    )
    argv = [TEXTS, *map(str, words)]
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setitem(sys.modules, 'open_clip', stand_in)
        patch.setattr(sys, 'argv', argv)
        runpy.run_path(str(ROOT / TEXTS), run_name='__main__')
    return out.getvalue()


def last_line(*words):
    """Run a tool that fails; return its last line."""
    output = call(*words, fails=True)
    assert 'Traceback' not in output
    return output.splitlines()[-1]


@pytest.fixture(scope='module')
def texts(root):
    return write_texts(root / 'clip.py')


def test_texts_are_written_once(root, texts):
    assert 'a clean origami red box.' in texts
    assert '28 texts, 3 of classes' in texts
    stored = load_text_embeddings(root / 'clip_text.npz')
    assert stored.model == 'ViT-B-16-quickgelu, openai'
    assert stored.classes == tiny.CLASSES[1:]
    assert stored.background[-1] == 'a clean origami sign.'
    vector = LetterVectors.table[list(b'a clean origami green.')].sum(0)
    np.testing.assert_allclose(
        stored.foreground_vectors[1], vector / vector.norm(), atol=1e-6
    )
    before = os.stat(root / 'clip_text.npz').st_mtime_ns
    assert 'holds these texts' in write_texts(root / 'clip.py')
    assert os.stat(root / 'clip_text.npz').st_mtime_ns == before
    other = root / 'other.npz'
    option = 'clip_texts.template=a-{}'
    write_texts(root / 'clip.py', '--out', other, '--cfg-options', option)
    assert load_text_embeddings(other).prompts[0] == 'a-red box'


@pytest.mark.parametrize(
    ('option', 'error'),
    [
        ('clip_texts.names.green=wall', "names are those of classes: 'wall'"),
        ('clip_texts.names.pink=x', "has 'pink', which is no class"),
        ('clip_texts.template=a', 'has no single {}'),
        ('clip_texts.pretrained=x.pt', 'the weights x.pt of ViT-B-16-quick'),
        ('clip_texts.nams=1', 'clip_texts of'),
    ],
)
def test_texts_that_are_wrong(root, option, error, tmp_path):
    out = tmp_path / 'clip_text.npz'
    with pytest.raises(SystemExit) as stop:
        write_texts(root / 'clip.py', '--out', out, '--cfg-options', option)
    assert str(stop.value).startswith('error: ')
    assert error in str(stop.value)
    assert not out.exists()


def test_texts_as_a_process(root, tmp_path):
    words = (TEXTS, root / 'clip.py', '--out', tmp_path / 'clip_text.npz')
    try:
        import open_clip  # noqa: F401
    except ImportError:
        assert 'pip install open_clip_torch' in last_line(*words)
    cfg = tiny.config(root / 'tiny', tiny.cam_head(), root / 'work')
    cfg.dump(root / 'cam.py')
    last = last_line(TEXTS, root / 'cam.py')
    assert last.startswith('error: the model of')
    assert 'is no CLIPSeedSegmentor' in last


def test_seeds_on_one_and_two_ranks(root, texts):
    for ranks in (1, 2):
        output = call(
            *(CAMS, root / 'clip.py', '--out-dir', root / f'seeds_{ranks}'),
            *('--work-dir', root / f'work_{ranks}'),
            *('--cfg-options', 'randomness.seed=0'),
            *(('--launcher', 'pytorch') if ranks > 1 else ()),
            ranks=ranks,
            hide_gpus=True,
        )
        assert 'pseudo labels of 5 images: mIoU' in output
    one = files(root / 'seeds_1')
    assert len(one) == 12  # labels, CAMs, source.json, label_summary.json
    assert one == files(root / 'seeds_2')
    classes, cam = load_cam(root / 'seeds_1' / 'cams' / 'img_1.npz')
    assert classes.tolist() == [1, 2] and cam.shape == (2, 8, 8)
    assert cam.max() > 0.5
    output = call(
        *('tools/analysis_tools/eval_cams.py', root / 'clip.py'),
        root / 'seeds_1' / 'cams',
    )
    assert '5 images, percent' in output


def test_seeds_of_other_texts_need_another_folder(root, texts):
    out = root / 'changed'
    command = (CAMS, root / 'clip.py', '--out-dir', out)
    call(*command, hide_gpus=True)
    file = root / 'clip_text.npz'
    content = file.read_bytes()
    option = 'clip_texts.template=a photo of {}'
    write_texts(root / 'clip.py', '--cfg-options', option)
    try:
        assert 'made with another file' in last_line(*command)
    finally:
        file.write_bytes(content)


def test_what_seeds_need(root, texts, tmp_path):
    command = (CAMS, root / 'clip.py', '--out-dir', tmp_path / 'out')
    option = f'model.text_embeddings={tmp_path}/none.npz'
    last = last_line(*command, '--cfg-options', option)
    assert 'write it with tools/make_text_embeddings.py' in last
    cfg = tiny.config(root / 'tiny', tiny.cam_head(), root / 'work')
    cfg.dump(root / 'cam.py')
    last = last_line(CAMS, root / 'cam.py', '--out-dir', tmp_path)
    assert last.startswith('error: the network is trained, its checkpoint')
    assert not list(tmp_path.iterdir())
