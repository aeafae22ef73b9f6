"""The reader of photos: one result for every kind of file."""

import struct
import zlib

import cv2
import numpy as np
import PIL
import pytest
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmseg_wsss.io.photos import decode_photo, read_photo

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (24, 32, 3), np.uint8)


def exif_block(*entries):
    """An APP1 segment of EXIF entries (tag, type, count, value)."""
    tiff = b'II*\0\x08\0\0\0' + struct.pack('<H', len(entries))
    tiff += b''.join(struct.pack('<HHII', *e) for e in sorted(entries))
    block = b'Exif\0\0' + tiff + bytes(4) + b'\1\0\0\0\0\0\0\0' * 8
    return b'\xff\xe1' + (len(block) + 2).to_bytes(2, 'big') + block


@pytest.mark.parametrize(
    'entry',
    [
        (0x010F, 5, 1, 8),
        (0x011A, 2, 1, 8),
        (0x9000, 11, 1, 8),
        (0x8769, 4, 1, 0xFFFFFF),
        (0x8825, 2, 9, 8),
        (0x0132, 12, 2, 8),
        pytest.param(
            (0x010E, 7, 0xFFFFFF, 8),
            marks=pytest.mark.skipif(
                int(PIL.__version__.split('.')[0]) < 13,
                reason='Pillow reads nothing behind such an entry before 13',
            ),
        ),
    ],
)
def test_damaged_exif_does_not_stop_turning(tmp_path, entry):
    path = tmp_path / 'a.jpg'
    Image.fromarray(PHOTO).save(path, quality=95)
    raw = path.read_bytes()
    plain = read_photo(path)
    block = exif_block((0x0112, 3, 1, 6), entry)
    path.write_bytes(raw[:2] + block + raw[2:])
    assert np.array_equal(read_photo(path), np.rot90(plain, -1))


@pytest.mark.parametrize(
    'entry', [(0x0112, 2, 1, 8), (0x0112, 5, 1, 8), (0x0112, 3, 1, 77)]
)
def test_orientation_that_is_none(tmp_path, entry):
    path = tmp_path / 'a.jpg'
    Image.fromarray(PHOTO).save(path)
    raw, plain = path.read_bytes(), read_photo(path)
    path.write_bytes(raw[:2] + exif_block(entry) + raw[2:])
    assert np.array_equal(read_photo(path), plain)


@pytest.mark.parametrize('suffix', ['png', 'tif'])
@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
def test_bits_of_colour_photos(tmp_path, suffix, bits):
    """Colours of 16 bits keep the 8 highest of those in use."""
    values = PHOTO.astype(np.uint16) << (bits - 8)
    values[0, 0] = 2**bits - 1
    path = tmp_path / f'a.{suffix}'
    assert cv2.imwrite(str(path), values[..., ::-1])
    expected = PHOTO.copy()
    expected[0, 0] = 255
    assert np.array_equal(read_photo(path), expected)


def test_transparent_colours_of_16_bits(tmp_path):
    values = np.full((8, 8, 4), 100 << 4, np.uint16)
    values[..., 3] = 65535
    values[0, :, 3] = 0
    path = tmp_path / 'a.png'
    assert cv2.imwrite(str(path), values)
    photo = read_photo(path)
    assert (photo[0] == 255).all() and (photo[1:] == 100).all()


@pytest.mark.parametrize('bits', [8, 12, 16])
def test_greys_whose_zero_is_white(tmp_path, bits):
    """A TIFF may count from white; its lowest value is the brightest."""
    values = PHOTO[..., 0].astype(np.uint16) << (bits - 8)
    values[0, :2] = 0, 2**bits - 1
    path = tmp_path / 'a.tif'
    for photometric, expected in ((1, [0, 255]), (0, [255, 0])):
        options = dict(tiffinfo={262: photometric})
        Image.fromarray(values).save(path, **options)
        photo = read_photo(path)
        assert photo[0, :2, 0].tolist() == expected
        seen = PHOTO[1:, :, 0] if photometric else 255 - PHOTO[1:, :, 0]
        assert np.array_equal(photo[1:, :, 0], seen)


def test_a_transparent_grey_of_16_bits(tmp_path):
    """The chunk tRNS names one; it becomes white."""

    def chunk(kind, data):
        check = struct.pack('>I', zlib.crc32(kind + data))
        return struct.pack('>I', len(data)) + kind + data + check

    values = np.full((8, 8), 40000, '>u2')
    values[0] = 1000
    rows = b''.join(b'\0' + row.tobytes() for row in values)
    path = tmp_path / 'a.png'
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', struct.pack('>IIBBBBB', 8, 8, 16, 0, 0, 0, 0))
        + chunk(b'tRNS', struct.pack('>H', 1000))
        + chunk(b'IDAT', zlib.compress(rows))
        + chunk(b'IEND', b'')
    )
    photo = read_photo(path)
    assert (photo[0] == 255).all() and (photo[1:] == 40000 >> 8).all()


@pytest.mark.parametrize('turn', [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize('suffix', ['png', 'tif', 'jpg', 'webp'])
def test_every_orientation(tmp_path, turn, suffix):
    """All formats are turned alike."""
    seen = np.zeros((16, 24, 3), np.uint8)
    seen[:8], seen[8:, :12] = [255, 0, 0], [0, 0, 255]
    stored = {
        1: seen,
        2: seen[:, ::-1],
        3: seen[::-1, ::-1],
        4: seen[::-1],
        5: seen.swapaxes(0, 1),
        6: np.rot90(seen, 1),
        7: np.rot90(seen, 2).swapaxes(0, 1),
        8: np.rot90(seen, -1),
    }[turn]
    exif = Image.Exif()
    exif[0x0112] = turn
    path = tmp_path / f'a.{suffix}'
    options = dict(webp=dict(lossless=True))
    options['jpg'] = dict(quality=95, subsampling=0)
    image = Image.fromarray(np.ascontiguousarray(stored))
    image.save(path, exif=exif, **options.get(suffix, {}))
    photo = read_photo(path).astype(int)
    assert photo.shape == seen.shape
    assert abs(photo - seen).mean() < 6


def cases(folder):
    """Files of many kinds, by name."""
    image = Image.fromarray(PHOTO)
    clear = image.convert('RGBA')
    clear.putalpha(Image.fromarray(PHOTO[..., 0]))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / 'plain.jpg')
    image.save(folder / 'turned.jpg', exif=exif)
    clear.save(folder / 'clear.png')
    image.quantize(8).save(folder / 'palette.png')
    image.quantize(8).save(folder / 'see.gif', transparency=0)
    image.convert('1').save(folder / 'bits.png')
    image.convert('LA').save(folder / 'grey.png')
    image.convert('CMYK').save(folder / 'print.jpg')
    cv2.imwrite(str(folder / 'deep.png'), PHOTO.astype(np.uint16) << 4)
    cv2.imwrite(str(folder / 'grey.tif'), PHOTO[..., 0].astype('uint16') << 4)
    cut = folder / 'cut.png'
    image.save(cut)
    cut.write_bytes(cut.read_bytes()[:-8])
    return sorted(folder.iterdir())


@pytest.mark.parametrize('decoder', ['cv2', 'pillow'])
def test_mmseg_loads_what_the_reader_reads(tmp_path, decoder):
    load = LoadImageFromFile(
        backend_args=dict(backend='mmseg_wsss.photo'),
        imdecode_backend=decoder,
    )
    for path in cases(tmp_path):
        image = load(dict(img_path=str(path)))['img']
        assert np.array_equal(image[..., ::-1], read_photo(path)), path.name
    with pytest.raises(ValueError, match=r'none\.jpg'):
        load(dict(img_path=str(tmp_path / 'none.jpg')))


def test_every_error_of_a_decoder_names_the_file(tmp_path, monkeypatch):
    """Such as Pillow's limit, whose error is no OSError."""
    path = tmp_path / 'large.png'
    Image.fromarray(PHOTO).save(path)
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 24 * 32 // 4)
    with pytest.raises(ValueError, match=r'large\.png: .*768 pixels'):
        read_photo(path)


def test_half_read_files_are_errors(tmp_path):
    path = tmp_path / 'a.jpg'
    Image.fromarray(PHOTO).save(path)
    with pytest.raises(OSError, match='truncated'):
        decode_photo(path.read_bytes()[:700])
