"""The steps that go through all images, before and after the work on them.

    python benchmarks/walk_steps.py
    python benchmarks/walk_steps.py --images 1000

The tiny images of `many_files.py`, in one process, with CPU seconds. The last
two are what `run_pipeline.py` does when it starts. The ratio is to the first
step.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from many_files import make_files, write_config
from measure import machine, new_parser, parse, print_table
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_wsss.datasets.training_labels import label_statistics
from mmseg_wsss.evaluation.label_summary import summarise_labels
from mmseg_wsss.jobs.output_folder import unfinished
from mmseg_wsss.jobs.test_dataset import build_test_images, label_loader
from mmseg_wsss.workflow.pipeline.identity import content_hash, missing_images


def steps(root: Path) -> Iterator[list[str]]:
    """Yield a row for each step."""
    cfg = Config.fromfile(root / 'config.py')
    settings = cfg.train_dataloader.dataset
    train = DATASETS.build(copy.deepcopy(settings))
    dataset, stems, _ = build_test_images(copy.deepcopy(cfg))
    folders = [root / 'masks', root / 'cams']
    load = TRANSFORMS.build(label_loader(cfg.refine_pipeline))
    first = None
    for name, step in {
        'build the data set and its names': partial(build_test_images, cfg),
        'list what is done, 2 folders': partial(unfinished, stems, folders),
        'count the image labels': partial(label_statistics, train),
        'compare labels with masks': partial(
            summarise_labels, folders[0], dataset, stems, load
        ),
        'look for images and masks': partial(missing_images, settings, {}),
        'identify images and masks': partial(content_hash, settings, [], {}),
    }.items():
        start = time.process_time()
        step()
        seconds = time.process_time() - start
        first = first or seconds
        yield [name, f'{seconds:.2f}', f'x{seconds / first:.1f}']


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument('--images', type=int, default=100_000)
    args = parse(parser)
    count = 100 if args.quick else args.images
    init_default_scope('mmseg')
    print(f'{count:,} images, {machine()}:\n')
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), count)
        write_config(Path(folder))
        print_table(['step', 'CPU s', 'ratio'], steps(Path(folder)))


if __name__ == '__main__':
    main()
