r"""Cluster features under pseudo labels; select debiased centroids (MARS).

    python tools/make_centroids.py CONFIG --out-dir DIR --num-workers 8
    python -m torch.distributed.run --nproc_per_node=8 \
        tools/make_centroids.py CONFIG --launcher pytorch

CONFIG has a list of transforms, centroid_pipeline, which ends in
RegionCentroids and works on the images of its test_dataloader, and selection,
the options of the choice: dict(alpha=0.4, distance='mean'). The clusters of
all images become DIR/shards/*.npz, the debiased centroids DIR/centroids.npz. A
stopped run resumes where it stopped; --overwrite clusters again. With other
selection options only the choice is made again. MARSDebias uses the result.
"""

import argparse
from pathlib import Path

from mmseg_wsss.io.centroid_shards import shard_names
from mmseg_wsss.io.centroids import update_centroids
from mmseg_wsss.io.provenance import folder_origin, settings_hash
from mmseg_wsss.jobs.centroid_selection import (
    select_centroids,
    selection_options,
)
from mmseg_wsss.jobs.clustering import (
    Clustering,
    background_of,
    cluster_images,
)
from mmseg_wsss.jobs.command_line import (
    add_folder_arguments,
    add_workers_argument,
    config_parser,
    exit_on_error,
    number_of_workers,
)
from mmseg_wsss.jobs.launch import exit_process
from mmseg_wsss.jobs.output_folder import OutputFolder
from mmseg_wsss.jobs.run_errors import RESUMES, exit_on_run_error
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.jobs.tool_setup import (
    describe,
    read_pipeline,
    report_failures,
    start_tool,
)

from mmengine.dist import is_main_process
from mmengine.logging import print_log


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument(
        '--pipeline',
        default='centroid_pipeline',
        help="which of the config's lists of transforms to run "
        '(default: centroid_pipeline)',
    )
    add_folder_arguments(parser, 'centroids', 'cluster all images again')
    add_workers_argument(parser)
    parser.add_argument(
        '--shard-size',
        type=int,
        default=512,
        help='images of a file in DIR/shards; a stopped run loses at most '
        'that many per rank (default: 512)',
    )
    return parser.parse_args()


def feature_origin(pipeline: list[dict]) -> str:
    """Return where the features of a pipeline's LoadFeatures come from."""
    folders = [s['feature_dir'] for s in pipeline if 'feature_dir' in s]
    origins = [folder_origin(Path(folder)) for folder in folders]
    return ' '.join(filter(None, origins))


def main() -> None:
    args = parse_args()
    cfg = start_tool(args)
    out_dir = Path(args.out_dir or Path(cfg.work_dir) / 'centroids')
    shards, centroids = out_dir / 'shards', out_dir / 'centroids.npz'
    with exit_on_error():
        pipeline = read_pipeline(cfg, args.pipeline)
        options = selection_options(cfg)
        origin = feature_origin(pipeline)
        dataset, stems, _ = build_test_images(cfg)
        background = background_of(pipeline, dataset.metainfo)
        images = Clustering(dataset, stems, pipeline)
        source = describe(pipeline, dataset.metainfo['classes'])
        source['tool'] = 'make_centroids.py'
        source['list of images'] = settings_hash(stems=stems)
        source['--shard-size'] = args.shard_size
        names = shard_names(len(stems), args.shard_size)
        out = OutputFolder(
            *(out_dir, [shards], names, source, args.overwrite),
            files=[centroids.name],
        )
    with exit_on_error():
        if args.overwrite and is_main_process():
            for path in [*shards.glob('*.npz'), centroids]:
                path.unlink(missing_ok=True)
        todo = out.find_todo()
        out.prepare()
    print_log(f'clustering {len(stems)} images', logger='current')
    workers = number_of_workers(args, cfg)
    with exit_on_run_error(out_dir, RESUMES):
        failures = cluster_images(
            images, todo, shards, args.shard_size, workers
        )
    with exit_on_error():
        report_failures(out_dir, failures)
    failed = bool(failures)
    if is_main_process():
        try:
            out.check_complete()
            result = select_centroids(
                shards, dataset.metainfo, background, origin, **options
            )
        except ValueError as error:
            print_log(str(error), logger='current')
            centroids.unlink(missing_ok=True)  # it is not of these shards
            failed = True
        else:
            with exit_on_error():
                update_centroids(centroids, result)
            print_log(
                f'debiased centroids are in {centroids}', logger='current'
            )
    exit_process(1 if failed else 0)


if __name__ == '__main__':
    main()
