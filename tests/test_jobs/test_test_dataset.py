from argparse import Namespace

import pytest
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_wsss.jobs.clustering import background_of
from mmseg_wsss.jobs.test_dataset import build_test_images, label_loader
from mmseg_wsss.workflow.report.images import Images
from tests import tiny
from tests.processes import load_tool


def config(root, tmp_path):
    return tiny.config(root, tiny.cam_head(), tmp_path, masks='masks')


def test_images_are_built_without_a_pipeline(tiny_root, tmp_path):
    cfg = config(tiny_root, tmp_path)
    cfg.test_dataloader.dataset.pipeline[2].background_index = None
    dataset, stems, background = build_test_images(cfg)
    assert len(dataset) == 6 and background is None
    assert stems == [f'img_{k}' for k in range(6)]
    assert 'seg_map_path' in dataset.get_data_info(0)


@pytest.mark.parametrize(
    'classes, expected', [(('blue', 'background'), 1), (('red', 'blue'), None)]
)
def test_background_among_the_classes_in_use(
    tiny_root, tmp_path, classes, expected
):
    cfg = config(tiny_root, tmp_path)
    clustering = [
        label_loader(cfg.tta_pipeline),
        dict(type='mmseg_wsss.RegionCentroids'),
    ]
    settings = cfg.test_dataloader.dataset
    settings.type = _FourClasses.__name__
    settings.metainfo = dict(classes=classes, palette=[[0] * 3] * 2)
    assert Images(cfg).background == expected
    dataset, _, background = build_test_images(cfg)
    assert background == expected
    assert background_of(clustering, dataset.metainfo) == expected


@DATASETS.register_module(force=True)
class _FourClasses(BaseSegDataset):
    METAINFO = dict(classes=tiny.CLASSES, palette=tiny.PALETTE)


def test_loader_is_found_inside_augmentations(tiny_root, tmp_path):
    cfg = config(tiny_root, tmp_path)
    loader = label_loader(cfg.tta_pipeline)
    assert loader['ann_file'].endswith('image_labels.json')
    assert label_loader([dict(type='LoadImageFromFile')]) is None
    assert label_loader(cfg.to_dict()) == loader  # anywhere in a config


def test_bad_data_sets(tiny_root, tmp_path):
    cfg = config(tiny_root, tmp_path)
    settings = cfg.test_dataloader.dataset
    cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[])
    with pytest.raises(ValueError, match='not wrapped'):
        build_test_images(cfg)
    cfg.test_dataloader.dataset = settings
    twins = tmp_path / 'twins.txt'
    twins.write_text('img_1\nimg_2\nimg_1')
    settings.ann_file = str(twins)
    with pytest.raises(ValueError, match='img_1: a CAM or label'):
        build_test_images(cfg)
    twins.write_text('img_1\n\nimg_2\n')
    with pytest.raises(ValueError, match=r'twins\.txt, line 2 is empty'):
        build_test_images(cfg)
    settings.ann_file = str(tiny_root / 'missing.txt')
    with pytest.raises(ValueError, match='ann_file'):
        build_test_images(cfg)


@pytest.mark.parametrize('names', [None, ''])
def test_make_cams_says_what_is_wrong_with_a_list(
    tiny_root, tmp_path, monkeypatch, names
):
    tool = load_tool('make_cams')
    cfg = config(tiny_root, tmp_path)
    file = tmp_path / 'some.txt'
    if names is not None:
        file.write_text(names)
    cfg.test_dataloader.dataset.ann_file = str(file)
    args = Namespace(
        checkpoint=None,
        out_dir=str(tmp_path / 'out'),
        no_cams=False,
        tta=True,
        overwrite=False,
    )
    monkeypatch.setattr(tool, 'parse_args', lambda: args)
    monkeypatch.setattr(tool, 'read_config', lambda *_: cfg)
    with pytest.raises(SystemExit, match=r'error: .*ann_file.*some\.txt'):
        tool.main()
