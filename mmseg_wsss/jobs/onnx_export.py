"""Export of segmentors to ONNX, with their preprocessing inside."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ..io.atomic import atomic_write, write_json

PACKAGES = ('onnx', 'onnxruntime', 'onnxscript')


class ImageToLogits(nn.Module):
    """A segmentor that normalises RGB images itself.

    Args:
        model: The segmentor, an EncoderDecoder.
        settings: The config's ``model.data_preprocessor``.

    Raises:
        ValueError: If it has no single decode head.
    """

    def __init__(self, model: nn.Module, settings: Mapping) -> None:
        super().__init__()
        head = getattr(model, 'decode_head', None)
        if head is None or isinstance(head, nn.ModuleList):
            raise ValueError(
                f'{type(model).__name__} cannot be exported: it needs one '
                'decode head, as EncoderDecoder has it'
            )
        self.model = model
        mean = torch.tensor(settings.get('mean') or [0.0] * 3)
        std = torch.tensor(settings.get('std') or [1.0] * 3)
        self.register_buffer('mean', mean.float().reshape(1, 3, 1, 1))
        self.register_buffer('std', std.float().reshape(1, 3, 1, 1))
        # Images are loaded as BGR; without conversion the network sees them.
        keys = ('bgr_to_rgb', 'rgb_to_bgr')
        self.flip = not any(settings.get(key) for key in keys)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits of the images' size.

        Args:
            image: (N, 3, H, W) float32, RGB, 0 to 255.

        Returns:
            Tensor: (N, C, H, W) float32.
        """
        height, width = image.shape[2:]
        image = image.flip(1) if self.flip else image
        features = self.model.extract_feat((image - self.mean) / self.std)
        metas = [dict(img_shape=(height, width))]
        return self.model.decode_head.predict(
            features, metas, self.model.test_cfg
        )


def check_packages() -> None:
    """Check that what the export needs is installed.

    Raises:
        ImportError: If a package is missing, with the command to run.
    """
    missing = [p for p in PACKAGES if importlib.util.find_spec(p) is None]
    if missing:
        raise ImportError(
            f'the export needs {", ".join(missing)}: run pip install '
            f'{" ".join(missing)}'
        )


def export_onnx(
    model: nn.Module, settings: Mapping, path: str | os.PathLike
) -> None:
    """Write a segmentor as an ONNX file of dynamic height and width.

    The weights are inside the file. Its input ``image`` and its output
    ``logits`` are those of :class:`ImageToLogits`, for one image.

    Args:
        model: The segmentor, on the CPU.
        settings: The config's ``model.data_preprocessor``.
        path: File to write.

    Raises:
        ValueError: If it has no single decode head.
    """
    network = ImageToLogits(model, settings).eval()
    size = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    with atomic_write(path) as part, torch.no_grad():
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, 97, 131),),
            str(part),
            dynamo=True,
            external_data=False,
            input_names=['image'],
            output_names=['logits'],
            dynamic_shapes=(size,),
            verbose=False,
        )


def describe_network(path: str | os.PathLike, meta: dict, cfg) -> None:
    """Write ``model.json`` beside ``model.onnx``.

    Args:
        path: The ONNX file.
        meta: Classes and palette, as in a checkpoint's ``dataset_meta``.
        cfg: The config; the sizes of its test pipeline are recorded.
    """
    resize = [
        {k: v for k, v in step.items() if k != 'type'}
        for step in cfg.get('test_pipeline') or ()
        if str(step.get('type')).endswith('Resize')
    ]
    write_json(
        Path(path).with_suffix('.json'),
        dict(
            input='image: float32 (1, 3, H, W), RGB, 0 to 255, upright; not '
            'normalised, the graph does it',
            resize=resize,
            output='logits: float32 (1, C, H, W) of the input size; a '
            "pixel's class is its argmax over C",
            classes=list(meta['classes']),
            palette=[list(map(int, c)) for c in meta.get('palette') or ()],
        ),
    )
