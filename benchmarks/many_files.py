"""The stages that walk files, on 100,000 tiny images.

    python benchmarks/many_files.py
    python benchmarks/many_files.py --images 1000

Images of 8 x 8 pixels, which cost next to nothing themselves: what is left is
what a stage takes for each file, and to start (`--images 10`). One process
without workers. `make_cams.py` finds all images done but the last thousand;
`make_pseudo_labels.py` does all, and runs once more when all are done; both
compare all labels with masks at the end. Bytes are those of the files, and
what they take on the disk. The ratio is seconds of the clock over those of
the CPU: above 1 the tool waited for the disk, or for other processes.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from measure import machine, new_parser, parse, print_table
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image
from runs import ROOT

from mmseg_wsss.datasets import save_image_labels
from mmseg_wsss.io.cam import save_cam
from mmseg_wsss.io.labels import save_label

CLASSES = ('background', 'red')
PALETTE = [[0, 0, 0], [255, 0, 0]]
FOLDERS = ('images', 'masks', 'cams')
LEFT = 1000  # images that make_cams.py has to do
# A process inherits the peak of the one that starts it: a small one does.
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=2)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(code)
"""


def make_files(root: Path, count: int) -> None:
    """Write images, masks, CAMs, image labels and the list."""
    image = io.BytesIO()
    Image.new('RGB', (8, 8), (200, 60, 60)).save(image, 'JPEG')
    mask = np.eye(8, dtype=np.uint8)
    save_label(root / 'masks' / 'x.png', mask, PALETTE)
    save_cam(root / 'cams' / 'x.npz', np.array([1]), mask[None, ::4, ::4])
    files = {'images': ('jpg', image.getvalue())}
    for folder in FOLDERS[1:]:
        file = next((root / folder).iterdir())
        files[folder] = (file.suffix[1:], file.read_bytes())
        file.unlink()
    stems = [f'image_{index:08}' for index in range(count)]
    for folder, (suffix, content) in files.items():
        (root / folder).mkdir(exist_ok=True)
        for stem in stems:
            (root / folder / f'{stem}.{suffix}').write_bytes(content)
    save_image_labels(root / 'labels.json', {s: ['red'] for s in stems})
    (root / 'list.txt').write_text('\n'.join(stems))


def make_results(root: Path) -> None:
    """Write what make_cams.py would have, but for the last images.

    It makes the first itself: files without a source.json are not its own.
    """
    stems = (root / 'list.txt').read_text().split()
    (root / 'list.txt').write_text(stems[0])
    run(next(iter(commands(root).values())), root / 'tool.log')
    (root / 'list.txt').write_text('\n'.join(stems))
    for folder in ('labels', 'cams'):
        (made,) = (root / 'made' / folder).iterdir()
        content = made.read_bytes()
        for stem in stems[1:-LEFT]:
            made.with_stem(stem).write_bytes(content)


def write_config(root: Path) -> Path:
    """Write a config that all tools read, with a checkpoint."""
    image = dict(type='LoadImageFromFile')
    labels = dict(
        type='mmseg_wsss.LoadImageLabels',
        ann_file=str(root / 'labels.json'),
        classes=CLASSES,
    )
    pack = dict(type='mmseg_wsss.PackWSSSInputs')
    dataset = dict(
        type='BaseSegDataset',
        metainfo=dict(classes=CLASSES, palette=PALETTE),
        data_prefix=dict(
            img_path=str(root / 'images'), seg_map_path=str(root / 'masks')
        ),
        img_suffix='.jpg',
        seg_map_suffix='.png',
        ann_file=str(root / 'list.txt'),
        pipeline=[image, labels, pack],
    )
    sampler = dict(type='DefaultSampler', shuffle=False)
    loader = dict(
        batch_size=1, num_workers=0, sampler=sampler, dataset=dataset
    )
    model = dict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', size=(8, 8)),
        backbone=dict(
            type='ResNet',
            depth=18,
            base_channels=8,
            num_stages=1,
            strides=(1,),
            dilations=(1,),
            out_indices=(0,),
        ),
        decode_head=dict(
            type='mmseg_wsss.CAMHead',
            in_channels=8,
            in_index=0,
            num_classes=2,
        ),
        test_cfg=dict(mode='whole'),
    )
    cfg = Config(
        dict(
            default_scope='mmseg',
            custom_imports=dict(imports=['mmseg_wsss']),
            custom_hooks=[dict(type='mmseg_wsss.WeakSupervisionHook')],
            model=model,
            train_dataloader=loader,
            test_dataloader=loader,
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=1),
            test_cfg=dict(type='TestLoop'),
            test_evaluator=[],
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            randomness=dict(seed=0),
            refine_pipeline=[
                image,
                labels,
                dict(type='mmseg_wsss.LoadCAM', cam_dir=str(root / 'cams')),
                dict(type='mmseg_wsss.AddBackground', constant=0.4),
                dict(type='mmseg_wsss.ScoresToLabel'),
            ],
            work_dir=str(root / 'work'),
        )
    )
    cfg.dump(root / 'config.py')
    torch.save(MODELS.build(cfg.model).state_dict(), root / 'network.pth')
    return root / 'config.py'


def commands(root: Path) -> dict[str, list]:
    """Return the tools and their arguments."""
    config, network = root / 'config.py', root / 'network.pth'
    refine = ['make_pseudo_labels.py', config, '--out-dir', root / 'refined']
    refine += ['--num-workers', 0]
    return {
        'make_cams.py, the last 1,000': [
            *('make_cams.py', config, network, '--out-dir', root / 'made')
        ],
        'make_pseudo_labels.py': refine,
        'make_pseudo_labels.py, all done': refine,
        'train.py, 1 iteration': ['train.py', config],
    }


def run(words: list, log: Path) -> tuple[float, float, float]:
    """Run a tool; return its seconds, CPU seconds and peak MiB."""
    start = time.perf_counter()
    tool = [sys.executable, str(ROOT / 'tools' / words[0])]
    tool += [str(word) for word in words[1:]]
    with open(log, 'w') as out:
        done = subprocess.run(
            [sys.executable, '-S', '-c', MEASURED, *tool],
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
            cwd=ROOT,
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
        )
    if done.returncode:
        raise SystemExit(f'{words[0]} failed:\n{log.read_text()[-2000:]}')
    cpu, peak = map(float, done.stdout.split())
    return time.perf_counter() - start, cpu, peak / 2**10


def files_below(root: Path) -> tuple[int, int, int]:
    """Count files, their bytes, and the bytes that they take on the disk."""
    stats = [p.stat() for p in root.rglob('*') if p.is_file()]
    return (
        len(stats),
        sum(stat.st_size for stat in stats),
        sum(stat.st_blocks for stat in stats) * 512,
    )


def stages(root: Path, count: int) -> Iterator[list[str]]:
    """Yield a row for each run of a tool."""
    before = files_below(root)
    for name, words in commands(root).items():
        seconds, cpu, peak = run(words, root / 'tool.log')
        after = files_below(root)
        new = [new - old for new, old in zip(after, before, strict=True)]
        before = after
        yield [
            name,
            f'{cpu:.0f}',
            f'x{seconds / cpu:.1f}',
            f'{cpu / count * 1e6:,.0f}',
            f'{peak:,.0f}',
            f'{new[0]:,}',
            f'{max(0, new[1]) / 2**20:.0f} ({max(0, new[2]) / 2**20:.0f})',
        ]


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument('--images', type=int, default=100_000)
    args = parse(parser)
    count = 100 if args.quick else args.images
    init_default_scope('mmseg')
    print(f'{count:,} images, {machine()}:\n')
    titles = ['tool', 'CPU s', 'ratio', 'CPU us an image', 'peak MiB']
    titles += ['new files', 'MiB (on disk)']
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), count)
        write_config(Path(folder))
        make_results(Path(folder))
        print_table(titles, stages(Path(folder), count))


if __name__ == '__main__':
    main()
