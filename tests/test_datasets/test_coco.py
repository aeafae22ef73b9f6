import pytest
from mmseg.registry import DATASETS

from mmseg_wsss.datasets.coco import COCO_CLASSES, COCO2014Dataset
from mmseg_wsss.datasets.palette import voc_palette


def test_classes_stand_at_their_mask_value():
    classes = COCO2014Dataset.METAINFO['classes']
    assert len(classes) == len(set(classes)) == 81
    # original category ids 1, 13, 44, 62, 90 over their gaps
    for value, name in {
        0: 'background',
        1: 'person',
        12: 'stop sign',
        40: 'bottle',
        57: 'chair',
        80: 'toothbrush',
    }.items():
        assert classes[value] == name
    assert classes[1:] == COCO_CLASSES


def test_palette_is_that_of_voc():
    voc = DATASETS.get('PascalVOCDataset').METAINFO['palette']
    assert voc_palette(21) == voc
    colors = {tuple(color) for color in voc_palette(256)}
    assert len(colors) == 256
    assert voc_palette(256)[255] == [224, 224, 192]
    for bad in (-1, 257):
        with pytest.raises(ValueError, match='num_colors'):
            voc_palette(bad)


def test_data_set_reads_a_list(tmp_path):
    (tmp_path / 'val.txt').write_text('COCO_val2014_000000000042\n')
    dataset = DATASETS.build(
        dict(
            type='COCO2014Dataset',
            data_root=str(tmp_path),
            ann_file='val.txt',
            data_prefix=dict(img_path='images', seg_map_path='masks'),
            pipeline=[],
        )
    )
    info = dataset.get_data_info(0)
    assert info['img_path'].endswith('images/COCO_val2014_000000000042.jpg')
    assert info['seg_map_path'].endswith('masks/COCO_val2014_000000000042.png')
    assert info['reduce_zero_label'] is False
    assert info['label_map'] is None
    assert len(dataset.metainfo['palette']) == 81
