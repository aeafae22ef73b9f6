r"""Write CAMs and seed labels of the images that a config tests on.

    python tools/make_cams.py CONFIG CHECKPOINT --out-dir DIR
    python -m torch.distributed.run --nproc_per_node=8 \
        tools/make_cams.py CONFIG CHECKPOINT --launcher pytorch

DIR/labels/<stem>.png and DIR/cams/<stem>.npz. tools/make_pseudo_labels.py
refines them. Images that are done already
are left alone, so a run that was stopped goes on; --overwrite starts anew.
Where the data set has masks, the labels are compared with them at the end.
"""

import argparse
import copy
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import barrier, broadcast_object_list, is_main_process
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from mmseg_wsss.evaluation.label_summary import log_summary, summarise_labels
from mmseg_wsss.io.provenance import (
    check_source,
    file_identity,
    save_source,
    settings_hash,
)
from mmseg_wsss.io.stems import unique_stems
from mmseg_wsss.jobs.command_line import (
    add_config_arguments,
    add_folder_arguments,
    read_config,
    use_tta,
)
from mmseg_wsss.jobs.launch import leave, start_ranks
from mmseg_wsss.jobs.output_folder import (
    remove_files,
    remove_leftovers,
    unfinished,
)
from mmseg_wsss.jobs.test_dataset import label_loader

HOOK = 'mmseg_wsss.WeakSupervisionHook'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    add_folder_arguments(parser, 'pseudo_labels')
    parser.add_argument(
        '--no-cams', action='store_true', help='write labels only'
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


def read_source(
    out_dir: Path, checkpoint: str, cfg: Config, tta: bool, overwrite: bool
) -> dict:
    """Say what the files are made from; refuse to mix them with others."""
    pipeline = cfg.test_dataloader.dataset.pipeline
    try:
        source = {
            'checkpoint': file_identity(checkpoint),
            '--tta': tta,
            'model or test pipeline': settings_hash(
                model=cfg.model, pipeline=pipeline
            ),
        }
        check_source(out_dir, source, overwrite)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    return source


def image_stems(dataset) -> list[str]:
    """List the names that the images' files will have."""
    infos = (dataset.get_data_info(i) for i in range(len(dataset)))
    try:
        return unique_stems(info['img_path'] for info in infos)
    except ValueError as error:
        raise SystemExit(str(error)) from error


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
    source = read_source(
        out_dir, args.checkpoint, cfg, args.tta, args.overwrite
    )
    # A copy: TestTimeAug builds its transforms into the config it is given.
    dataset = DATASETS.build(copy.deepcopy(loader.dataset))
    stems = image_stems(dataset)
    folders = [label_dir] if cam_dir is None else [label_dir, cam_dir]
    shared = [list(range(len(stems)))]
    start_ranks(cfg)
    if is_main_process() and not args.overwrite:
        shared = [unfinished(stems, folders)]
    broadcast_object_list(shared)  # file systems may be slow to agree
    todo = shared[0]
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
        remove_leftovers([out_dir, *folders])
        if args.overwrite:
            remove_files(stems, folders)
        save_source(out_dir, source)
    barrier()
    if todo:
        runner.test()
    barrier()
    result = summarise_labels(label_dir, dataset, stems)
    log_summary(result, out_dir)
    leave(1 if result and result['errors'] else 0)


if __name__ == '__main__':
    main()
