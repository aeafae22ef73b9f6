"""One CAM file per image against one archive: write, read at random, copy.

    python benchmarks/cam_archives.py
    python benchmarks/cam_archives.py --images 200

CAMs of one to three classes, smooth maps at a quarter of 500 x 375 pixels, as
`make_cams.py` writes them. What all ways share is measured first: to compress
one CAM, and to read it from memory. Files are read in random order after
their data have left the page cache; names and inodes stay in it, so a file
system over a network is slower by what a look-up takes there. The ratio is to
one file per image. An archive has one writer: each rank would have its own.
"""

from __future__ import annotations

import importlib.util
import io
import os
import random
import shutil
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from measure import machine, new_parser, parse, print_table

from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.io.cam import load_cam, save_cam
from mmseg_wsss.io.labels import save_label

PHOTO, SIZE = (375, 500), (94, 125)
COLOURS = [[k, k, k] for k in range(21)]
MADE = 200  # different CAMs, which the others repeat


def make_cams(count: int, folder: Path) -> list[bytes]:
    """Write different CAM files and return their content."""
    generator = torch.Generator().manual_seed(0)
    contents = []
    for index in range(count):
        noise = torch.rand(1 + index % 3, 12, 16, generator=generator)
        maps = F.interpolate(noise[None], SIZE, mode='bicubic')[0]
        maps = (maps - 0.4).clamp(min=0)
        maps /= maps.amax((1, 2), keepdim=True).clamp(min=1e-6)
        file = folder / f'{index}.npz'
        save_cam(file, np.arange(len(maps)), maps.numpy())
        contents.append(file.read_bytes())
    return contents


def parse_cam(content: bytes) -> np.ndarray:
    return load_cam(io.BytesIO(content))[1]


def label_size(content: bytes, file: Path) -> int:
    """Return the bytes of an image's pseudo label."""
    cam = F.interpolate(
        torch.from_numpy(parse_cam(content))[None].float(), PHOTO
    )
    best, label = cam[0].max(0)
    save_label(
        file, ((label + 1) * (best > 0.3)).numpy().astype(np.uint8), COLOURS
    )
    return file.stat().st_size


# A file per image, written under another name and renamed.
def write_files(path: Path, items: Iterator[tuple[str, bytes]]) -> None:
    for name, content in items:
        with atomic_write(path / name) as part:
            part.write_bytes(content)


def read_files(path: Path, names: Sequence[str]) -> None:
    for name in names:
        load_cam(path / name)


# One zip, its members stored as they are.
def write_zip(path: Path, items: Iterator[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in items:
            archive.writestr(name, content)


def read_zip(path: Path, names: Sequence[str]) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in names:
            parse_cam(archive.read(name))


# One tar; to read it at random, its headers are read first.
def write_tar(path: Path, items: Iterator[tuple[str, bytes]]) -> None:
    with tarfile.open(path, 'w') as archive:
        for name, content in items:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def read_tar(path: Path, names: Sequence[str]) -> None:
    with tarfile.open(path) as archive:
        members = {member.name: member for member in archive}
        for name in names:
            parse_cam(archive.extractfile(members[name]).read())


# One LMDB, as MMEngine's LmdbBackend reads it.
def write_lmdb(path: Path, items: Iterator[tuple[str, bytes]]) -> None:
    import lmdb

    with (
        lmdb.open(str(path), map_size=2**40) as env,
        env.begin(write=True) as transaction,
    ):
        for name, content in items:
            transaction.put(name.encode(), content)


def read_lmdb(path: Path, names: Sequence[str]) -> None:
    from mmengine.fileio import LmdbBackend

    backend = LmdbBackend(str(path))
    for name in names:
        parse_cam(bytes(backend.get(name)))


def all_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.iterdir())


def leave_cache(path: Path) -> None:
    """Ask the system to drop the files' data."""
    for file in all_files(path):
        with open(file, 'rb') as content:
            os.fsync(content)
            os.posix_fadvise(content.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cost(run: Callable[[], object], count: int) -> tuple[float, float]:
    """Measure the wall and CPU microseconds of an image."""
    start, cpu = time.perf_counter(), time.process_time()
    run()
    wall = time.perf_counter() - start
    return wall / count * 1e6, (time.process_time() - cpu) / count * 1e6


def copy(path: Path, target: Path) -> None:
    (shutil.copytree if path.is_dir() else shutil.copy)(path, target)


def compare(contents: list[bytes], count: int, root: Path) -> Iterator[list]:
    """Yield a row for each way of storing."""
    names = [f'{index:08}.npz' for index in range(count)]
    mixed = random.Random(0).sample(names, count)
    ways = {
        'file per image': (write_files, read_files),
        'zip': (write_zip, read_zip),
        'tar': (write_tar, read_tar),
    }
    if importlib.util.find_spec('lmdb'):
        ways['lmdb'] = (write_lmdb, read_lmdb)
    first = None
    for name, (write, read) in ways.items():
        path = root / name
        pairs = ((n, contents[i % MADE]) for i, n in enumerate(names))
        writing = cost(partial(write, path, pairs), count)
        leave_cache(path)
        reading = cost(partial(read, path, mixed), count)
        copying = cost(partial(copy, path, root / 'copy'), count)
        files = all_files(path)
        stored = sum(file.stat().st_blocks for file in files) * 512
        remove(root / 'copy')
        removing = cost(partial(remove, path), count)
        times = (writing, reading, copying, removing)
        first = first or times
        yield [
            name,
            f'{len(files):,}',
            f'{stored / 2**20:.0f}',
            *(
                f'{wall:.0f} ({cpu:.0f}), x{cpu / other:.2f}'
                for (wall, cpu), (_, other) in zip(times, first, strict=True)
            ),
        ]


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument('--images', type=int, default=20000)
    args = parse(parser)
    count = 200 if args.quick else args.images
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        contents = make_cams(MADE, root / 'made')
        cam = parse_cam(contents[1])
        encode = partial(save_cam, root / 'one.npz', np.arange(2), cam)
        print(f'{count:,} images, {machine()}:\n')
        labels = [label_size(c, root / 'label.png') for c in contents]
        print(
            f'a label has {np.mean(labels):,.0f} bytes, '
            f'a file of CAMs {np.mean([len(c) for c in contents]):,.0f}; '
            'to compress and write a CAM of two classes takes '
            f'{cost(lambda: [encode() for _ in range(MADE)], MADE)[1]:.0f} '
            'us of CPU, to read one from memory '
            f'{cost(lambda: [*map(parse_cam, contents)], MADE)[1]:.0f}\n'
        )
        print_table(
            ['way', 'files', 'MiB on disk']
            + [f'{v}, us an image (CPU), ratio of CPU' for v in VERBS],
            compare(contents, count, root),
        )


VERBS = ('write', 'read', 'copy', 'remove')

if __name__ == '__main__':
    main()
