"""Compute each image's nearest neighbours, by the mean of its features.

    python tools/make_neighbours.py CONFIG --num-workers 8

CONFIG trains STEGO. The features are those of model.extractor on the images of
test_dataloader, which neighbour_pipeline loads and crops to one size. The
neighbours are written to the config's neighbour_file, which NeighbourPairs
reads. Ten thousand images take minutes. A stopped run starts again from the
beginning; an existing file is kept.
"""

import argparse
from pathlib import Path

from mmseg_wsss.datasets.neighbours import (
    Neighbours,
    load_neighbours,
    nearest_neighbours,
    save_neighbours,
)
from mmseg_wsss.io.provenance import (
    changed_names,
    settings_hash,
)
from mmseg_wsss.jobs.command_line import (
    add_workers_argument,
    config_parser,
    exit_on_error,
    number_of_workers,
)
from mmseg_wsss.jobs.image_embeddings import PackedImages, pooled_features
from mmseg_wsss.jobs.launch import exit_process
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.jobs.tool_setup import (
    REPAIR,
    choose_device,
    describe_checkpoints,
    log_failures,
    read_pipeline,
    start_tool,
)

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmseg.registry import MODELS


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument(
        '--out', help="file to write (default: the config's neighbour_file)"
    )
    parser.add_argument(
        '--number',
        type=int,
        default=30,
        help='neighbours per image (default: 30, of which STEGO draws 7)',
    )
    parser.add_argument(
        '--batch-size', type=int, default=16, help='images at a time'
    )
    add_workers_argument(parser, 'processes of each rank that load images')
    parser.add_argument(
        '--device', help='where the features are computed (default: a GPU)'
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace an existing file'
    )
    args = parser.parse_args()
    for name in ('number', 'batch_size'):
        if getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} must be >= 1')
    return args


def find_settings(cfg: Config, out: str | None) -> tuple[Path, dict, dict]:
    """Return the file to write, the extractor's settings, and those of the
    preprocessor.
    """
    out = out or cfg.get('neighbour_file')
    if not out:
        raise ValueError(
            f'{cfg.filename} has no neighbour_file: add it, or give --out'
        )
    if not cfg.get('neighbour_pipeline'):
        raise ValueError(
            f'{cfg.filename} has no neighbour_pipeline: add the transforms '
            'that load an image, crop it to one size and pack it'
        )
    extractor = cfg.get('model', {}).get('extractor')
    if extractor is None:
        raise ValueError(
            f'{cfg.filename} has no model.extractor: take a config that '
            'trains STEGO, such as configs/mars/stego_*.py'
        )
    preprocessor = cfg.model.get('data_preprocessor')
    return (
        Path(out),
        extractor,
        preprocessor or dict(type='mmseg_wsss.PairPreprocessor'),
    )


def describe(stems: list[str], number: int, extractor: dict, **others) -> dict:
    """Return the provenance of the neighbours."""
    return {
        'number of neighbours': number,
        'set of images': settings_hash(stems=stems),
        'set of settings': settings_hash(extractor=extractor, **others),
        **describe_checkpoints(extractor),
    }


def is_done(out: Path, source: dict, overwrite: bool) -> bool:
    """Check whether the file exists; raise if it has another provenance."""
    if overwrite or not out.exists():
        return False
    _, before = load_neighbours(out)
    changed = changed_names(before, source)
    if changed:
        raise ValueError(
            f'{out} was made with another {changed}: give another --out, or '
            '--overwrite'
        )
    return True


def main() -> None:
    args = parse_args()
    cfg = start_tool(args)
    workers = number_of_workers(args, cfg)
    with exit_on_error():
        out, settings, preprocessing = find_settings(cfg, args.out)
        pipeline = read_pipeline(cfg, 'neighbour_pipeline')
        dataset, stems, _ = build_test_images(cfg)
        source = describe(
            stems,
            args.number,
            settings,
            preprocessor=preprocessing,
            pipeline=pipeline,
        )
        if is_done(out, source, args.overwrite):
            print_log(f'{out} exists already', logger='current')
            exit_process()
        device = choose_device(args.device)
        extractor = MODELS.build(settings).to(device)
        preprocessor = MODELS.build(preprocessing).to(device)
        images = PackedImages(dataset, stems, pipeline)
        vectors, errors = pooled_features(
            extractor, preprocessor, images, args.batch_size, workers
        )
        if errors:
            log_failures(errors, f'no neighbours were written. {REPAIR}')
            exit_process(1)
        if is_main_process():
            found = nearest_neighbours(vectors, args.number)
            save_neighbours(out, Neighbours(stems, *found), source)
            print_log(
                f'{found[0].shape[1]} neighbours of each of {len(stems)} '
                f'images written to {out}',
                logger='current',
            )
    exit_process()


if __name__ == '__main__':
    main()
