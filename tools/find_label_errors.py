"""List the image labels that the other images contradict.

    python tools/find_label_errors.py CONFIG [CHECKPOINT] --out doubts.csv

CONFIG trains a CAM network; the images are those of its test_dataloader. Every
image becomes a vector, the mean of the backbone's features, and every label is
compared with a linear classifier that was fitted to the other images. The
weights are those that CONFIG starts from, such as ImageNet's: they have seen
none of the labels. A network that starts from nothing needs CHECKPOINT, that
of its training. It has learned the wrong labels too, the better the longer it
was trained, so that some of them are not found.

doubts.csv has a row for each image and class, the most doubted first. Write
remove or add into the column action where the label is wrong, and give the
file to tools/dataset_converters/apply_label_changes.py. A file that has been
edited is replaced with --overwrite only. One forward pass of the images is all
that it takes.
"""

import argparse
from pathlib import Path

from mmseg_wsss.datasets.label_files.label_changes import (
    read_label_changes,
    write_label_changes,
)
from mmseg_wsss.jobs.classifier_features import classifier_backbone
from mmseg_wsss.jobs.command_line import (
    add_workers_argument,
    config_parser,
    exit_on_error,
    number_of_workers,
)
from mmseg_wsss.jobs.image_embeddings import PackedImages, pooled_features
from mmseg_wsss.jobs.label_errors import LabelledImages, doubted_labels
from mmseg_wsss.jobs.launch import exit_process
from mmseg_wsss.jobs.run_errors import exit_on_run_error
from mmseg_wsss.jobs.tool_setup import (
    REPAIR,
    choose_device,
    log_failures,
    start_tool,
)

from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmseg.registry import MODELS

AGAIN = 'The same command starts over'


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument(
        'checkpoint', nargs='?', help='checkpoint file of the CAM network'
    )
    parser.add_argument(
        '--out', help='file to write (default: WORK_DIR/doubts.csv)'
    )
    add_workers_argument(parser, 'processes of each rank that load images')
    parser.add_argument(
        '--device', help='where the network runs (default: a GPU)'
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace an edited file too'
    )
    return parser.parse_args()


def check_out(out: Path, overwrite: bool) -> None:
    """Check that no edited file would be replaced."""
    if overwrite or not out.exists():
        return
    if any(row.action != 'keep' for row in read_label_changes(out)):
        raise ValueError(
            f'{out} has been edited: give another --out, or --overwrite'
        )


def main() -> None:
    args = parse_args()
    cfg = start_tool(args)
    out = Path(args.out or Path(cfg.work_dir) / 'doubts.csv')
    with exit_on_error():
        check_out(out, args.overwrite)
        workers = number_of_workers(args, cfg)
        found = LabelledImages(cfg)
        device = choose_device(args.device)
        backbone = classifier_backbone(cfg, args.checkpoint).to(device)
        preprocessor = MODELS.build(dict(type='mmseg_wsss.PairPreprocessor'))
        images = PackedImages(found.dataset, found.stems, found.pipeline)
        # Images have different sizes.
        with exit_on_run_error(str(out.parent), AGAIN):
            vectors, errors = pooled_features(
                backbone, preprocessor.to(device), images, 1, workers
            )
        if errors:
            log_failures(errors, f'nothing was written. {REPAIR}')
            exit_process(1)
        if is_main_process():
            rows = doubted_labels(
                vectors.numpy(), found.labels, found.files, found.classes
            )
            write_label_changes(out, rows)
            print_log(
                f'{len(rows)} doubted labels of {len(found.stems)} images '
                f'written to {out}',
                logger='current',
            )
    exit_process()


if __name__ == '__main__':
    main()
