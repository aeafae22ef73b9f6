"""The parts of the report: curves, charts, pictures, figures."""

import base64
import io
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mmseg_wsss.workflow.report.charts import (
    SHADES,
    heat_map,
    line_chart,
    line_style,
    stacked_bars,
)
from mmseg_wsss.workflow.report.collect import spread
from mmseg_wsss.workflow.report.curves import read_curves, thin
from mmseg_wsss.workflow.report.page import in_words, number
from mmseg_wsss.workflow.report.pictures import (
    BIASED_COLOURS,
    data_uri,
    overlay,
)
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

    def test_a_sum_that_is_never_finite(self, tmp_path):
        lines = [train(5, loss=math.nan, **{'a.loss_x': 3.0})]
        made_up.scalars(tmp_path, lines)
        assert read_curves(tmp_path).losses == {'a.loss_x': [(5, 3.0)]}

    def test_nothing(self, tmp_path):
        curves = read_curves(tmp_path)
        assert not curves.losses and not curves.metrics

    def test_thin(self):
        points = [(float(k), 2.0 * k) for k in range(1001)]
        thinned = thin(points)
        assert len(thinned) == 300
        assert thinned[0][0] < 3 and thinned[-1][0] > 997
        assert all(y == pytest.approx(2 * x) for x, y in thinned)
        assert thin(points[:9]) == points[:9]


class Chart:
    """What a chart shows: its texts with their places, its curves."""

    def __init__(self, svg):
        self.svg = str(svg)
        self.root = ElementTree.fromstring(self.svg)
        assert self.root.tag == 'svg' and self.root.get('role') == 'img'
        self.name = self.root.get('aria-label')
        self.width, self.height = map(
            float, self.root.get('viewBox').split()[2:]
        )
        self.places = {
            text.text: (float(text.get('x', 0)), float(text.get('y', 0)))
            for text in self.root.iter('text')
        }

    def ink(self, text):
        """Fill of a text, black if it has none."""
        found = next(x for x in self.root.iter('text') if x.text == text)
        return re.search('fill: (#[0-9a-f]+)|$', found.get('style'))[1]

    def curves(self, colour):
        """Points of the paths that are drawn in a colour."""
        return [
            [
                tuple(map(float, point))
                for point in re.findall(r'[ML] (\S+) (\S+)', path.get('d'))
            ]
            for path in self.root.iter('path')
            if f'stroke: {colour}' in path.get('style')
        ]


def contrast(one, other):
    """Contrast of two sRGB colours in [0, 1], as WCAG 2 defines it."""

    def luminance(colour):
        rgb = np.array(colour[:3], dtype=float)
        linear = np.where(
            rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
        )
        return linear @ (0.2126, 0.7152, 0.0722)

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


class TestCharts:
    def charts(self):
        series = {'<loss>': [(1, 0.5), (2, 0.25)], '$b$': [(1, 1.0)]}
        shares = np.array([[1.0, 0.0, 0.2], [math.nan, 0.001, 0.5]])
        texts = [['100', '', '20'], ['', '', '50']]
        columns = ['a', 'b', '<c>']
        return [
            line_chart(series, 'a & b', 'epoch'),
            stacked_bars([('cams', (50.5, 30.0, 19.5))]),
            heat_map(shares, texts, ['a', 'b'], columns, 'a & b'),
        ]

    def test_lines(self):
        chart = Chart(self.charts()[0])
        assert chart.name == 'a & b'
        assert {'<loss>', '$b$', 'epoch', '1', '2', '0.0'} <= {*chart.places}
        # The curve, its two points and its mark in the legend.
        curve, *points, _ = chart.curves(line_style(0)[0])
        assert [len(p) for p in (curve, *points)] == [2, 2, 2]
        assert curve == [points[0][0], points[1][0]]
        assert curve[0][0] == pytest.approx(chart.places['1'][0], abs=0.1)
        zero, one = (chart.places[t][1] for t in ('0.0', '1.0'))
        drop = curve[1][1] - curve[0][1]
        assert drop == pytest.approx((zero - one) / 4, rel=1e-3)
        # One point alone is seen, too.
        assert len(chart.curves(line_style(1)[0])) == 3
        assert len({line_style(k) for k in range(32)}) == 32

    def test_bounds_and_negative_values(self):
        series = {'x': [(k, -0.1 * k) for k in range(9)]}
        chart = Chart(line_chart(series, 'x', 'epoch'))
        # matplotlib writes the sign as U+2212.
        assert {'0.0', '\u22120.8'} <= {*chart.places}
        chart = Chart(line_chart({'x': [(1, 40.0)]}, 'x', 'epoch', (0, 100)))
        assert {'0', '100'} <= {*chart.places}

    def test_long_names_stay_inside(self):
        name = 'decode.loss_' + 'long_' * 20
        chart = Chart(line_chart({name: [(1, 1.0)]}, 'x', 'epoch'))
        parts = [text for text in chart.places if text in name]
        assert name == ''.join(parts)
        assert max(map(len, parts)) <= 42
        assert all(0 <= y <= chart.height for _, y in chart.places.values())

    def test_bars(self):
        chart = Chart(self.charts()[1])
        assert {'cams', '50.5', '30.0', '19.5'} <= {*chart.places}
        assert {'right (mIoU)', 'false (FP)', 'missed (FN)'} <= {*chart.places}
        assert chart.name.endswith('cams 50.5, 30.0, 19.5')
        middle = [chart.places[x][0] for x in ('50.5', '30.0', '19.5')]
        unit = (middle[1] - middle[0]) / (50.5 / 2 + 30 / 2)
        assert middle[2] - middle[1] == pytest.approx(unit * 24.75, rel=1e-3)
        assert (
            'nan' not in Chart(stacked_bars([('x', (math.nan,) * 3)])).places
        )

    def test_heat_map(self):
        chart = Chart(self.charts()[2])
        cells = {'100', '20', '50'}
        assert cells | {'a', 'b', '<c>'} == {*chart.places}
        # Rows and columns.
        assert chart.places['100'][1] == chart.places['20'][1]
        assert chart.places['50'][0] == chart.places['20'][0]
        assert chart.ink('100') == '#ffffff' and chart.ink('20') is None
        data = self.charts()[2].split('base64,')[1].split('"')[0]
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        colours = np.asarray(picture.convert('RGBA'))
        assert colours.shape == (2, 3, 4)
        assert colours[0, 0].tolist() == [8, 64, 129, 255]
        assert colours[0, 1].tolist() == [255] * 4
        assert colours[1, 0, 3] == 0

    def test_numbers_in_cells_are_legible(self):
        for share in np.linspace(0, 1, 101):
            text = [['x']]
            if round(100 * share) in (0, 61, 62, 100):
                ink = Chart(
                    heat_map(np.array([[share]]), text, ['r'], ['c'], '')
                ).ink('x')
                assert (ink == '#ffffff') == (share > 0.61)
            ink = (1, 1, 1) if share > 0.61 else (0, 0, 0)
            assert contrast(ink, SHADES(share**0.7)) >= 4.5

    @pytest.mark.filterwarnings('error')
    def test_names_in_any_script(self):
        chart = Chart(
            heat_map(
                np.eye(2), [['1', ''], ['', '1']], ['猫', 'b'], ['a', '犬'], ''
            )
        )
        assert {'猫', '犬'} <= {*chart.places}

    def test_large_numbers_fit_their_cells(self):
        counts = np.full((2, 2), 118_000)
        texts = [['118000'] * 2] * 2
        chart = Chart(heat_map(counts / 118_000, texts, 'ab', 'ab', ''))
        assert chart.width > 2 * 6 * 13 * 0.6

    def test_equal_input_gives_equal_bytes_without_ids(self):
        for one, other in zip(self.charts(), self.charts(), strict=True):
            assert one == other
            assert not re.search(r' id=|url\(|href="#|://|<use', one)


def test_numbers():
    assert [number(x) for x in (1.25, None, math.nan, math.inf)] == [
        '1.2',
        *'---',
    ]


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
        laid = overlay(photo, label, [[0, 0, 0], [200, 0, 0]], 0)
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
