"""Segment the photos of a folder: masks, overlays, and a table of areas.

    python tools/segment_photos.py CONFIG CHECKPOINT PHOTOS --out-dir DIR

Photos of any kind, in folders too, are turned as they are seen and need no
labels. DIR/masks/<photo>.png holds class indices, DIR/overlays/<photo>.jpg
shows them, DIR/areas.csv has the pixels of each class in each photo. A stopped
run resumes where it stopped; photos that are new or have changed are done,
--overwrite does all. Files that it did not write are never replaced. A photo
that cannot be read is named in DIR/failures.json and at the end, the others
are done, and the exit code is 1.
"""

import argparse
from pathlib import Path

from mmseg_wsss.io.atomic import write_json
from mmseg_wsss.io.provenance import file_identity, settings_hash
from mmseg_wsss.jobs.command_line import config_parser, exit_on_error
from mmseg_wsss.jobs.launch import exit_process
from mmseg_wsss.jobs.output_folder import OutputFolder, remove_files
from mmseg_wsss.jobs.run_errors import RESUMES, exit_on_run_error
from mmseg_wsss.jobs.tool_setup import (
    choose_device,
    report_failures,
    start_tool,
)
from mmseg_wsss.workflow.deploy.photo_folder import (
    FILE,
    changed_photos,
    describe_photos,
    find_photos,
)
from mmseg_wsss.workflow.deploy.segment import (
    AREAS,
    result_folders,
    segment_photos,
    write_areas,
)
from mmseg_wsss.workflow.deploy.segmentor import Segmentor

from mmengine.dist import barrier, is_main_process
from mmengine.logging import print_log


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument('checkpoint', help='checkpoint of the segmentor')
    parser.add_argument('photos', help='folder of photos')
    parser.add_argument('--out-dir', required=True, help='where to write')
    parser.add_argument(
        '--overwrite', action='store_true', help='replace existing files'
    )
    parser.add_argument(
        '--device',
        help='where the network runs (default: cuda, each rank its own; cpu '
        'where there is none)',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = start_tool(args)
    out_dir, root = Path(args.out_dir), Path(args.photos)
    folders = result_folders(out_dir)
    with exit_on_error():
        photos, others = find_photos(root, out_dir)
        segmentor = Segmentor(cfg, args.checkpoint, choose_device(args.device))
        segmentor.check()
        source = {
            'tool': 'segment_photos.py',
            'checkpoint': file_identity(args.checkpoint),
            'model or test pipeline': settings_hash(
                model=cfg.model,
                pipeline=segmentor.steps,
                **({'max_side': side} if (side := segmentor.max_side) else {}),
            ),
            'folder of photos': str(root.resolve()),
        }
        names = list(photos)
        out = OutputFolder(
            out_dir, folders, names, source, args.overwrite, (FILE, AREAS)
        )
        described = describe_photos(photos, root)
        changed = changed_photos(out_dir, described)
        gone = [name for name in changed if name not in described]
        with exit_on_run_error(out_dir, RESUMES):
            out.prepare()  # source.json is first: the files are ours
            if is_main_process():
                remove_files(changed, folders)
                write_json(out_dir / FILE, described)
                if gone:
                    print_log(
                        f'{len(gone)} photos ({gone[0]}) are no longer in '
                        f'{root}: their results are removed',
                        logger='current',
                    )
            barrier()
            todo = out.find_todo()
            note = f' (not read as photos: {others})' if others else ''
            out.log_todo(todo, note)
            failures = segment_photos(
                segmentor, photos, [names[k] for k in todo], out_dir
            )
            if is_main_process():
                paths = {k: about['path'] for k, about in described.items()}
                write_areas(out_dir, paths, segmentor.classes)
        report_failures(out_dir, failures)
    if is_main_process():
        done = len(names) - len(failures)
        print_log(
            f'{done} of {len(names)} photos are segmented: masks, overlays '
            f'and areas.csv are in {out_dir}',
            logger='current',
        )
    exit_process(1 if failures else 0)


if __name__ == '__main__':
    main()
