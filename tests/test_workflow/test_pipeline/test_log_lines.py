"""What is read off the logs of our tools."""

import pytest

from mmseg_wsss.workflow.pipeline.log_lines import (
    figures_of,
    last_figures,
    progress_of,
)

STAMP = '2026/11/24 22:48:42 - mmengine - INFO - '
TRAIN = (
    STAMP + 'Epoch(train)  [3][ 20/37]  lr: 9.7e-04  eta: 0:02:11  '
    'time: 0.21  data_time: 0.01  loss: 1.2345  decode.loss_gap: 1.2345'
)
LONG = STAMP + (
    'Iter(train) [  150/20000]  base_lr: 1.0e-02 lr: 1.0e-02  '
    'eta: 1 day, 2:34:56  time: 0.5  loss: nan'
)
VALIDATION = (
    STAMP + 'Epoch(val) [15][150/150]    aAcc: 70.0800  mIoU: 40.7500  '
    'mAcc: nan  OC_image_rate: 3.3300  data_time: 0.0021  time: 0.0190'
)
STEP = STAMP + 'Epoch(val) [15][ 50/150]    eta: 0:00:01  time: 0.01'
IMAGES = '11/25 00:42:35 - mmengine - INFO - 209 of 600 images, 311 per minute'
LABELS = 'INFO - pseudo labels of 600 images: mIoU 48.41, FP 30.66, FN 20.92'
CONTOURS = 'INFO - Epoch(test) [7/7]    F: 40.0  J: 60.0  J&F: 50.0  mF: nan'
TEST = 'INFO - Iter(test) [7/7]    mIoU: 33.3300  loss_knn: -0.25  time: 1.0'


@pytest.mark.parametrize(
    ('line', 'told'),
    [
        (TRAIN, 'train [3][ 20/37], 0:02:11 left, loss 1.2345'),
        (LONG, 'train [  150/20000], 1 day, 2:34:56 left'),
        (STEP, 'val [15][ 50/150], 0:00:01 left'),
        (IMAGES, '209 of 600 images, 311 per minute'),
        (VALIDATION, None),
        ('anything else', None),
    ],
)
def test_progress(line, told):
    assert progress_of(line) == told


def test_figures():
    assert figures_of(VALIDATION) == {
        'aAcc': 70.08,
        'mIoU': 40.75,
        'OC_image_rate': 3.33,
    }
    assert figures_of(LABELS) == {'mIoU': 48.41, 'FP': 30.66, 'FN': 20.92}
    assert figures_of(TEST) == {'mIoU': 33.33, 'loss_knn': -0.25}
    assert figures_of(CONTOURS) == {'F': 40.0, 'J': 60.0, 'J&F': 50.0}
    for line in (TRAIN, STEP, IMAGES, 'anything'):
        assert figures_of(line) == {}
    assert last_figures([VALIDATION, LABELS, TRAIN]) == figures_of(LABELS)
