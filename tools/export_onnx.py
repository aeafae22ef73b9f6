"""Export a segmentor to ONNX, with its normalisation inside.

    python tools/export_onnx.py CONFIG CHECKPOINT --out model.onnx

Input are RGB images of any number and size, float32 from 0 to 255; output are
logits of their size. model.json says how photos are resized, and which class
and colour an index has. The logits of onnxruntime are compared with PyTorch's
before the file is written. Needs pip install "mmseg_wsss[onnx]".
"""

import argparse

from mmseg_wsss.jobs.command_line import config_parser, exit_on_error
from mmseg_wsss.jobs.tool_setup import start_tool
from mmseg_wsss.workflow.deploy.onnx_export import check_packages, export_onnx
from mmseg_wsss.workflow.deploy.segmentor import Segmentor

from mmengine.logging import print_log


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument('checkpoint', help='checkpoint of the segmentor')
    parser.add_argument('--out', required=True, help='ONNX file to write')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = start_tool(args)
    with exit_on_error():
        if not args.out.endswith('.onnx'):
            raise ValueError(f'--out must end in .onnx, got {args.out}')
        check_packages()
        segmentor = Segmentor(cfg, args.checkpoint)
        difference, largest = export_onnx(segmentor, args.out)
    print_log(
        f'{args.out} and {args.out[:-5]}.json are written. In onnxruntime the '
        f'logits, up to {largest:.1f}, differ by {difference:.1e} at most '
        "from PyTorch's",
        logger='current',
    )


if __name__ == '__main__':
    main()
