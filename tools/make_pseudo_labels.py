r"""Refine seeds to pseudo labels: DenseCRF, random walk, or what you chain.

    python tools/make_pseudo_labels.py CONFIG --out-dir DIR --num-workers 8
    python -m torch.distributed.run --nproc_per_node=8 \
        tools/make_pseudo_labels.py CONFIG --launcher pytorch

CONFIG has a list of refiners, refine_pipeline, which works on the images of
its test_dataloader. The labels become DIR/labels/<stem>.png. Images that are
done already are left alone, so a run that was stopped goes on; --overwrite
starts anew. An image that fails is named in DIR/failures.json and at the end,
the others are done, and the exit code is 1. Where the data set has masks, the
labels are compared with them.
"""

import argparse
from pathlib import Path

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log

from mmseg_wsss.evaluation.label_summary import log_summary, summarise_labels
from mmseg_wsss.io.provenance import check_source, save_source
from mmseg_wsss.jobs.command_line import (
    add_config_arguments,
    add_folder_arguments,
    add_workers_argument,
    number_of_workers,
)
from mmseg_wsss.jobs.image_jobs import Refinement, refine_images
from mmseg_wsss.jobs.launch import leave
from mmseg_wsss.jobs.output_folder import (
    remove_files,
    remove_leftovers,
    unfinished,
)
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.jobs.tool_setup import (
    describe,
    read_pipeline,
    report_failures,
    start_tool,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument(
        '--pipeline',
        default='refine_pipeline',
        help="which of the config's lists of refiners to run "
        '(default: refine_pipeline)',
    )
    add_folder_arguments(parser, 'PIPELINE')
    add_workers_argument(parser)
    parser.add_argument(
        '--save-scores',
        action='store_true',
        help='write the refined foreground scores too, as CAMs: '
        'DIR/cams/<stem>.npz',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = start_tool(args)
    out_dir = Path(args.out_dir or Path(cfg.work_dir) / args.pipeline)
    workers = number_of_workers(args, cfg)
    label_dir = out_dir / 'labels'
    score_dir = out_dir / 'cams' if args.save_scores else None
    folders = [label_dir] if score_dir is None else [label_dir, score_dir]
    try:
        pipeline = read_pipeline(cfg, args.pipeline)
        dataset, stems, _ = build_test_images(cfg)
        refinement = Refinement(
            dataset,
            stems,
            pipeline,
            label_dir,
            score_dir,
        )
        source = describe(pipeline, dataset.metainfo['classes'])
        check_source(out_dir, source, args.overwrite)
    except (ValueError, OSError, ImportError) as error:
        raise SystemExit(str(error)) from error

    shared = [None]
    if is_main_process():
        remove_leftovers([out_dir, *folders])
        if args.overwrite:
            remove_files(stems, folders)
        save_source(out_dir, source)
        shared = [unfinished(stems, folders)]
    broadcast_object_list(shared)  # file systems may be slow to agree
    todo = shared[0]
    print_log(
        f'{len(stems) - len(todo)} of {len(stems)} images are done, '
        f'{len(todo)} to do, writing to {out_dir}',
        logger='current',
    )
    failures = refine_images(refinement, todo, workers)
    if is_main_process():
        report_failures(out_dir, failures)
    result = summarise_labels(label_dir, dataset, stems)
    log_summary(result, out_dir)
    leave(1 if failures or (result and result['errors']) else 0)


if __name__ == '__main__':
    main()
