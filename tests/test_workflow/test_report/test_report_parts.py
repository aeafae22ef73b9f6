"""The parts of the report: curves, charts, pictures, figures."""

import base64
import io
import math

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.workflow.report.charts import (
    line_chart,
    line_style,
    stacked_bars,
    ticks,
)
from mmseg_wsss.workflow.report.collect import spread
from mmseg_wsss.workflow.report.curves import read_curves, thin
from mmseg_wsss.workflow.report.heat_map import heat_map, shade
from mmseg_wsss.workflow.report.pictures import (
    BIASED_COLOURS,
    data_uri,
    lay_over,
)
from mmseg_wsss.workflow.report.tables import in_words
from tests.test_workflow.test_report import made_up


def train(step, **values):
    return {'lr': 0.1, 'iter': step, 'step': step, **values}


class TestCurves:
    def test_a_training_that_went_on(self, tmp_path):
        """What the first start logged beyond the second's is dropped."""
        first = [train(k, loss=float(k)) for k in (10, 20, 30)]
        broken = '{"loss": 1, "st'
        made_up.scalars(tmp_path, [*first, broken], '20260101_000000')
        second = [train(k, loss=float(-k)) for k in (20, 30, 40)]
        made_up.scalars(tmp_path, second, '20260102_000000')
        curves = read_curves(tmp_path)
        assert curves.losses == {
            'loss': [(10, 10.0), (20, -20.0), (30, -30.0), (40, -40.0)]
        }
        assert not curves.metrics and curves.unit == 'iteration'

    def test_losses_metrics_and_units(self, tmp_path):
        lines = [
            train(5, loss=3.0, epoch=1, **{'a.loss_x': 1.0, 'acc': 9.0}),
            {'mIoU': 40.0, 'time': 1.0, 'step': 1},
            train(10, loss=math.nan, epoch=2, **{'a.loss_x': 2.0}),
            {'mIoU': math.inf, 'step': 2},
        ]
        made_up.scalars(tmp_path, lines)
        curves = read_curves(tmp_path)
        assert curves.losses == {
            'loss': [(5, 3.0)],
            'a.loss_x': [(5, 1.0), (10, 2.0)],
        }
        assert curves.metrics == {'mIoU': [(1, 40.0)]}
        assert curves.unit == 'epoch'

    def test_the_sum_of_one_loss_is_left_out(self, tmp_path):
        made_up.scalars(tmp_path, [train(5, loss=3.0, **{'a.loss_x': 3.0})])
        assert list(read_curves(tmp_path).losses) == ['a.loss_x']

    def test_nothing(self, tmp_path):
        curves = read_curves(tmp_path)
        assert not curves.losses and not curves.metrics

    def test_thin(self):
        points = [(float(k), 2.0 * k) for k in range(1001)]
        thinned = thin(points, 300)
        assert len(thinned) == 300
        assert thinned[0][0] < 3 and thinned[-1][0] > 997
        assert all(y == pytest.approx(2 * x) for x, y in thinned)
        assert thin(points[:9], 300) == points[:9]


@pytest.mark.parametrize(
    ('low', 'high', 'expected'),
    [
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (0, 0.73, [0, 0.2, 0.4, 0.6, 0.8]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (3, 3, None),
        (0, 0, None),
    ],
)
def test_ticks(low, high, expected):
    found = ticks(low, high)
    assert found[0] <= low and found[-1] >= high and len(found) < 9
    assert expected is None or found == expected


def test_charts_hold_their_values():
    series = {'<loss>': [(1, 0.5), (2, 0.25)], 'b': [(1, 1.0)]}
    chart = line_chart(series, 'a & b', 'epoch')
    assert '&lt;loss&gt;' in chart and 'a &amp; b' in chart
    assert chart.count('class="curve"') == 2
    bars = stacked_bars([('cams', (50.0, 30.0, 20.0))], 'title')
    assert all(f'>{x}<' in bars for x in ('50.0', '30.0', '20.0'))
    assert 'nan' not in stacked_bars([('x', (math.nan,) * 3)], 'title')
    assert len({line_style(k) for k in range(32)}) == 32


def test_heat_map():
    shares = np.array([[1.0, 0.0, 0.2], [math.nan, 0.001, 0.5]])
    texts = [['100', '', '20'], ['', '', '50']]
    chart = heat_map(shares, texts, ['a', 'b'], ['a', 'b', '<c>'], 'title')
    # Three cells and the frame.
    assert chart.count('<rect') == 4
    assert '<title>b, &lt;c&gt;: 50</title>' in chart
    assert shade(0) == '#ffffff' and shade(1) == '#084081'
    assert shade(-1) == shade(0) and shade(2) == shade(1)


@pytest.mark.parametrize('count', [1, 2, 3, 5, 8, 9, 10, 100])
def test_spread(count):
    ranked = [f'{k:03}' for k in range(count)]
    found = spread(ranked, 3)
    stems = [stem for stem, _ in found]
    assert stems == sorted(set(stems)) and len(stems) == min(
        9, max(3 * (count // 3), min(count, 2))
    )
    assert found[0] == ('000', 'worst')
    assert count == 1 or found[-1] == (ranked[-1], 'best')


class TestPictures:
    def test_colours_of_a_label_map(self):
        photo = np.full((20, 20, 3), 100, np.uint8)
        label = np.zeros((40, 40), np.uint8)
        label[:, 10:20], label[:, 20:30], label[:, 30:] = 1, 254, 255
        laid = lay_over(photo, label, [[0, 0, 0], [200, 0, 0]], 0)
        assert laid.shape == photo.shape
        assert (laid[:, :4] == 100).all()
        assert laid[5, 7].tolist() == [160, 40, 40]
        stripes = {tuple(pixel) for pixel in laid[:, 10:15].reshape(-1, 3)}
        assert stripes == set(BIASED_COLOURS)
        assert (laid[:, 15:] == 255).all()
        # A white line between background and class.
        assert (laid[:, 4] == 255).all()
        assert (photo == 100).all()

    @pytest.mark.parametrize('shape', [(1, 1), (300, 200), (2, 320)])
    def test_data_uris_keep_the_limit(self, shape):
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        for limit in (24_000, 6_000):
            head, _, text = data_uri(noise, limit).partition(',')
            assert head == 'data:image/jpeg;base64'
            data = base64.b64decode(text)
            assert len(data) <= limit
            assert Image.open(io.BytesIO(data)).format == 'JPEG'


def test_times_in_words():
    assert [in_words(s) for s in (0.4, 59.6, 125, 7380)] == [
        '0 s',
        '1 min 0 s',
        '2 min 5 s',
        '2 h 3 min',
    ]
