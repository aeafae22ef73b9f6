"""Which photos a label file means."""

from pathlib import Path

import pytest

from mmseg_wsss.workflow.own_data.matching import match_photos

ROOT = Path('/photos')


@pytest.mark.parametrize(
    ('images', 'files', 'found'),
    [
        (['a.jpg', 'b'], ['a.jpg', 'b.png'], ['a.jpg', 'b.png']),
        (['x/1.jpg', 'y/1'], ['y/1.jpg', 'x/1.jpg'], ['x/1.jpg', 'y/1.jpg']),
        # What leads to the folder of the photos.
        (['photos/x/1.jpg'], ['x/1.jpg'], ['x/1.jpg']),
        (['../photos/x/1.jpg', '../photos/a'], ['x/1.jpg', 'a.jpg'], 'same'),
        (['/photos/x/1.jpg'], ['x/1.jpg'], ['x/1.jpg']),
        (['d:\\p\\x\\1.jpg'], ['x/1.jpg'], ['x/1.jpg']),
        # Another case.
        (['Cat/1.JPG', 'Dog/1'], ['cat/1.jpg', 'dog/1.jpg'], 'same'),
        (['IMG_A.JPG'], ['img_a.jpg'], ['img_a.jpg']),
        # Photos that have been moved.
        (['cat/1.jpg', 'dog/2.jpg'], ['1.jpg', 'new/2.jpg'], 'same'),
        # A file that is gone is not another one of its name.
        (['x/1', 'z/1'], ['x/1.jpg', 'w/1.jpg'], ['x/1.jpg', None]),
        (['x/1', 'y/1'], ['x/1.jpg', '1.jpg'], ['x/1.jpg', None]),
        # A path is more than a name.
        (['a'], ['a.jpg', 'photos/a.jpg'], ['a.jpg']),
        (['none.jpg'], ['a.jpg'], [None]),
    ],
)
def test_a_label_is_that_of_one_photo(images, files, found):
    expected = {
        image: [ROOT / file]
        for image, file in zip(
            images, files if found == 'same' else found, strict=True
        )
        if file
    }
    assert match_photos(images, [ROOT / f for f in files], ROOT) == expected


def test_a_name_may_belong_to_several_photos():
    files = [ROOT / 'x' / '1.jpg', ROOT / 'y' / '1.jpg']
    assert match_photos(['1.jpg'], files, ROOT) == {'1.jpg': files}
