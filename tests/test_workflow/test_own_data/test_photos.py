"""Photos of a folder that is to become a data set."""

from PIL import Image

from mmseg_wsss.workflow.own_data import photos
from mmseg_wsss.workflow.own_data.photos import inspect_image


def test_photos_to_be_shrunk_are_decoded_once(tmp_path, monkeypatch):
    """OpenCV would double the memory; Pillow makes their copy anyway."""
    compared = []

    def agrees(content, photo):
        compared.append(photo.size)
        return False

    monkeypatch.setattr(photos, '_opencv_agrees', agrees)
    for side in (90, 40):
        Image.new('RGB', (side, 20)).save(tmp_path / f'{side}.png')
    large, small = (
        inspect_image(tmp_path / f'{side}.png', 64) for side in (90, 40)
    )
    assert large.reasons == ('larger than 64 pixels',)
    assert small.reasons == ('read differently by OpenCV',)
    assert compared == [(40, 20)]
