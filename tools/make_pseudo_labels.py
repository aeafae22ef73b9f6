r"""Refine seeds to pseudo labels: DenseCRF, random walk, or what you chain.

    python tools/make_pseudo_labels.py CONFIG --out-dir DIR --num-workers 8
    python -m torch.distributed.run --nproc_per_node=8 \
        tools/make_pseudo_labels.py CONFIG --launcher pytorch

CONFIG defines refine_pipeline, a list of refiners, which is run on each image
of test_dataloader. The labels become DIR/labels/<stem>.png. A stopped run
resumes where it stopped; --overwrite replaces existing files. An image that
fails is named in DIR/failures.json and at the end, the others are done, and
the exit code is 1. Where the data set has masks, the labels are compared with
them.
"""

import argparse
from pathlib import Path

from mmseg_wsss.evaluation.label_summary import log_summary, summarise_labels
from mmseg_wsss.jobs.command_line import (
    add_folder_arguments,
    add_workers_argument,
    config_parser,
    exit_on_error,
    number_of_workers,
)
from mmseg_wsss.jobs.launch import exit_process
from mmseg_wsss.jobs.output_folder import OutputFolder
from mmseg_wsss.jobs.refinement import Refinement, refine_images
from mmseg_wsss.jobs.run_errors import RESUMES, exit_on_run_error
from mmseg_wsss.jobs.test_dataset import build_test_images, label_loader
from mmseg_wsss.jobs.tool_setup import (
    describe,
    read_pipeline,
    report_failures,
    start_tool,
)

from mmseg.registry import TRANSFORMS


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
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
    labels = out_dir / 'labels'
    scores = out_dir / 'cams' if args.save_scores else None
    with exit_on_error():
        pipeline = read_pipeline(cfg, args.pipeline)
        loader = label_loader(cfg.test_dataloader.dataset) or label_loader(
            pipeline
        )
        dataset, stems, _ = build_test_images(cfg)
        images = Refinement(dataset, stems, pipeline, labels, scores)
        source = describe(pipeline, dataset.metainfo['classes'])
        source['tool'] = 'make_pseudo_labels.py'
        folders = [labels] if scores is None else [labels, scores]
        out = OutputFolder(
            *(out_dir, folders, stems, source, args.overwrite),
            unused=[out_dir / 'cams'] if scores is None else [],
        )
        out.check_others()
    todo = out.find_todo()
    out.log_todo(todo)
    with exit_on_error():
        out.prepare()
    with exit_on_run_error(out_dir, RESUMES):
        failures = refine_images(images, todo, number_of_workers(args, cfg))
    with exit_on_error():
        report_failures(out_dir, failures)
        load = loader and TRANSFORMS.build(loader)
        result = summarise_labels(labels, dataset, stems, load)
        log_summary(result, out_dir)
    exit_process(1 if failures or (result and result['errors']) else 0)


if __name__ == '__main__':
    main()
