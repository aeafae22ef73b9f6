import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_wsss.evaluation import (
    FalseRateMetric,
    OutOfCandidateMetric,
    PseudoLabelWriter,
)
from mmseg_wsss.evaluation.areas import area_rates, label_areas
from mmseg_wsss.io.cam import load_cam
from mmseg_wsss.io.class_ids import original_class_ids
from mmseg_wsss.io.labels import label_reader, save_label
from mmseg_wsss.structures import set_image_labels
from tests.tiny import CLASSES, PALETTE

META = dict(classes=CLASSES, palette=PALETTE)


def prediction(pred, labels=None, mask=None, **more):
    sample = dict(pred_sem_seg=dict(data=torch.tensor([pred])), **more)
    if labels is not None:
        sample['image_labels'] = torch.tensor(labels, dtype=torch.float)
    if mask is not None:
        sample['gt_sem_seg'] = dict(data=torch.tensor([mask]))
    return sample


def rates(samples, **options):
    metric = OutOfCandidateMetric(**options)
    metric.dataset_meta = META
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_rates_by_hand():
    samples = [
        prediction([[0, 1], [2, 2]], [0, 1, 0, 0], [[0, 1], [1, 255]]),
        prediction([[0, 1], [1, 1]], [1, 1, 0, 0], [[0, 0], [0, 0]]),
    ]
    # One OC pixel among 3 + 4 valid ones; the other OC pixel is ignored.
    assert rates(samples) == {
        'OC_image_rate': 50.0,
        'OC_image_rate_1pct': 50.0,
        'OC_pixel_rate': round(100 / 7, 3),
    }


def test_labels_of_a_head_that_predicts_in_float():
    """As MMSeg's one-channel heads do."""
    sample = prediction([[0.0, 1.0, 2.0, 2.0]], [1, 1, 0, 0])
    assert rates([sample])['OC_pixel_rate'] == 50.0


def test_one_percent_of_the_area_is_of_the_pixels_that_count():
    """More than 1 %, of those that the mask does not ignore."""
    label = np.ones((20, 10), int)
    label[0, :2] = 2
    half = np.ones((20, 10), int)
    half[10:] = 255
    samples = [
        prediction(label.tolist(), [0, 1, 0, 0], mask)
        for mask in (np.ones_like(half).tolist(), half.tolist())
    ]
    # 2 of 200 pixels are 1 %, 2 of 100 are more.
    assert rates(samples[:1])['OC_image_rate_1pct'] == 0
    assert rates(samples)['OC_image_rate_1pct'] == 50
    assert rates(samples)['OC_image_rate'] == 100


def test_an_ignored_image_has_no_oc_pixel():
    found = rates([prediction([[2, 2]], [0, 1, 0, 0], [[255, 255]])])
    assert set(found.values()) == {0}


def test_labels_from_the_mask_and_without_background():
    samples = [prediction([[0, 3], [3, 1]], mask=[[1, 1], [3, 255]])]
    assert rates(samples)['OC_pixel_rate'] == 0
    assert rates(samples, background_index=None)['OC_pixel_rate'] == round(
        100 / 3, 3
    )
    labelled = [prediction([[0, 3]], [1, 1, 0, 0], mask=[[3, 3]])]
    assert rates(labelled)['OC_pixel_rate'] == 50


def test_the_background_is_that_of_the_samples():
    """LoadImageLabels says that there is none, or which it is."""
    for index, rate in ((None, 100), (1, 50), (0, 50)):
        sample = prediction([[0, 1]], [0, 0, 1, 0], background_index=index)
        assert rates([sample])['OC_pixel_rate'] == rate
    metric = FalseRateMetric(skip_background=True)
    metric.dataset_meta = META
    for index, fp, fn in ((None, 25, 50), (0, 0, 100), (1, 50, 0)):
        sample = prediction([[0, 0]], mask=[[0, 1]], background_index=index)
        metric.process({}, [sample])
        assert metric.evaluate(1) == dict(FP=fp, FN=fn)


def test_metric_errors():
    with pytest.raises(ValueError, match='neither image labels nor a mask'):
        rates([prediction([[0]], img_path='a.png')])
    with pytest.raises(ValueError, match='has no image labels'):
        rates([prediction([[0]], mask=[[0]])], labels_from='image_labels')
    with pytest.raises(ValueError, match='labels_from must be one of'):
        OutOfCandidateMetric(labels_from='mask')


def test_a_mask_of_other_classes_is_named():
    sample = prediction([[0, 1]], mask=[[0, 7]], img_path='x/odd.png')
    with pytest.raises(ValueError, match=r'odd\.png holds labels from 0 to 7'):
        rates([sample])
    sample = prediction([[0, 1]], mask=[[0, -1]], img_path='x/odd.png')
    with pytest.raises(ValueError, match=r'odd\.png holds labels from -1'):
        rates([sample])
    sample = prediction([[0, 1]], [1, 1, 0, 0], [[0], [1]], img_path='o.png')
    with pytest.raises(ValueError, match=r'o\.png: the prediction has size'):
        rates([sample])


@pytest.mark.parametrize(
    ('metric', 'options'),
    [
        (OutOfCandidateMetric, dict(min_pixel=500)),
        (PseudoLabelWriter, dict(label_dir='x', cam_strid=8)),
    ],
)
def test_options_that_there_are_not(metric, options):
    with pytest.raises(TypeError, match=list(options)[-1]):
        metric(**options)


def test_options_of_every_metric(tmp_path):
    for metric in (
        OutOfCandidateMetric(collect_dir=str(tmp_path), prefix='a'),
        PseudoLabelWriter('x', collect_dir=str(tmp_path), prefix='a'),
    ):
        assert metric.collect_dir == str(tmp_path) and metric.prefix == 'a'


def scored(stem, scores, labels, folder='x', **more):
    return dict(
        img_path=f'{folder}/{stem}.jpg',
        seg_logits=dict(data=scores),
        image_labels=torch.tensor(labels, dtype=torch.float),
        **more,
    )


def test_writer_masks_to_the_image_labels(tmp_path):
    scores = torch.zeros(4, 6, 9)
    scores[0], scores[1], scores[2, :, :4] = 0.3, 0.9, 0.6
    writer = PseudoLabelWriter(
        str(tmp_path / 'labels'), str(tmp_path / 'cams')
    )
    writer.dataset_meta = META
    writer.process({}, [scored('a', scores, [1, 0, 1, 0])])
    assert writer.evaluate(1) == {'written': 1.0}
    label = np.array(Image.open(tmp_path / 'labels' / 'a.png'))
    assert label.shape == (6, 9)
    assert set(label[:, :4].flat) == {2}
    assert set(label[:, 4:].flat) == {0}
    classes, cam = load_cam(tmp_path / 'cams' / 'a.npz')
    assert classes.tolist() == [2]
    assert cam.shape == (1, 2, 3)
    # The middle of three cells covers columns 3 to 5 of the 0.6 half.
    assert cam[0, 0].tolist() == pytest.approx([0.6, 0.2, 0], abs=1e-3)


def test_writer_takes_images_without_foreground(tmp_path):
    writer = PseudoLabelWriter(cam_dir=str(tmp_path))
    writer.dataset_meta = META
    writer.process({}, [scored('a', torch.zeros(4, 8, 8), [1, 0, 0, 0])])
    classes, cam = load_cam(tmp_path / 'a.npz')
    assert classes.shape == (0,)
    assert cam.shape == (0, 2, 2)


def test_writer_without_a_background(tmp_path):
    """The first class in use is none where the background is left out."""
    sample = SegDataSample(metainfo=dict(img_path='x/a.jpg'))
    set_image_labels(sample, torch.tensor([1, 0, 1]), background_index=None)
    sample.seg_logits = PixelData(data=torch.rand(3, 8, 8))
    writer = PseudoLabelWriter(cam_dir=str(tmp_path))
    writer.dataset_meta = dict(
        classes=CLASSES[1:], label_map={0: 255, 1: 0, 2: 1, 3: 2}
    )
    writer.process({}, [sample.to_dict()])
    assert load_cam(tmp_path / 'a.npz')[0].tolist() == [1, 3]


def test_writer_errors(tmp_path):
    with pytest.raises(ValueError, match='writes nothing'):
        PseudoLabelWriter()
    writer = PseudoLabelWriter(str(tmp_path))
    writer.dataset_meta = META
    sample = scored('a', torch.zeros(4, 8, 8), [1, 1, 0, 0])
    writer.process({}, [sample])
    twin = scored('a', torch.zeros(4, 8, 8), [1, 1, 0, 0], folder='y')
    with pytest.raises(ValueError, match='must be unique'):
        writer.process({}, [twin])
    del sample['image_labels']
    with pytest.raises(ValueError, match='LoadImageLabels'):
        writer.process({}, [sample])


def test_subset_labels_read_back_like_masks(tmp_path):
    # The data set uses three of four classes, in another order.
    save_label(
        tmp_path / 'masks' / 'a.png', np.array([[0, 1, 2, 3]] * 4), PALETTE
    )
    (tmp_path / 'list.txt').write_text('a')
    dataset = _FourClasses(
        metainfo=dict(classes=('blue', 'background', 'red')),
        data_prefix=dict(
            img_path=str(tmp_path), seg_map_path=str(tmp_path / 'masks')
        ),
        ann_file=str(tmp_path / 'list.txt'),
    )
    read = label_reader(dataset)
    seen = read(tmp_path / 'masks' / 'a.png')
    assert seen[0].tolist() == [1, 2, 255, 0]
    writer = PseudoLabelWriter(
        str(tmp_path / 'labels'), str(tmp_path / 'cams')
    )
    writer.dataset_meta = dataset.metainfo
    scores = torch.zeros(3, 4, 4)
    scores[1, :, 0] = scores[2, :, 1] = scores[1, :, 2] = scores[0, :, 3] = 0.9
    sample = scored('a', scores, [1, 1, 1], background_index=1)
    writer.process({}, [sample])
    written = np.array(Image.open(tmp_path / 'labels' / 'a.png'))
    assert written[0].tolist() == [0, 1, 0, 3]
    assert read(tmp_path / 'labels' / 'a.png')[0].tolist() == [1, 2, 1, 0]
    assert load_cam(tmp_path / 'cams' / 'a.npz')[0].tolist() == [3, 1]
    areas = label_areas(
        [(tmp_path / 'labels' / 'a.png', tmp_path / 'masks' / 'a.png')],
        len(dataset.metainfo['classes']),
        read,
    )
    assert (area_rates(areas)[0] == 100).all()


def test_shifted_labels_are_written_unshifted():
    meta = dict(classes=('a', 'b'), reduce_zero_label=True, label_map=None)
    assert original_class_ids(meta) == [1, 2]


@DATASETS.register_module(force=True)
class _FourClasses(BaseSegDataset):
    METAINFO = dict(classes=CLASSES, palette=PALETTE)


def test_label_files_against_masks(tmp_path):
    for folder, label in (
        ('labels', [[0, 1], [255, 2]]),
        ('masks', [[0, 1], [1, 255]]),
    ):
        save_label(tmp_path / folder / 'a.png', np.array(label), PALETTE)
    pair = tmp_path / 'labels' / 'a.png', tmp_path / 'masks' / 'a.png'
    iou = area_rates(label_areas([pair], len(CLASSES)))[0]
    assert iou[0] == 100  # background
    assert iou[1] == 50
    assert np.isnan(iou[3])
    save_label(tmp_path / 'masks' / 'a.png', np.zeros((3, 3)), PALETTE)
    with pytest.raises(ValueError, match='has size'):
        label_areas([pair], len(CLASSES))
