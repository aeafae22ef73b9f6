"""Extracting the dense features of a data set's images."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from mmseg.registry import MODELS

from ..io.checkpoints import example
from ..io.features import save_features
from ..models.feature_extractors import FeatureExtractor, dense_features
from ..models.feature_extractors.multi_scale import check_settings
from .image_loop import gather_errors, rank_share, run_images
from .image_pipeline import ImagePipeline, Outcome

DEFAULTS = {'scales': (1.0,), 'flip': True, 'stride': 4}
# Pillow refuses a truncated JPEG; OpenCV would paint the rest grey.
LOAD = [dict(type='LoadImageFromFile', imdecode_backend='pillow')]


class LoadedImages(ImagePipeline):
    """A data set whose items are whole images.

    Args:
        dataset: An MMSeg data set without a pipeline.
        stems: The images' names, in its order.
    """

    def __init__(self, dataset, stems: Sequence[str]) -> None:
        super().__init__(dataset, stems, LOAD)

    def finish(self, stem: str, results: dict | None) -> np.ndarray:
        """Return the image (3, H, W), uint8, RGB."""
        image = results['img'][..., ::-1].transpose(2, 0, 1)
        return np.ascontiguousarray(image)


def build_extractor(config: dict | None) -> FeatureExtractor:
    """Build the extractor of a config.

    Args:
        config: Its setting ``feature_extractor``.

    Returns:
        FeatureExtractor: On the CPU.

    Raises:
        ValueError: If there is none, it is something else, or its weights
            are not finite.
        OSError, ImportError: If it lacks a file or a package.
    """
    if not config or 'type' not in config:
        raise ValueError(
            'the config has no feature_extractor: add one, as '
            "feature_extractor=dict(type='mmseg_wsss.ColourTextureFeatures')"
        )
    try:
        extractor = MODELS.build(config)
    except (KeyError, TypeError) as error:
        raise ValueError(f'feature_extractor: {error}') from error
    if not isinstance(extractor, FeatureExtractor):
        raise ValueError(
            f'feature_extractor: {config["type"]} is no FeatureExtractor; a '
            'backbone goes into '
            "dict(type='mmseg_wsss.BackboneFeatures', backbone=dict(...))"
        )
    weights = extractor.state_dict()
    broken = [k for k, x in weights.items() if not torch.isfinite(x).all()]
    if broken:
        raise ValueError(
            f'feature_extractor: {len(broken)} tensors of its checkpoint hold '
            f'NaN or infinite values{example(broken)}: take another one'
        )
    return extractor


def extraction_settings(config: dict | None) -> dict:
    """Complete the setting ``feature_extraction`` of a config.

    Args:
        config: ``scales``, ``flip`` and ``stride``, see
            :func:`dense_features`; defaults complete it.

    Returns:
        dict: All three.

    Raises:
        ValueError: If there is another key, or a value out of range.
    """
    given = dict(config or {})
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise ValueError(
            f'feature_extraction has no setting {", ".join(unknown)}: it '
            f'takes {", ".join(DEFAULTS)}'
        )
    settings = {**DEFAULTS, **given}
    check_settings(settings['scales'], settings['stride'])
    return settings


def extract_features(
    extractor: FeatureExtractor,
    images: LoadedImages,
    todo: Sequence[int],
    folder: Path,
    settings: dict,
    device: str = 'cpu',
    amp: bool = False,
    num_workers: int = 0,
) -> dict[str, str]:
    """Write the images' features, distributed over the ranks.

    Images are loaded in the worker processes; the network runs in this one.

    Args:
        extractor: The network.
        images: The images.
        todo: Positions of the images to do, the same on all ranks.
        folder: Where ``<stem>.npy`` goes.
        settings: See :func:`extraction_settings`.
        device: Where the network runs.
        amp: Compute in half precision: float16, on a CPU bfloat16.
        num_workers: Worker processes of each rank; 0 loads in this process.

    Returns:
        dict[str, str]: The errors of all ranks by image name.

    Raises:
        OSError: If a file cannot be written.
    """
    extractor = extractor.to(device)
    kind = torch.device(device).type
    half = torch.autocast(
        kind, torch.bfloat16 if kind == 'cpu' else torch.float16, enabled=amp
    )

    def extract(image: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(image)[None].to(device).float() / 255
        with half:
            features = dense_features(extractor, pixels, **settings)
        return features[0].float().cpu().numpy()

    def outcomes() -> Iterator[Outcome]:
        threads = torch.get_num_threads()
        for outcome in run_images(images, rank_share(todo), num_workers):
            # run_images sets one thread, for the pipeline.
            torch.set_num_threads(threads)
            error = outcome.error
            if error is None:
                error = _write(folder, outcome, extract)
            yield Outcome(outcome.stem, error)

    try:
        return gather_errors(outcomes())
    except OSError as error:
        raise OSError(f'cannot write to {folder}: {error}') from error


def _write(folder: Path, outcome: Outcome, extract) -> str | None:
    """Extract and write an image's features; return the error."""
    try:
        features = extract(outcome.value)
        save_features(folder / f'{outcome.stem}.npy', features)
    except ValueError as error:
        return str(error)
    except OSError:  # such as a full disk: not the image's fault
        raise
    except Exception:  # no error may stop the other images
        return traceback.format_exc()
    return None
