r"""Convert a checkpoint of Leopart to timm's names.

    python tools/model_converters/leopart2timm.py leopart_vitb8.ckpt \
        data/weights/leopart_vitb8.pth --model vit_base_patch8_224.dino

Leopart (Ziegler and Asano, CVPR 2022, https://arxiv.org/abs/2204.13101) trains
DINO's ViT-S/16 (vit_small_patch16_224.dino) or ViT-B/8 further on dense
clusters. The authors' files, and Lightning's, hold the student as model.*,
whose features the authors evaluate, the teacher as teacher.*, and a projection
head and prototypes of both. The student without these two is written:
TimmFeatures(model_name=..., checkpoint=...) reads it.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.io.checkpoints import check_tensors, read_tensors

import torch
from torch import Tensor

STUDENT = 'model.'
# What training adds to the transformer.
HEADS = ('projection_head.', 'prototypes.')


def convert(
    weights: dict[str, Tensor], wanted: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Select the student's transformer.

    Args:
        weights: Tensors of Leopart's checkpoint.
        wanted: State dict of timm's model without a classifier; its names
            and shapes count.

    Returns:
        dict[str, Tensor]: The names of ``wanted``, float32.

    Raises:
        ValueError: If tensors are missing, left over or of another shape.

    Example:
        >>> old = {'model.norm.bias': torch.ones(2),
        ...        'model.prototypes.weight': torch.ones(3, 2),
        ...        'teacher.norm.bias': torch.zeros(2)}
        >>> convert(old, {'norm.bias': torch.empty(2)})
        {'norm.bias': tensor([1., 1.])}
    """
    found = {
        name.removeprefix(STUDENT): value.float()
        for name, value in weights.items()
        if name.startswith(STUDENT)
    }
    found = {k: v for k, v in found.items() if not k.startswith(HEADS)}
    check_tensors(found, wanted, 'student of this --model')
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('checkpoint', type=Path, help="Leopart's file")
    parser.add_argument('out', type=Path, help='checkpoint to write (.pth)')
    parser.add_argument(
        '--model', required=True, help="timm's name of the transformer"
    )
    args = parser.parse_args()
    try:
        import timm

        with torch.device('meta'):
            model = timm.create_model(args.model, num_classes=0)
        weights = read_tensors(args.checkpoint)
        state_dict = convert(weights, model.state_dict())
        with atomic_write(args.out) as part:
            torch.save({'state_dict': state_dict}, part)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f'error: {error}')
    numbers = sum(tensor.numel() for tensor in state_dict.values())
    print(f'{args.out}: {len(state_dict)} tensors, {numbers:,} numbers')


if __name__ == '__main__':
    main()
