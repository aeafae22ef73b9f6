"""The ablations of CSD, IRN, OCR and the baselines, on tools that do nothing.

No network is trained: a tool checks its config and options, and writes the
files that the next one asks for.
"""

import copy
import importlib
import json
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.compat import load_config
from tests.test_configs import ROOT

BENCHMARKS = ROOT.parent / 'benchmarks'
MODULES = (
    'runs',
    'refinements',
    'hfpl_ablation',
    'baselines',
    'csd_ablation',
    'irn_rounds',
    'ocr_ablation',
)


@lru_cache
def read(config):
    """Read a config of the repository."""
    return load_config(ROOT.parent / config)


class Tools:
    """Stands for ``runs.call``."""

    def __init__(self):
        self.calls = []

    def __call__(self, log, tool, config, *arguments):
        words = list(arguments)
        split = words.index('--cfg-options') if '--cfg-options' in words else 0
        options = dict(w.split('=', 1) for w in words[split + 1 :] if split)
        cfg = copy.deepcopy(read(config))
        # Raises where an option's place does not exist.
        cfg.merge_from_dict(options)
        self.calls.append((tool, config, words, cfg))
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text('pseudo labels of 2 images: mIoU 5.0, FP 6.0, FN 7.0')
        self.write(Path(tool).stem, words)

    @staticmethod
    def write(tool, words):
        def folder(name):
            path = Path(words[words.index(name) + 1])
            path.mkdir(parents=True, exist_ok=True)
            return path

        if tool == 'train':
            (folder('--work-dir') / 'epoch_4.pth').touch()
            scalars = folder('--work-dir') / 'run' / 'vis_data'
            scalars.mkdir(parents=True)
            rates = 'OC_image_rate', 'OC_image_rate_1pct', 'OC_pixel_rate'
            figures = dict.fromkeys(('mIoU', *rates), 1) | {'step': 4}
            (scalars / 'scalars.json').write_text(json.dumps(figures) + '\n')
        if tool == 'make_cams':
            summary = folder('--out-dir') / 'label_summary.json'
            summary.write_text('{"mIoU": 4.0}')
        if tool == 'eval_cams':
            keys = ('mIoU', 'F', 'FP', 'FN', 'best_threshold')
            figures = json.dumps(dict.fromkeys(keys, 0.5))
            has_out = '--out-dir' in words
            out = folder('--out-dir') if has_out else Path(words[0]).parent
            (out / 'cam_eval.json').write_text(figures)

    def of(self, tool):
        """Return the calls of a tool."""
        return [call for call in self.calls if call[0] == tool]


@pytest.fixture
def tools(monkeypatch):
    """The calls, and the modules by name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    calls = Tools()
    for name in MODULES:
        module = importlib.import_module(name)
        if hasattr(module, 'call'):
            monkeypatch.setattr(module, 'call', calls)
        if hasattr(module, 'make_scenes'):
            monkeypatch.setattr(module, 'make_scenes', lambda: None)
    yield calls
    for name in MODULES:
        sys.modules.pop(name, None)


def run(monkeypatch, name, *words):
    monkeypatch.setattr(sys, 'argv', [f'{name}.py', *words, '--jobs', '1'])
    sys.modules[name].main()


def csd_loss(cfg):
    (loss,) = (
        loss
        for loss in cfg.model.decode_head.loss_decode
        if loss['type'] == 'mmseg_wsss.CSDLoss'
    )
    return loss['min_max'], float(loss['fg_weight']), float(loss['bg_weight'])


@pytest.mark.parametrize('data', ['scenes', 'voc-mini'])
def test_csd_variants(tools, monkeypatch, tmp_path, capsys, data):
    module = sys.modules['csd_ablation']
    monkeypatch.setattr(module, 'multi_label_list', lambda *_: tmp_path / 'm')
    work = str(tmp_path / 'work')
    run(monkeypatch, 'csd_ablation', data, '--seeds', '3', '--work-dir', work)
    first, *trained = tools.of('train.py')
    names = list(module.VARIANTS)
    assert len(trained) == len(names)
    folder = tmp_path / 'work' / data / 'first_run' / 'seed_3'
    weights, masks = {}, {}
    for name, (_, _, _, cfg) in zip(names, trained, strict=True):
        assert cfg.load_from == str(folder / 'epoch_4.pth')
        assert cfg.randomness.seed == '3'
        inner = cfg.train_dataloader.dataset.dataset
        masks[name] = inner.data_prefix.seg_map_path
        weights[name] = csd_loss(cfg)
    true = read(first[1]).test_dataloader.dataset
    assert masks['true-masks'] == true.data_prefix.seg_map_path
    assert masks['paper-true-masks'] == true.data_prefix.seg_map_path
    assert masks['resampling'] == str(folder / 'DenseCRF' / 'labels')
    assert masks['cam-masks'] == str(folder / 'pseudo_labels' / 'labels')
    assert weights['baseline'][1:] == (0, 0)
    assert weights['true-masks'] == weights['resampling']
    assert weights['paper'] == ('False', 0.01, 0.1)
    assert '| paper-true-masks |' in capsys.readouterr().out


@pytest.mark.parametrize('data', ['scenes', 'voc-mini'])
def test_ocr_variants(tools, monkeypatch, tmp_path, capsys, data):
    module = sys.modules['ocr_ablation']
    words = data, '--seeds', '3', '--work-dir', str(tmp_path / 'work')
    run(monkeypatch, 'ocr_ablation', *words)
    _, *trained = tools.of('train.py')
    labels = tmp_path / 'work' / data / 'seed_3/cam/pseudo_labels/labels'
    for (name, options), (_, _, _, cfg) in zip(
        module.VARIANTS.items(), trained, strict=True
    ):
        folder = cfg.train_dataloader.dataset.data_prefix.seg_map_path
        assert (folder == str(labels)) == (name != 'true-masks')
        losses = cfg.model.decode_head.loss_decode
        losses = losses if isinstance(losses, list) else [losses]
        ocr = [k for k in losses if k['type'] == 'mmseg_wsss.OCRLoss']
        assert len(ocr) == (options is not None)
        for key, value in (options or {}).items():
            assert ocr[0][key] == value
    table = capsys.readouterr().out
    assert '| adaptive-zeroed | 1.00 ± 0.00 |' in table


@pytest.mark.parametrize('data', ['scenes', 'voc-mini'])
def test_irn_rounds(tools, monkeypatch, tmp_path, capsys, data):
    seeds, work = str(tmp_path / 'seeds'), str(tmp_path / 'work')
    words = ['--seeds', '0', '--work-dir', work, '--seed-dir', seeds]
    run(monkeypatch, 'irn_rounds', data, *words)
    plain = tmp_path / 'seeds' / data / 'seed_0'
    better = tmp_path / 'work' / data / 'seed_0'
    irn = [c for c in tools.of('train.py') if 'configs/irn' in c[1]]
    # The network on true masks serves both kinds of seeds.
    assert [
        cfg.train_dataloader.dataset.data_prefix.seg_map_path
        for _, _, _, cfg in irn
    ] == [
        str(plain / 'irn_labels' / 'labels'),
        str(plain / 'again' / 'irn_labels' / 'labels'),
        sys.modules['refinements'].TRUE_MASKS[data],
        str(better / 'irn_labels' / 'labels'),
        str(better / 'again' / 'irn_labels' / 'labels'),
    ]
    labelled = [
        [step['cam_dir'] for step in cfg.label_pipeline if 'cam_dir' in step]
        for _, _, words, cfg in tools.of('make_pseudo_labels.py')
        if 'label_pipeline' in words
    ]
    # The second round learns from the first walk ...
    assert labelled[1] == [str(plain / 'first_round' / 'cams')]
    assert labelled[3] == [str(better / 'first_round' / 'cams')]
    walks = [
        call
        for call in tools.of('make_pseudo_labels.py')
        if '--save-scores' in call[2]
    ]
    assert len(walks) == 6
    # ... and walks from the seeds.
    for _, _, _, cfg in walks[:3]:
        assert cfg.refine_pipeline[2].cam_dir == str(
            plain / 'cam' / 'pseudo_labels' / 'cams'
        )
    starts = {cfg.refine_pipeline[3].checkpoint for *_, cfg in walks[:3]}
    assert len(starts) == 3
    out = capsys.readouterr().out
    assert '| ISL + FSL, second round |' in out and '| CAM, seed |' in out


@pytest.mark.parametrize('data', ['scenes', 'voc-mini'])
def test_baselines(tools, monkeypatch, tmp_path, capsys, data):
    module = sys.modules['baselines']
    stems = [f'img_{i}' for i in range(101)]
    monkeypatch.setattr(module, 'read_split_list', lambda _: stems)
    monkeypatch.setattr(module, 'contour_quality', lambda *_: 5.0)
    work = str(tmp_path / 'work')
    words = [data, '--seeds', '3', '--work-dir', work]
    run(monkeypatch, 'baselines', *words)
    rows = list(module.ROWS)
    folder = tmp_path / 'work' / data
    start = str(folder / 'pretrained' / 'seed_3' / 'epoch_4.pth')
    cams = str(folder / 'cam' / 'seed_3' / 'pseudo_labels' / 'cams')
    trained = {
        Path(words[words.index('--work-dir') + 1]).parent.name: cfg
        for tool, _, words, cfg in tools.of('train.py')
    }
    assert ({*trained} - {'pretrained'}) == {*rows} - {*module.FROM_CAM}
    # Each trains as long, from the same weights.
    assert len({cfg.train_cfg.max_epochs for cfg in trained.values()}) == (
        2 if data == 'scenes' else 1
    )
    for row in () if data == 'voc-mini' else ('cam', 'seam', 'sipe'):
        assert trained[row].load_from == start
    if data == 'scenes':
        stem = trained['mctformer'].model.backbone.stem
        assert stem.init_cfg.checkpoint == start
        backbone = trained['spatial-bce'].model.backbone
        assert backbone.init_cfg.checkpoint == start
    else:
        backbone = trained['spatial-bce'].model.backbone
        first = folder / 'cam' / 'seed_3' / 'epoch_4.pth'
        assert backbone.init_cfg.checkpoint == str(first)
    pipelines = {
        Path(words[words.index('--out-dir') + 1]).name: words[
            words.index('--pipeline') + 1
        ]
        for _, _, words, _ in tools.of('make_pseudo_labels.py')
    }
    assert pipelines == {'DenseCRF': 'refine_pipeline', **module.PMM}
    refined = {
        words[words.index('--out-dir') + 1]: cfg[
            words[words.index('--pipeline') + 1]
        ][2].cam_dir
        for _, _, words, cfg in tools.of('make_pseudo_labels.py')
    }
    crf, *pmm = (
        str(folder / 'cam/seed_3' / row) for row in ('DenseCRF', *module.PMM)
    )
    first = folder / 'mctformer' / 'seed_3'
    own = str(first / 'DenseCRF')
    assert refined == {
        **dict.fromkeys([crf, *pmm], cams),
        own: str(first / 'pseudo_labels' / 'cams'),
    }
    # Both see the same images; only one has CSD's loss.
    csd, further = trained['csd-mctformer'], trained['mctformer-further']
    for cfg, weights in ((csd, {0.01}), (further, {0})):
        assert Path(cfg.load_from).parent == first
        inner = cfg.train_dataloader.dataset.dataset
        assert inner.data_prefix.seg_map_path == f'{own}/labels'
        loss = cfg.model.decode_head.loss_decode[2]
        assert {float(loss[w]) for w in ('fg_weight', 'bg_weight')} == weights
    masks = trained['spatial-bce'].train_dataloader.dataset.data_prefix
    assert masks.seg_map_path == f'{crf}/labels'
    # AdvCAM is compared with the CAMs of the same views.
    climbs = [c for c in tools.of('make_cams.py') if '--tta' in c[2]]
    assert [int(cfg.tta_model.steps) for *_, cfg in climbs] == [0, 8]
    for _, _, given, _ in climbs:
        assert given[0] == str(folder / 'cam/seed_3/epoch_4.pth')
    evaluated = [
        cfg
        for _, _, given, cfg in tools.of('analysis_tools/eval_cams.py')
        if Path(given[0]).parent.name in module.CLIMBS
    ]
    lists = {
        cfg.test_dataloader.dataset.ann_file
        for cfg in (*(cfg for *_, cfg in climbs), *evaluated)
    }
    assert len(evaluated) == 2 and len(lists) == 1
    if data == 'voc-mini':
        assert Path(*lists).read_text().split() == stems[:100]
    out = capsys.readouterr().out
    assert all(f'| {row} |' in out for row in rows)
    # What is finished is not repeated; a further row is added.
    count = len(tools.of('train.py'))
    run(monkeypatch, 'baselines', *words, '--only', 'seam', 'seam-1-2')
    assert len(tools.of('train.py')) == count + 1
    assert '| sipe |' in capsys.readouterr().out


def test_tools_check_the_place_of_options(tools, tmp_path):
    """What these tests rest on."""
    log = tmp_path / 'x.log'
    config = 'configs/csd/csd_mobilenetv2_scenes.py'
    with pytest.raises((KeyError, IndexError, ValueError, TypeError)):
        tools(log, 'train.py', config, '--cfg-options', 'epochs.7.x=1')


def two_rows(root, mask, label):
    """Save a mask and a label of two equal rows; returns a config."""
    for folder, pixels in (('masks', mask), ('labels', label)):
        (root / folder).mkdir(parents=True)
        label = Image.fromarray(np.array([pixels] * 2, np.uint8))
        label.save(root / folder / 'a.png')
    (root / 'list.txt').write_text('a\n')
    dataset = dict(
        type='BaseSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        ann_file='list.txt',
        metainfo=dict(classes=('background', 'a'), palette=[[0] * 3, [1] * 3]),
        pipeline=[],
    )
    config = root / 'config.py'
    config.write_text(f'test_dataloader = dict(dataset={dataset!r})\n')
    return str(config)


def test_contour_quality_of_labels(tools, tmp_path):
    quality = sys.modules['refinements'].contour_quality
    # The contour is 10 pixels off; at its place; left of an unlabelled half.
    half = [0] * 20 + [1] * 20
    for name, mask, label, expected in (
        ('off', half, [0] * 30 + [1] * 10, (0.0, 0.0)),
        ('right', half, half, (100.0, 100.0)),
        ('unlabelled', [1] * 20 + [255] * 20, [1] * 40, (0.0, 100.0)),
    ):
        config = two_rows(tmp_path / name, mask, label)
        labels = tmp_path / name / 'labels'
        found = (quality(config, labels, r) for r in ('background', 'mask'))
        assert tuple(found) == expected, name


def test_rates_of_the_foreground(tools, tmp_path):
    config = two_rows(tmp_path, [0, 0, 1, 1], [0, 1, 1, 1])
    rates = sys.modules['refinements'].foreground_rates
    # IoU is 1 / 2 and 2 / 3; of the union of a, a third is false.
    assert rates(config, tmp_path / 'labels') == {
        'mIoU': 58.33,
        'foreground_FP': 33.33,
        'foreground_FN': 0.0,
    }
