r"""Cluster features under pseudo labels; select debiased centroids (MARS).

    python tools/make_centroids.py CONFIG --out-dir DIR --num-workers 8
    python -m torch.distributed.run --nproc_per_node=8 \
        tools/make_centroids.py CONFIG --launcher pytorch

CONFIG has a list of transforms, centroid_pipeline, which ends in
RegionCentroids and works on the images of its test_dataloader, and selection,
the options of the choice: dict(alpha=0.4, distance='mean'). The clusters of
all images become DIR/parts/*.npz, the debiased centroids DIR/centroids.npz. A
run that was stopped goes on; --overwrite starts anew. With other selection
options only the choice is made again. MARSDebias uses the result.
"""

import argparse
from pathlib import Path

import numpy as np
from mmengine.dist import barrier, is_main_process
from mmengine.logging import print_log

from mmseg_wsss.io.centroids import (
    DebiasedCentroids,
    load_centroids,
    same_centroids,
    save_centroids,
)
from mmseg_wsss.io.class_ids import original_class_ids
from mmseg_wsss.io.provenance import (
    check_source,
    folder_origin,
    save_source,
    settings_hash,
)
from mmseg_wsss.jobs.clustering import (
    Clustering,
    background_of,
    cluster_images,
    missing_parts,
    read_parts,
    selection_options,
)
from mmseg_wsss.jobs.command_line import (
    add_config_arguments,
    add_folder_arguments,
    add_workers_argument,
    number_of_workers,
)
from mmseg_wsss.jobs.launch import leave
from mmseg_wsss.jobs.output_folder import remove_leftovers
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.jobs.tool_setup import (
    describe,
    read_pipeline,
    report_failures,
    start_tool,
)
from mmseg_wsss.pseudo_labels.mars_selection import select_debiased


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument(
        '--pipeline',
        default='centroid_pipeline',
        help="which of the config's lists of transforms to run "
        '(default: centroid_pipeline)',
    )
    add_folder_arguments(parser, 'centroids', 'cluster everything anew')
    add_workers_argument(parser)
    parser.add_argument(
        '--part-size',
        type=int,
        default=512,
        help='images of a file in DIR/parts; a stopped run loses at most '
        'that many (default: 512)',
    )
    return parser.parse_args()


def is_same(out: Path, result: DebiasedCentroids) -> bool:
    """Tell whether the file holds these centroids already."""
    try:
        return same_centroids(load_centroids(out), result)
    except ValueError:  # none, or a damaged one
        return False


def select(
    part_dir: Path,
    out: Path,
    options: dict,
    background: int,
    dataset,
    origin: str,
) -> None:
    """Select the debiased centroids, write and log them."""
    selection = select_debiased(
        lambda: ((c, k) for c, k, _ in read_parts(part_dir)),
        background_index=background,
        **options,
    )
    ids = original_class_ids(dataset.metainfo)
    names = dataset.metainfo['classes']
    kept = [len(positions) for positions in selection.chosen]
    result = DebiasedCentroids(
        class_ids=selection.classes.numpy().copy(),
        centroids=selection.centroids.numpy(),
        found=selection.found.numpy(),
        kept=selection.found.new_tensor(kept).numpy(),
        feature_origin=np.array(origin),
    )
    for row, k in enumerate(selection.classes.tolist()):
        result.class_ids[row] = ids[k]
        print_log(
            f'  {names[k]:<14} {kept[row]:6} of {result.found[row]:6} '
            'centroids',
            logger='current',
        )
    absent = set(range(len(names))) - {background, *selection.classes.tolist()}
    if absent:
        print_log(
            'no region to cluster has the class '
            f'{", ".join(names[k] for k in sorted(absent))}: its pixels will '
            'be left alone',
            logger='current',
        )
    # The same centroids stay the same file: labels made with it go on.
    if not is_same(out, result):
        save_centroids(out, result)
    print_log(f'debiased centroids are in {out}', logger='current')


def main() -> None:
    args = parse_args()
    cfg = start_tool(args)
    out_dir = Path(args.out_dir or Path(cfg.work_dir) / 'centroids')
    workers = number_of_workers(args, cfg)
    part_dir, centroids = out_dir / 'parts', out_dir / 'centroids.npz'
    try:
        pipeline = read_pipeline(cfg, args.pipeline)
        background = background_of(pipeline)
        options = selection_options(cfg)
        origins = [
            folder_origin(Path(step['feature_dir']))
            for step in pipeline
            if 'feature_dir' in step
        ]
        dataset, stems, _ = build_test_images(cfg)
        images = Clustering(dataset, stems, pipeline)
        source = describe(pipeline, dataset.metainfo['classes'])
        source['list of images'] = settings_hash(stems=stems)
        source['--part-size'] = args.part_size
        if args.part_size < 1:
            raise ValueError('--part-size must be at least 1')
        check_source(out_dir, source, args.overwrite)
    except (ValueError, OSError, ImportError) as error:
        raise SystemExit(str(error)) from error
    if is_main_process():
        remove_leftovers([out_dir, part_dir])
        if args.overwrite:
            for path in [*part_dir.glob('*.npz'), centroids]:
                path.unlink(missing_ok=True)
        save_source(out_dir, source)
    barrier()
    print_log(f'clustering {len(stems)} images', logger='current')
    failures = cluster_images(images, part_dir, args.part_size, workers)
    failed = bool(failures)
    if is_main_process():
        report_failures(out_dir, failures)
        missing = missing_parts(part_dir, len(stems), args.part_size)
        if missing and not failures:
            print_log(
                f'the parts {missing} are not in {part_dir}: run the same '
                'command again',
                logger='current',
            )
        try:
            if not missing:
                origin = ' '.join(filter(None, origins))
                select(
                    part_dir, centroids, options, background, dataset, origin
                )
        except ValueError as error:
            print_log(str(error), logger='current')
            missing = [str(error)]
        if missing:  # what is there is not of these parts
            centroids.unlink(missing_ok=True)
            failed = True
    leave(1 if failed else 0)


if __name__ == '__main__':
    main()
