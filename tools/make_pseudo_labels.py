"""Write CAMs and pseudo labels of the images that a config tests on.

    python tools/make_pseudo_labels.py CONFIG CHECKPOINT --out-dir DIR

DIR/labels/<stem>.png and DIR/cams/<stem>.npz. Images that are done already
are left alone, so a run that was stopped goes on; --overwrite starts anew.
Where the data set has masks, the labels are compared with them at the end.
"""

import argparse
from pathlib import Path

from mmengine.dist import barrier, is_main_process
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from mmseg_wsss.engine.command_line import add_config_arguments, read_config
from mmseg_wsss.evaluation.label_files import evaluate_label_files


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out-dir', help='where to write (default: WORK_DIR/pseudo_labels)'
    )
    parser.add_argument(
        '--no-cams', action='store_true', help='write labels only'
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='write every file anew'
    )
    return parser.parse_args()


def drop_masks(pipeline: list[dict]) -> list[dict]:
    """Return the pipeline without the transform that reads masks."""
    return [t for t in pipeline if not t['type'].endswith('LoadAnnotations')]


def background_index(pipeline: list[dict]) -> int | None:
    """Read which class is the background off LoadImageLabels."""
    for transform in pipeline:
        if transform['type'].endswith('LoadImageLabels'):
            return transform.get('background_index', 0)
    raise SystemExit(
        'the test pipeline loads no image labels: add '
        "dict(type='mmseg_wsss.LoadImageLabels', ann_file=..., classes=...) "
        "and end it with dict(type='mmseg_wsss.PackWSSSInputs')"
    )


def unfinished(stems: list[str], folders: list[Path]) -> list[int]:
    """List the positions of the images of which a file is missing."""
    done = [
        {path.stem for path in folder.glob('*.*')} if folder.is_dir() else ()
        for folder in folders
    ]
    return [
        index
        for index, stem in enumerate(stems)
        if not all(stem in names for names in done)
    ]


def report(label_dir: Path, dataset, stems: list[str]) -> None:
    """Log mIoU against the masks, where there are any."""
    mask_dir = dataset.data_prefix.get('seg_map_path')
    if not mask_dir or not all(
        (Path(mask_dir) / f'{stem}.png').is_file() for stem in stems
    ):
        print_log('no masks to compare with', logger='current')
        return
    classes = dataset.metainfo['classes']
    result = evaluate_label_files(label_dir, mask_dir, stems, classes)
    for name, iou in result['IoU'].items():
        print_log(f'  IoU {name:<14} {iou:6.2f}', logger='current')
    print_log(
        f'pseudo labels of {result["images"]} images: mIoU '
        f'{result["mIoU"]:.2f}',
        logger='current',
    )


def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    cfg.load_from = args.checkpoint
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    out_dir = Path(args.out_dir or Path(cfg.work_dir) / 'pseudo_labels')
    label_dir = out_dir / 'labels'
    cam_dir = None if args.no_cams else out_dir / 'cams'

    loader = cfg.test_dataloader
    loader.sampler = dict(type='DefaultSampler', shuffle=False, round_up=False)
    loader.dataset.pipeline = drop_masks(loader.dataset.pipeline)
    dataset = DATASETS.build(loader.dataset)
    stems = [
        Path(dataset.get_data_info(i)['img_path']).stem
        for i in range(len(dataset))
    ]
    # Listed before the ranks meet in the Runner: nothing is being written.
    folders = [label_dir] if cam_dir is None else [label_dir, cam_dir]
    todo = list(range(len(stems)))
    if not args.overwrite:
        todo = unfinished(stems, folders)
    loader.dataset.indices = todo
    writer = dict(
        type='mmseg_wsss.PseudoLabelWriter',
        label_dir=str(label_dir),
        cam_dir=None if cam_dir is None else str(cam_dir),
    )
    writer['background_index'] = background_index(loader.dataset.pipeline)
    cfg.test_evaluator = [writer]

    runner = Runner.from_cfg(cfg)
    print_log(
        f'{len(stems) - len(todo)} of {len(stems)} images are done, '
        f'{len(todo)} to do, writing to {out_dir}',
        logger='current',
    )
    if todo:
        runner.test()
    barrier()
    if is_main_process():
        report(label_dir, dataset, stems)


if __name__ == '__main__':
    main()
