"""Write CAMs and pseudo labels of the images that a config tests on.

    python tools/make_pseudo_labels.py CONFIG CHECKPOINT --out-dir DIR
    python -m torch.distributed.run --nproc_per_node=8 \
        tools/make_pseudo_labels.py CONFIG CHECKPOINT --launcher pytorch

DIR/labels/<stem>.png and DIR/cams/<stem>.npz. Images that are done already
are left alone, so a run that was stopped goes on; --overwrite starts anew.
Where the data set has masks, the labels are compared with them at the end.
"""

import argparse
import copy
import hashlib
import json
import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import barrier, is_main_process
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.utils import track_iter_progress
from mmseg.registry import DATASETS

from mmseg_wsss.datasets.stems import unique_stems
from mmseg_wsss.engine.command_line import (
    add_config_arguments,
    read_config,
    use_tta,
)
from mmseg_wsss.engine.tested_images import label_loader
from mmseg_wsss.evaluation.label_files import (
    evaluate_label_files,
    label_reader,
)
from mmseg_wsss.fileio import whole_file

HOOK = 'mmseg_wsss.WeakSupervisionHook'


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
    parser.add_argument(
        '--tta',
        action='store_true',
        help="sum CAMs over the scales and flips of the config's tta_pipeline",
    )
    return parser.parse_args()


def drop_masks(pipeline: list[dict]) -> list[dict]:
    """Return the pipeline without the transform that reads masks."""
    kept = []
    for step in pipeline:
        if step['type'].endswith('TestTimeAug'):
            choices = [drop_masks(options) for options in step['transforms']]
            step = dict(step, transforms=[c for c in choices if c])
        if not step['type'].endswith('LoadAnnotations'):
            kept.append(step)
    return kept


def background_index(pipeline: list[dict]) -> int | None:
    """Read which class is the background off LoadImageLabels."""
    loader = label_loader(pipeline)
    if loader is None:
        raise SystemExit(
            'the test pipeline loads no image labels: add '
            "dict(type='mmseg_wsss.LoadImageLabels', ann_file=..., "
            "classes=...) and end it with dict(type='mmseg_wsss."
            "PackWSSSInputs')"
        )
    return loader.get('background_index', 0)


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


def check_source(
    out_dir: Path, checkpoint: str, cfg: Config, tta: bool, overwrite: bool
) -> dict:
    """Refuse to mix files of two checkpoints, settings, or kinds of test."""
    file = Path(checkpoint).resolve()
    if not file.is_file():
        raise SystemExit(f'there is no checkpoint {checkpoint}')
    stat = file.stat()
    source = dict(checkpoint=str(file), size=stat.st_size)
    source.update(modified=stat.st_mtime_ns, tta=tta)
    settings = Config(
        dict(model=cfg.model, pipeline=cfg.test_dataloader.dataset.pipeline)
    )
    text = settings.pretty_text.encode()
    source['settings'] = hashlib.sha256(text).hexdigest()
    known = out_dir / 'source.json'
    if known.is_file() and not overwrite:
        before = json.loads(known.read_text())
        if before != source:
            other = f'another checkpoint, {before["checkpoint"]}'
            if before.get('modified') == source['modified']:
                other = 'a run with another model or test pipeline'
            if before.get('tta', False) != tta:
                other = 'a run ' + ('without --tta' if tta else 'with --tta')
            raise SystemExit(
                f'{out_dir} holds the pseudo labels of {other}: use another '
                '--out-dir, or --overwrite'
            )
    return source


def image_stems(dataset) -> list[str]:
    """List the names that the images' files will have."""
    infos = (dataset.get_data_info(i) for i in range(len(dataset)))
    try:
        return unique_stems(info['img_path'] for info in infos)
    except ValueError as error:
        raise SystemExit(str(error)) from error


def report(label_dir: Path, dataset, stems: list[str]) -> None:
    """Log mIoU against the masks, where there are any."""
    masks = [
        dataset.get_data_info(i).get('seg_map_path') for i in range(len(stems))
    ]
    if not all(mask and Path(mask).is_file() for mask in masks):
        print_log('no masks to compare with', logger='current')
        return
    labels = [label_dir / f'{stem}.png' for stem in stems]
    pairs = list(zip(labels, masks, strict=True))
    if sys.stderr.isatty():
        pairs = track_iter_progress(pairs, file=sys.stderr)
    result = evaluate_label_files(
        pairs, dataset.metainfo['classes'], label_reader(dataset)
    )
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
    if 'pipeline' not in loader.dataset or 'indices' in loader.dataset:
        raise SystemExit(
            'test_dataloader.dataset must be one plain data set, neither '
            'wrapped nor cut by indices'
        )
    if args.tta:
        use_tta(cfg)
    loader.dataset.pipeline = drop_masks(loader.dataset.pipeline)
    background = background_index(loader.dataset.pipeline)
    hooks = cfg.get('custom_hooks') or []
    if not any(hook['type'].endswith('WeakSupervisionHook') for hook in hooks):
        cfg.custom_hooks = [*hooks, dict(type=HOOK)]
    source = check_source(
        out_dir, args.checkpoint, cfg, args.tta, args.overwrite
    )
    # A copy: TestTimeAug builds its transforms into the config it is given.
    dataset = DATASETS.build(copy.deepcopy(loader.dataset))
    stems = image_stems(dataset)
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
        background_index=background,
    )
    cfg.test_evaluator = [writer]

    runner = Runner.from_cfg(cfg)
    print_log(
        f'{len(stems) - len(todo)} of {len(stems)} images are done, '
        f'{len(todo)} to do, writing to {out_dir}',
        logger='current',
    )
    if is_main_process():
        with whole_file(out_dir / 'source.json') as part:
            part.write_text(json.dumps(source))
    if todo:
        runner.test()
    barrier()
    if is_main_process():
        report(label_dir, dataset, stems)


if __name__ == '__main__':
    main()
