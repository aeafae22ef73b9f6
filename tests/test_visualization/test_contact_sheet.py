import numpy as np
import pytest

from mmseg_wsss.visualization.contact_sheet import colorize, contact_sheet

PALETTE = ((0, 0, 0), (200, 10, 20))
RED, BLUE = (255, 0, 0), (0, 0, 255)


def plain(color, height=10, width=20):
    return np.full((height, width, 3), color, dtype=np.uint8)


def find(sheet, color):
    """Rows and columns that have the colour."""
    hit = (np.asarray(sheet) == color).all(2)
    return np.flatnonzero(hit.any(1)), np.flatnonzero(hit.any(0))


class TestColorize:
    def test_classes_and_the_rest(self):
        label = np.array([[0, 1, 255], [254, 1, 2]], dtype=np.uint8)
        picture = colorize(label, PALETTE)
        assert picture.dtype == np.uint8
        assert picture.shape == (2, 3, 3)
        assert picture[0].tolist() == [[0, 0, 0], [200, 10, 20], [255] * 3]
        assert picture[1].tolist() == [[255] * 3, [200, 10, 20], [255] * 3]

    def test_negative_labels_are_ignored(self):
        picture = colorize(np.array([[-1, 0]]), PALETTE)
        assert picture[0].tolist() == [[255, 255, 255], [0, 0, 0]]

    @pytest.mark.parametrize(
        'label', [np.zeros((2, 2)), np.zeros(3, int), np.zeros((1, 2, 2), int)]
    )
    def test_wrong_label(self, label):
        with pytest.raises(ValueError, match='integer map'):
            colorize(label, PALETTE)

    def test_wrong_palette(self):
        with pytest.raises(ValueError, match='RGB'):
            colorize(np.zeros((2, 2), int), ((0, 0), (1, 1)))


class TestContactSheet:
    def test_pictures_keep_pixels_and_places(self):
        sheet = contact_sheet([[plain(RED), plain(BLUE)], [plain(BLUE)]])
        assert sheet.mode == 'RGB'
        rows, columns = find(sheet, RED)
        assert (len(rows), len(columns)) == (10, 20)
        below = find(sheet, BLUE)
        assert below[1].min() == columns.min()
        assert below[0].max() > rows.max() and below[1].max() > columns.max()
        assert (np.asarray(sheet) == BLUE).all(2).sum() == 2 * 10 * 20

    def test_small_picture_is_fitted_and_centred(self):
        sheet = contact_sheet([[plain(RED, 10, 10)], [plain(BLUE, 40, 60)]])
        rows, columns = find(sheet, RED)
        assert (len(rows), len(columns)) == (40, 40)
        left, right = columns.min(), sheet.width - 1 - columns.max()
        assert abs(left - right) <= 1

    def test_grey_picture(self):
        sheet = contact_sheet([[np.full((4, 4), 77, np.uint8)]])
        assert (np.asarray(sheet) == 77).all(2).sum() == 16

    def test_titles_take_room_and_leave_ink(self):
        bare = contact_sheet([[plain(RED)] * 2])
        titled = contact_sheet(
            [[plain(RED, 20, 60)] * 2], ['CAM'], ['image', 'mask']
        )
        rows, columns = find(titled, RED)
        assert rows.min() > find(bare, RED)[0].min()
        assert columns.min() > find(bare, RED)[1].min()
        pixels = np.asarray(titled)
        assert (pixels[: rows.min()] < 128).any()
        assert (pixels[rows.min() :, : columns.min()] < 128).any()

    def test_input_is_not_changed(self):
        picture = plain(RED)
        contact_sheet([[picture, plain(BLUE, 20, 40)]])
        assert (picture == RED).all()

    @pytest.mark.parametrize(
        ('rows', 'options', 'message'),
        [
            ([], {}, 'at least one picture'),
            ([[]], {}, 'at least one picture'),
            ([[np.zeros((3, 3))]], {}, 'row 0, column 0'),
            ([[np.zeros((3, 3, 4), np.uint8)]], {}, 'uint8 of shape'),
            ([[plain(RED)]], {'row_titles': ['a', 'b']}, 'row_titles'),
            ([[plain(RED)]], {'column_titles': []}, 'column_titles'),
        ],
    )
    def test_wrong_input(self, rows, options, message):
        with pytest.raises(ValueError, match=message):
            contact_sheet(rows, **options)
