r"""Convert the public ImageNet weights of ResNet38 from MXNet to PyTorch.

    python tools/model_converters/resnet38_mxnet2torch.py \
        ilsvrc-cls_rna-a1_cls1000_ep-0001.params \
        data/weights/resnet38_ilsvrc.pth

The file is the one published by the authors of "Wider or Deeper" (itijyou/
ademxapp) and used by PSA, SEAM, HFPL and OCR. MXNet is not needed. Names:

    arg:conv1a_weight               conv1a.weight
    arg:res2a_branch1_weight        b2.conv_branch1.weight
    arg:res4b5_branch2b1_weight     b4_5.conv_branch2b1.weight
    arg:bn4b5_branch2a_gamma, beta  b4_5.bn_branch2a.weight, bias
    aux:bn4b5_branch2a_moving_mean  b4_5.bn_branch2a.running_mean
    aux:bn7_moving_var              bn7.running_var
    arg:linear1000_weight, bias     dropped, the ImageNet classifier

The weights expect RGB images, divided by 255, normalised by ImageNet's mean
(0.485, 0.456, 0.406) and std (0.229, 0.224, 0.225).
"""

import argparse
import hashlib
import math
import re
import struct
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.models.backbones.resnet38 import ResNet38

import torch

PREPROCESSING = (
    'RGB / 255, mean (0.485, 0.456, 0.406), std (0.229, 0.224, 0.225)'
)
LIST_MAGIC = 0x112
ARRAY_V1 = 0xF993FAC8  # 64-bit shapes
ARRAY_V2 = 0xF993FAC9  # and a storage type
ARRAY_V3 = 0xF993FACA  # and NumPy's meaning of shapes
MAX_NDIM = 32
DENSE = 0
DTYPES = {
    0: '<f4',
    1: '<f8',
    2: '<f2',
    3: '<u1',
    4: '<i4',
    5: '<i1',
    6: '<i8',
}
LEAVES = {
    'weight': 'weight',
    'gamma': 'weight',
    'beta': 'bias',
    'moving_mean': 'running_mean',
    'moving_var': 'running_var',
}
BLOCK_NAME = re.compile(
    r'(?P<kind>res|bn)(?P<stage>\d)(?:a|b(?P<block>\d+))_'
    r'(?P<branch>branch\w+?)_(?P<leaf>weight|gamma|beta|moving_mean|moving_var)'
)
OTHER_NAME = re.compile(
    r'(?P<module>conv1a|bn7)_'
    r'(?P<leaf>weight|gamma|beta|moving_mean|moving_var)'
)


class Reader:
    """Walks over the bytes of a file and refuses to run past its end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int, what: str) -> memoryview:
        """Return the next ``size`` bytes.

        Raises:
            ValueError: If the file ends before that.
        """
        left = len(self.data) - self.at
        if size > left:
            raise ValueError(
                f'the file is truncated or damaged: {what} at byte {self.at} '
                f'needs {size} bytes, {left} are left; download it again'
            )
        self.at += size
        return memoryview(self.data)[self.at - size : self.at]

    def unpack(self, layout: str, what: str) -> tuple[int, ...]:
        """Return little-endian integers, see ``struct``."""
        layout = f'<{layout}'
        return struct.unpack(layout, self.take(struct.calcsize(layout), what))


def read_shape(reader: Reader, what: str) -> tuple[int, ...] | None:
    """Read an array's header up to its shape; None is an empty array."""
    (magic,) = reader.unpack('I', what)
    if magic in (ARRAY_V2, ARRAY_V3):
        (storage,) = reader.unpack('i', what)
        if storage != DENSE:
            raise ValueError(
                f'{what} has storage type {storage}; only dense arrays (0) '
                'are supported'
            )
        (ndim,) = reader.unpack('i', what)
    elif magic == ARRAY_V1:
        (ndim,) = reader.unpack('I', what)
    else:  # The oldest layout has no magic, it starts with ndim.
        ndim = magic
    if ndim == (-1 if magic == ARRAY_V3 else 0):
        return None
    if not 0 <= ndim <= MAX_NDIM:
        raise ValueError(
            f'{what} at byte {reader.at} is no MXNet array: it starts with '
            f'{magic:#x} and would have {ndim} dimensions'
        )
    kind = 'q' if magic in (ARRAY_V1, ARRAY_V2, ARRAY_V3) else 'I'
    shape = reader.unpack(f'{ndim}{kind}', what)
    if any(size < 0 for size in shape):
        raise ValueError(f'{what} has the impossible shape {shape}')
    return shape


def read_array(reader: Reader, what: str) -> np.ndarray:
    """Read one NDArray (V1, V2, V3 or the layout before them)."""
    shape = read_shape(reader, what)
    if shape is None:
        raise ValueError(f'{what} is empty; such a file holds no weights')
    _, _, dtype_flag = reader.unpack('iii', what)  # device, its id, dtype
    if dtype_flag not in DTYPES:
        raise ValueError(
            f'{what} has dtype number {dtype_flag}; supported are '
            f'{sorted(DTYPES)}'
        )
    dtype = np.dtype(DTYPES[dtype_flag])
    data = reader.take(math.prod(shape) * dtype.itemsize, what)
    return np.frombuffer(data, dtype).reshape(shape)


def read_params(data: bytes) -> dict[str, np.ndarray]:
    """Read the content of an MXNet ``.params`` file.

    Args:
        data: The whole file.

    Returns:
        Read-only arrays by name, such as ``arg:conv1a_weight``.

    Raises:
        ValueError: If the content is not a complete list of named arrays.
    """
    reader = Reader(data)
    magic, _ = reader.unpack('QQ', 'the header')
    if magic != LIST_MAGIC:
        raise ValueError(
            f'not an MXNet .params file: it starts with {magic:#x}, '
            f'not {LIST_MAGIC:#x}'
        )
    (count,) = reader.unpack('Q', 'the number of arrays')
    arrays = []
    while len(arrays) < count:
        what = f'array {len(arrays) + 1} of {count}'
        arrays.append(read_array(reader, what))
    (num_names,) = reader.unpack('Q', 'the number of names')
    if num_names != count:
        raise ValueError(f'the file has {count} arrays but {num_names} names')
    params = {}
    for array in arrays:
        (size,) = reader.unpack('Q', 'the length of a name')
        name = bytes(reader.take(size, 'a name')).decode()
        if name in params:
            raise ValueError(f'the name {name} occurs twice')
        params[name] = array
    return params


def torch_name(name: str) -> str | None:
    """Translate a parameter's name; None if the rules do not cover it."""
    name = name.removeprefix('arg:').removeprefix('aux:')
    if match := OTHER_NAME.fullmatch(name):
        return f'{match["module"]}.{LEAVES[match["leaf"]]}'
    if match := BLOCK_NAME.fullmatch(name):
        block = f'b{match["stage"]}'
        if match['block']:
            block += f'_{match["block"]}'
        kind = 'conv' if match['kind'] == 'res' else 'bn'
        return f'{block}.{kind}_{match["branch"]}.{LEAVES[match["leaf"]]}'
    return None


def convert(
    params: dict[str, np.ndarray],
) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Turn MXNet parameters into a state dict of ResNet38.

    Args:
        params: Arrays by MXNet name.

    Returns:
        The float32 state dict with all that fits, and one line per problem:
        parameters that are missing, left over, of another shape, or not
        finite. No line: the state dict is complete.
    """
    with torch.device('meta'):
        wanted = ResNet38().state_dict()
    state_dict, problems = {}, []
    for name, array in params.items():
        target = torch_name(name)
        if target is None and 'linear1000_' in name:
            continue
        if target not in wanted or target in state_dict:
            problems.append(f'left over: {name} {array.shape}')
        elif array.shape != wanted[target].shape:
            problems.append(
                f'wrong shape: {name} {array.shape}, but {target} is '
                f'{tuple(wanted[target].shape)}'
            )
        elif not np.isfinite(array).all():
            problems.append(f'not finite: {name} {array.shape}')
        else:
            state_dict[target] = torch.from_numpy(array.astype(np.float32))
    for target, like in wanted.items():
        if target.endswith('num_batches_tracked'):
            state_dict[target] = torch.zeros_like(like, device='cpu')
        elif target not in state_dict:
            problems.append(f'missing: {target} {tuple(like.shape)}')
    return state_dict, problems


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('params', type=Path, help='MXNet .params file')
    parser.add_argument('out', type=Path, help='checkpoint to write (.pth)')
    args = parser.parse_args(argv)
    try:
        data = args.params.read_bytes()
        params = read_params(data)
    except (OSError, ValueError) as error:
        sys.exit(f'error: cannot read {args.params}: {error}')

    state_dict, problems = convert(params)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f'error: {len(problems)} problems, nothing written')
    meta = {
        'architecture': 'ResNet38',
        'source': args.params.name,
        'source_sha256': hashlib.sha256(data).hexdigest(),
        'preprocessing': PREPROCESSING,
    }
    try:
        with atomic_write(args.out) as part:
            torch.save({'state_dict': state_dict, 'meta': meta}, part)
    except (OSError, RuntimeError) as error:
        sys.exit(f'error: cannot write {args.out}: {error}')
    numbers = sum(tensor.numel() for tensor in state_dict.values())
    print(f'{args.out}: {len(state_dict)} tensors, {numbers:,} numbers')


if __name__ == '__main__':
    main()
