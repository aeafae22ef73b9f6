"""Export of segmentors to ONNX, compared with PyTorch."""

from __future__ import annotations

import importlib.util
import os
from inspect import signature
from pathlib import Path
from textwrap import shorten

import numpy as np
import torch
from torch import nn

from ...compat import type_name
from ...io.atomic import atomic_write, write_json
from .image_to_logits import ImageToLogits
from .segmentor import Segmentor

PACKAGES = ('onnx', 'onnxruntime', 'onnxscript')
# Largest difference of logits, as a part of the largest logit.
TOLERANCE = 1e-4
# Sizes (N, H, W) that the exported network is compared at: odd, wide, tall.
SIZES = ((1, 97, 131), (2, 64, 200), (1, 161, 75))


def check_packages() -> None:
    """Check that what the export needs is installed.

    Raises:
        ImportError: If a package is missing, with the command to run.
    """
    missing = [p for p in PACKAGES if importlib.util.find_spec(p) is None]
    if missing:
        raise ImportError(
            f'the export needs {", ".join(missing)}: pip install '
            f'{" ".join(missing)}'
        )
    if 'external_data' not in signature(torch.onnx.export).parameters:
        raise ImportError(
            f'the export needs torch 2.6 or newer, found {torch.__version__}'
        )


def export_onnx(
    segmentor: Segmentor, path: str | os.PathLike
) -> tuple[float, float]:
    """Write a segmentor as ONNX, and ``.json`` beside it on how to use it.

    Number and size of the images are free, the weights are inside the file.
    Its input ``image`` and output ``logits`` are those of
    :class:`ImageToLogits`. What onnxruntime computes is compared with PyTorch
    before the file is renamed to ``path``.

    Args:
        segmentor: The segmentor, on the CPU.
        path: File to write.

    Returns:
        tuple: Largest difference of the logits, and the largest logit.

    Raises:
        ValueError: If the segmentor cannot be exported, or its logits differ
            by more than ``TOLERANCE`` of the largest.
    """
    settings = segmentor.cfg.model.get('data_preprocessor') or {}
    network = ImageToLogits(segmentor.model, settings).eval()
    free = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    with atomic_write(path) as part, torch.no_grad():
        try:
            torch.onnx.export(
                network,
                (torch.zeros(2, 3, 97, 131),),
                str(part),
                dynamo=True,
                external_data=False,
                input_names=['image'],
                output_names=['logits'],
                dynamic_shapes=(free,),
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            reason = shorten(str(error.__cause__ or error), 300)
            raise ValueError(
                f'torch.onnx cannot export the network: {reason}'
            ) from error
        try:
            difference, largest = compare(network, part)
        except Exception as error:  # onnxruntime's have no base class
            reason = shorten(str(error), 300)
            raise ValueError(
                f'onnxruntime cannot run the exported network: {reason}. '
                'Layers that pool to a fixed grid, as those of PSPNet and '
                'UPerNet, cannot be exported for images of any size'
            ) from error
        if not difference <= TOLERANCE * largest:
            raise ValueError(
                f'the exported network computes something else: its logits '
                f'differ by {difference:.1e}, the largest is {largest:.1f}. '
                'Nothing was written'
            )
    write_json(Path(path).with_suffix('.json'), describe(segmentor))
    return difference, largest


@torch.no_grad()
def compare(
    network: nn.Module, path: str | os.PathLike
) -> tuple[float, float]:
    """Compare an exported network in onnxruntime with PyTorch.

    Args:
        network: The network.
        path: The ONNX file.

    Returns:
        tuple: Largest difference of the logits over ``SIZES``, and the
        largest logit.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider']
    )
    generator = torch.Generator().manual_seed(0)
    differences, largest = [], []
    for number, height, width in SIZES:
        image = 255 * torch.rand(number, 3, height, width, generator=generator)
        found = session.run(None, {'image': image.numpy()})[0]
        expected = network(image).numpy()
        differences.append(np.abs(found - expected).max())
        largest.append(np.abs(expected).max())
    return float(np.max(differences)), float(np.max(largest))


def describe(segmentor: Segmentor) -> dict:
    """Return how to use an exported segmentor, as JSON values."""
    steps = [
        {k: v for k, v in step.items() if k != 'meta_keys'}
        | {'type': type_name(step)}
        for step in segmentor.steps[1:]
        if not type_name(step).endswith('Inputs')
    ]
    count = len(segmentor.classes)
    return dict(
        input=dict(
            name='image',
            shape=['N', 3, 'H', 'W'],
            type='float32',
            channels='RGB',
            range=[0, 255],
            about='photos as they are seen (EXIF followed), transparency on '
            'white; not normalised, as the network does that',
        ),
        max_side=segmentor.max_side,
        about_max_side='a photo whose long side has more pixels is shrunk to '
        'it first, with antialiasing (Lanczos); 0: none is',
        transforms=steps,
        about_transforms="what photos go through then; MMSegmentation's "
        'Resize with keep_ratio makes a photo as large as fits in the scale, '
        'bilinearly without antialiasing (cv2.INTER_LINEAR)',
        output=dict(
            name='logits',
            shape=['N', count, 'H', 'W'],
            type='float32',
            about='resize them bilinearly to the photo, then the class of a '
            'pixel is the index of its largest logit; softmax over the '
            'classes gives probabilities',
        ),
        test_cfg=segmentor.cfg.model.get('test_cfg') or {},
        classes=segmentor.classes,
        palette=[[int(c) for c in colour] for colour in segmentor.palette],
    )
