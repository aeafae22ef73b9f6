"""Export a segmentor to ONNX; what it takes and returns is written as JSON.

python tools/export_onnx.py CONFIG CHECKPOINT --out model.onnx
"""

import argparse

import mmseg_wsss  # noqa: F401
from mmseg_wsss.io.checkpoints import check_weights
from mmseg_wsss.jobs.command_line import (
    add_config_arguments,
    exit_on_error,
    read_config,
)
from mmseg_wsss.jobs.onnx_export import (
    check_packages,
    describe_network,
    export_onnx,
)

from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import _load_checkpoint
from mmseg.registry import MODELS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint of the segmentor')
    parser.add_argument('--out', required=True, help='ONNX file to write')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    with exit_on_error():
        if not args.out.endswith('.onnx'):
            raise ValueError(f'--out must end in .onnx, got {args.out}')
        check_packages()
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        stored = _load_checkpoint(args.checkpoint, map_location='cpu')
        weights = stored.get('state_dict', stored)
        meta = (stored.get('meta') or {}).get('dataset_meta') or {}
        if not meta.get('classes'):
            raise ValueError(
                f'{args.checkpoint} has no names of classes: take one that '
                'tools/train.py wrote'
            )
        model = MODELS.build(cfg.model)
        check_weights(model, weights, args.checkpoint)
        model.load_state_dict(
            {k.removeprefix('module.'): v for k, v in weights.items()},
            strict=False,
        )
        settings = cfg.model.get('data_preprocessor') or {}
        export_onnx(model, settings, args.out)
        describe_network(args.out, meta, cfg)


if __name__ == '__main__':
    main()
