r"""Convert a vision transformer of timm to MMPretrain's names.

    python tools/model_converters/timm_vit2mmpretrain.py \
        deit_small_patch16_224.fb_in1k data/weights/deit-s.pth

MCTformer, WeakTr, HFPL and CSD start from DeiT-S as its authors published it
(Touvron et al., ICML 2021, https://arxiv.org/abs/2012.12877); MMPretrain's
file is another training of the same network. timm downloads the weights;
--checkpoint reads a file by timm's names, as the authors'
deit_small_patch16_224-cd65a155.pth. The result takes the place of the URL:

    --cfg-options model.backbone.init_cfg.checkpoint=data/weights/deit-s.pth
"""

import argparse
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.io.checkpoints import check_tensors, read_tensors

import torch
from torch import Tensor

NAMES = (
    (r'(cls_token|pos_embed)', r'\1'),
    (r'patch_embed\.proj\.(\w+)', r'patch_embed.projection.\1'),
    (r'blocks\.(\d+)\.attn\.(qkv|proj)\.(\w+)', r'layers.\1.attn.\2.\3'),
    (r'blocks\.(\d+)\.norm([12])\.(\w+)', r'layers.\1.ln\2.\3'),
    (r'blocks\.(\d+)\.mlp\.fc1\.(\w+)', r'layers.\1.ffn.layers.0.0.\2'),
    (r'blocks\.(\d+)\.mlp\.fc2\.(\w+)', r'layers.\1.ffn.layers.1.\2'),
    (r'norm\.(\w+)', r'ln1.\1'),
)


def convert(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the same tensors by the names of an MMPretrain checkpoint.

    Args:
        weights: State dict of timm's transformer without a classifier.

    Raises:
        ValueError: If a tensor has no place in MMPretrain's transformer.

    Example:
        >>> convert({'blocks.0.norm1.bias': torch.ones(2)})
        {'backbone.layers.0.ln1.bias': tensor([1., 1.])}
    """
    converted = {}
    for name, value in weights.items():
        for old, new in NAMES:
            if match := re.fullmatch(old, name):
                converted[f'backbone.{match.expand(new)}'] = value
                break
        else:
            raise ValueError(
                f'{name} has no place in a plain vision transformer: take a '
                'model like deit_small_patch16_224.fb_in1k or '
                'vit_base_patch16_224.dino'
            )
    return converted


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('model', help="timm's name of the transformer")
    parser.add_argument('out', type=Path, help='checkpoint to write (.pth)')
    parser.add_argument(
        '--checkpoint', type=Path, help='weights; default: download'
    )
    args = parser.parse_args()
    try:
        import timm

        download = args.checkpoint is None
        model = timm.create_model(
            args.model, pretrained=download, num_classes=0
        )
        weights = model.state_dict()
        if not download:
            found = read_tensors(args.checkpoint)
            found = {k: v for k, v in found.items() if k[:4] != 'head'}
            check_tensors(found, weights, args.model)
            weights = found
        state_dict = convert(weights)
        with atomic_write(args.out) as part:
            torch.save({'state_dict': state_dict}, part)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(f'{args.out}: {len(state_dict)} tensors')


if __name__ == '__main__':
    main()
