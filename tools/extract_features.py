r"""Write the dense features of the images that a config tests on.

    python tools/extract_features.py CONFIG --out-dir DIR --num-workers 8
    python -m torch.distributed.run --nproc_per_node=8 \
        tools/extract_features.py CONFIG --launcher pytorch

CONFIG has feature_extractor = dict(type=...) and, where the defaults do not
suit, feature_extraction = dict(scales=(1.0,), flip=True, stride=4); the
images are those of its test_dataloader. The features become
DIR/features/<stem>.npy, float16 (D, h, w). How much room they take is told
before the first is written. Images that are done already are left alone, so a
run that was stopped goes on; --overwrite starts anew. An image that fails is
named in DIR/failures.json and at the end, the others are done, and the exit
code is 1.
"""

import argparse
from pathlib import Path

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log

from mmseg_wsss.compat import walk_dicts
from mmseg_wsss.io.provenance import (
    check_source,
    file_identity,
    save_source,
    settings_hash,
)
from mmseg_wsss.jobs.command_line import (
    add_config_arguments,
    add_folder_arguments,
    add_workers_argument,
    number_of_workers,
)
from mmseg_wsss.jobs.disk_space import feature_bytes, free_bytes, readable
from mmseg_wsss.jobs.feature_extraction import (
    LoadedImages,
    build_extractor,
    extract_features,
    extraction_settings,
)
from mmseg_wsss.jobs.launch import exit_process
from mmseg_wsss.jobs.output_folder import (
    remove_files,
    remove_leftovers,
    unfinished,
)
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.jobs.tool_setup import (
    choose_device,
    report_failures,
    start_tool,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_config_arguments(parser)
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


def describe(extractor: dict, settings: dict, amp: bool) -> dict:
    """Say what the features are made from: settings and checkpoints."""
    source = {
        'feature_extractor': settings_hash(extractor=extractor),
        'feature_extraction': settings_hash(**settings),
        '--amp': amp,
    }
    for node in walk_dicts(extractor):
        file = node.get('checkpoint')
        if file and Path(file).is_file():
            source[f'checkpoint {file}'] = file_identity(file)
    return source


def check_space(out_dir: Path, needed: int) -> str | None:
    """Tell the room that is needed; returns an error if it is not there."""
    free = free_bytes(out_dir)
    told = f'take about {readable(needed)}, {readable(free)} are free'
    print_log(f'the features {told}', logger='current')
    if needed <= free:
        return None
    return (
        f'the features {told} at {out_dir}: make room, use another '
        '--out-dir, or a larger feature_extraction.stride (twice the stride '
        'takes a quarter)'
    )


def main() -> None:
    args = parse_args()
    cfg = start_tool(args)
    out_dir = Path(args.out_dir or Path(cfg.work_dir) / 'extracted')
    folder = out_dir / 'features'
    workers = number_of_workers(args, cfg)
    try:
        settings = extraction_settings(cfg.get('feature_extraction'))
        config = cfg.get('feature_extractor')
        extractor = build_extractor(config)
        dataset, stems, _ = build_test_images(cfg)
        source = describe(config, settings, args.amp)
        check_source(out_dir, source, args.overwrite)
        device = choose_device(args.device)
    except (ValueError, OSError, ImportError) as error:
        raise SystemExit(str(error)) from error

    shared = [None, None]
    if is_main_process():
        remove_leftovers([out_dir, folder])
        if args.overwrite:
            remove_files(stems, [folder])
        todo = unfinished(stems, [folder])
        print_log(
            f'{len(stems) - len(todo)} of {len(stems)} images are done, '
            f'{len(todo)} to do, {extractor.channels} channels each, writing '
            f'to {folder}',
            logger='current',
        )
        needed = feature_bytes(
            [dataset.get_data_info(k)['img_path'] for k in todo],
            extractor.channels,
            settings['stride'],
        )
        shared = [todo, check_space(out_dir, needed)]
        if shared[1] is None:
            save_source(out_dir, source)
    broadcast_object_list(shared)  # file systems may be slow to agree
    todo, error = shared
    if error is not None:
        raise SystemExit(error)
    try:
        failures = extract_features(
            extractor,
            LoadedImages(dataset, stems),
            todo,
            folder,
            settings,
            device,
            args.amp,
            workers,
        )
    except OSError as error:
        raise SystemExit(f'cannot write to {folder}: {error}') from error
    if is_main_process():
        report_failures(out_dir, failures)
    exit_process(1 if failures else 0)


if __name__ == '__main__':
    main()
