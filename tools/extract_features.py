r"""Write the dense features of the images that a config tests on.

    python tools/extract_features.py CONFIG --out-dir DIR --num-workers 8
    python -m torch.distributed.run --nproc_per_node=8 \
        tools/extract_features.py CONFIG --launcher pytorch

CONFIG has feature_extractor = dict(type=...) and, where the defaults do not
suit, feature_extraction = dict(scales=(1.0,), flip=True, stride=4); the
images are those of its test_dataloader. The features become
DIR/features/<stem>.npy, float16 (D, h, w). The disk space that they take is
checked first. A stopped run resumes where it stopped; --overwrite replaces
existing files. An image that fails is named in DIR/failures.json and at the
end, the others are done, and the exit code is 1.
"""

import argparse
from pathlib import Path

from mmseg_wsss.io.provenance import settings_hash
from mmseg_wsss.jobs.command_line import (
    add_folder_arguments,
    add_workers_argument,
    config_parser,
    exit_on_error,
    number_of_workers,
)
from mmseg_wsss.jobs.disk_space import check_space, feature_bytes
from mmseg_wsss.jobs.feature_extraction import (
    LoadedImages,
    build_extractor,
    extract_features,
    extraction_settings,
)
from mmseg_wsss.jobs.launch import exit_process
from mmseg_wsss.jobs.output_folder import OutputFolder
from mmseg_wsss.jobs.run_errors import RESUMES, exit_on_run_error
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.jobs.tool_setup import (
    choose_device,
    describe_checkpoints,
    report_failures,
    start_tool,
)


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    add_folder_arguments(parser, 'extracted')
    add_workers_argument(parser, 'processes of each rank that load images')
    parser.add_argument(
        '--device',
        help='where the network runs (default: cuda, each rank its own; cpu '
        'where there is none)',
    )
    parser.add_argument(
        '--amp', action='store_true', help='compute in half precision'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = start_tool(args)
    out_dir = Path(args.out_dir or Path(cfg.work_dir) / 'extracted')
    folder = out_dir / 'features'
    with exit_on_error():
        settings = extraction_settings(cfg.get('feature_extraction'))
        extractor = build_extractor(cfg.get('feature_extractor'))
        dataset, stems, _ = build_test_images(cfg)
        source = {
            'tool': 'extract_features.py',
            'feature_extractor': settings_hash(
                extractor=cfg.feature_extractor
            ),
            'feature_extraction': settings_hash(**settings),
            '--amp': args.amp,
            **describe_checkpoints(cfg.feature_extractor),
        }
        out = OutputFolder(out_dir, [folder], stems, source, args.overwrite)
        out.check_others()
        device = choose_device(args.device)
        todo = out.find_todo()
        out.log_todo(todo, f', {extractor.channels} channels each')
        paths = [dataset.get_data_info(k)['img_path'] for k in todo]
        needed = feature_bytes(paths, extractor.channels, settings['stride'])
        out.prepare(check=lambda: check_space(out_dir, needed))
        with exit_on_run_error(out_dir, RESUMES):
            failures = extract_features(
                extractor,
                LoadedImages(dataset, stems),
                todo,
                folder,
                settings,
                device,
                args.amp,
                number_of_workers(args, cfg),
            )
        report_failures(out_dir, failures)
    exit_process(1 if failures else 0)


if __name__ == '__main__':
    main()
