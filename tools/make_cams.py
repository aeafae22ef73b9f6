r"""Write CAMs and seed labels of the images that a config tests on.

    python tools/make_cams.py CONFIG CHECKPOINT --out-dir DIR
    python tools/make_cams.py CONFIG --out-dir DIR      (a frozen CLIP)
    python -m torch.distributed.run --nproc_per_node=8 \
        tools/make_cams.py CONFIG CHECKPOINT --launcher pytorch

DIR/labels/<stem>.png and DIR/cams/<stem>.npz. tools/make_pseudo_labels.py
refines them. A stopped run resumes where it stopped; --overwrite replaces
existing files. Where the data set has masks, the labels are compared with them
at the end.
"""

import argparse
import copy
from pathlib import Path

from mmseg_wsss.compat import find_steps
from mmseg_wsss.engine.hooks import CheckpointCheckHook
from mmseg_wsss.evaluation.label_summary import log_summary, summarise_labels
from mmseg_wsss.io.provenance import (
    CRF_HOOK,
    LABELS,
    file_identity,
    identity,
    settings_hash,
)
from mmseg_wsss.jobs.command_line import (
    add_folder_arguments,
    config_parser,
    exit_on_error,
    keep_config_file,
    read_config,
    use_tta,
)
from mmseg_wsss.jobs.launch import exit_process, start_ranks
from mmseg_wsss.jobs.output_folder import OutputFolder
from mmseg_wsss.jobs.run_errors import RESUMES, exit_on_run_error
from mmseg_wsss.jobs.test_dataset import (
    build_images,
    label_loader,
    without_masks,
)
from mmseg_wsss.jobs.tool_setup import (
    TIMEOUT,
)
from mmseg_wsss.workflow.pipeline.identity import named_files

from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.dist import barrier
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.datasets import BaseSegDataset
from mmseg.registry import TRANSFORMS
from torch import nn

HOOK = 'mmseg_wsss.WeakSupervisionHook'


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file; none for a network that is not trained',
    )
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


def check_frozen(model: nn.Module) -> None:
    """Check that a model needs no checkpoint."""
    if any(p.requires_grad for p in model.parameters()):
        raise ValueError(
            'the network is trained, its checkpoint must be named: '
            'make_cams.py CONFIG CHECKPOINT'
        )


def check_labels(pipeline: list[dict]) -> None:
    """Check that a pipeline loads image labels."""
    if label_loader(pipeline) is None:
        raise ValueError(
            'the test pipeline loads no image labels: add '
            "dict(type='mmseg_wsss.LoadImageLabels', ann_file=..., "
            "classes=...) and end it with dict(type='mmseg_wsss."
            "PackWSSSInputs')"
        )


def prepare_config(cfg: Config, args: argparse.Namespace) -> None:
    """Change a config so that its test reads image labels, but no masks."""
    cfg.load_from, cfg.resume = args.checkpoint, False
    loader = cfg.test_dataloader
    loader.sampler = dict(type='DefaultSampler', shuffle=False, round_up=False)
    if 'pipeline' not in loader.dataset or 'indices' in loader.dataset:
        raise ValueError(
            'test_dataloader.dataset must be one plain data set, neither '
            'wrapped nor cut by indices'
        )
    if args.tta:
        use_tta(cfg)
    loader.dataset.pipeline = without_masks(loader.dataset.pipeline)
    hooks = cfg.get('custom_hooks') or []
    if not find_steps(hooks, 'WeakSupervisionHook'):
        cfg.custom_hooks = [*hooks, dict(type=HOOK)]


def describe_labels(pipeline: list[dict]) -> dict:
    """Return the identity of the label file that a pipeline loads, if any."""
    file = (label_loader(pipeline) or {}).get('ann_file')
    # LoadImageLabels says what is wrong with a missing one.
    exists = file is not None and Path(file).exists()
    return {LABELS: identity(Path(file))} if exists else {}


def describe(cfg: Config, args: argparse.Namespace) -> dict:
    """Return what the files are made from, for source.json."""
    pipeline = cfg.test_dataloader.dataset.pipeline
    if args.checkpoint is None:
        files = [f for f in named_files(cfg.model) if Path(f).is_file()]
        weights = {f'file {file}': file_identity(file) for file in files}
    else:
        weights = {'checkpoint': file_identity(args.checkpoint)}
    hooks = find_steps(cfg.get('custom_hooks') or [], CRF_HOOK)
    return {
        'tool': 'make_cams.py',
        **weights,
        CRF_HOOK: settings_hash(hooks=hooks) if hooks else None,
        '--tta': args.tta,
        **describe_labels(pipeline),
        'model or test pipeline': settings_hash(
            model=cfg.model, pipeline=pipeline
        ),
    }


def choose_images(
    runner: Runner, dataset: BaseSegDataset, todo: list[int]
) -> None:
    """Build the test loader of these images.

    The Runner formats its config as Python several times: a list of millions
    of images in it would take hours.
    """
    loader = dict(runner.cfg.test_dataloader, dataset=dataset.get_subset(todo))
    runner.test_loop.dataloader = runner.build_dataloader(loader, runner.seed)


def main() -> None:
    args = parse_args()
    cfg = read_config(args, TIMEOUT)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    out_dir = Path(args.out_dir or Path(cfg.work_dir) / 'pseudo_labels')
    labels = out_dir / 'labels'
    cams = None if args.no_cams else out_dir / 'cams'
    with exit_on_error():
        prepare_config(cfg, args)
        settings = cfg.test_dataloader.dataset
        check_labels(settings.pipeline)
        writer = dict(
            type='mmseg_wsss.PseudoLabelWriter',
            label_dir=str(labels),
            cam_dir=None if cams is None else str(cams),
        )
        source = describe(cfg, args)
        dataset, stems = build_images(dict(settings, pipeline=[]))
        # A copy: TestTimeAug builds its transforms into its config.
        dataset.pipeline = Compose(copy.deepcopy(settings.pipeline))
        folders = [labels] if cams is None else [labels, cams]
        out = OutputFolder(
            *(out_dir, folders, stems, source, args.overwrite),
            unused=[out_dir / 'cams'] if cams is None else [],
        )
        out.check_others()
    start_ranks(cfg)
    todo = out.find_todo()
    settings.indices = 1  # replaced by choose_images
    cfg.test_evaluator = [writer]
    keep_config_file(cfg)
    with exit_on_error():
        runner = Runner.from_cfg(cfg)
    runner.register_hook(CheckpointCheckHook())
    if todo:
        with exit_on_error():
            if args.checkpoint is None:
                check_frozen(runner.model)
            runner.call_hook('before_run')  # an EMAHook loads after it
            runner.load_or_resume()
            choose_images(runner, dataset, todo)
    out.log_todo(todo)
    with exit_on_error():
        out.prepare()
    if todo:
        with exit_on_run_error(out_dir, RESUMES):
            runner.test()
    barrier()
    with exit_on_error():
        load = TRANSFORMS.build(label_loader(settings.pipeline))
        result = summarise_labels(labels, dataset, stems, load)
        log_summary(result, out_dir)
    exit_process(1 if result and result['errors'] else 0)


if __name__ == '__main__':
    main()
