"""Why SIPE and MCTformer lose to the plain CAM network on small data.

    python benchmarks/baselines.py scenes --seeds 0 1 2 \
        --only sipe mctformer mctformer-further csd-mctformer
    python benchmarks/baseline_causes.py scenes --seeds 0 1 2
    python benchmarks/baseline_causes.py voc-mini --only sipe mctformer

Of the networks that baselines.py has trained, on the training images at one
scale: how many have no seed of SIPE's background, and mIoU of its object maps
against a constant background, the best of nineteen; by how much MCTformer's
maps vary over the patches (standard deviation by mean of the present classes,
the median), and mIoU of its patch map without attention. Maps are divided by
their maximum and keep to the image labels.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from baselines import TRAINED, config_of
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, load_checkpoint
from mmseg.evaluation import IoUMetric
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from runs import ROOT, merge_results, newest_checkpoint
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmseg_wsss.compat import load_config
from mmseg_wsss.pseudo_labels.structure_seeds import (
    initial_scores,
    prototype_maps,
    structure_seeds,
)


def trained(
    data: str, row: str, folder: Path, seed: int
) -> tuple[nn.Module, torch.utils.data.DataLoader]:
    """Load a network of baselines.py and its training images."""
    cfg = load_config(ROOT / config_of(TRAINED[row][0], data))
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).eval()
    checkpoint = newest_checkpoint(folder / row / f'seed_{seed}')
    load_checkpoint(model, str(checkpoint), map_location='cpu')
    return model, Runner.build_dataloader(cfg.test_dataloader, seed=0)


@torch.no_grad()
def outputs(
    model: nn.Module, loader: torch.utils.data.DataLoader
) -> Iterator[tuple[tuple, SegDataSample]]:
    """Yield what the head computes of each image, and its labels."""
    for batch in loader:
        data = model.data_preprocessor(batch, False)
        yield (
            model.decode_head(model.extract_feat(data['inputs'])),
            data['data_samples'][0],
        )


class Score:
    """mIoU of maps against constant backgrounds."""

    backgrounds = torch.arange(0.05, 1, 0.05)

    def __init__(self, num_classes: int):
        self.num_classes = num_classes
        self.areas = torch.zeros(len(self.backgrounds), 2, num_classes)

    def add(self, maps: Tensor, sample: SegDataSample) -> None:
        """Add the maps (K, h, w) >= 0 of an image."""
        truth = sample.gt_sem_seg.data[0]
        maps = maps / maps.amax((1, 2), keepdim=True).clamp(min=1e-5)
        maps = maps * sample.image_labels[1:, None, None]
        maps = interpolate(maps[None], truth.shape, mode='bilinear')[0]
        best, winner = maps.max(0)
        for areas, background in zip(
            self.areas, self.backgrounds, strict=True
        ):
            label = torch.where(best > background, winner + 1, 0)
            both, either, *_ = IoUMetric.intersect_and_union(
                label, truth, self.num_classes, 255
            )
            areas += torch.stack([both, either])

    def best(self) -> dict[str, float]:
        """Return the best mean over the classes, %, and its background."""
        miou = 100 * (self.areas[:, 0] / self.areas[:, 1]).mean(1)
        k = miou.argmax()
        return {
            'mIoU': round(miou[k].item(), 2),
            'background': round(self.backgrounds[k].item(), 2),
        }


def sipe(
    model: nn.Module, loader: torch.utils.data.DataLoader
) -> dict[str, float]:
    """Return the share without a background seed, and the objects' score."""
    score = Score(model.decode_head.num_classes)
    empty = []
    for maps, sample in outputs(model, loader):
        seeds = structure_seeds(initial_scores(maps.cam), maps.side_features)
        empty.append(not seeds[:, 0].any())
        score.add(prototype_maps(maps.side_features, seeds)[0, 1:], sample)
    share = 100 * sum(empty) / len(empty)
    return {'without background seed, %': round(share, 1), **score.best()}


def mctformer(
    model: nn.Module, loader: torch.utils.data.DataLoader
) -> dict[str, float]:
    """Return how both maps vary, and the score of the patch map."""
    score = Score(model.decode_head.num_classes)
    spread: dict[str, list[Tensor]] = {'fused': [], 'cam': []}
    for maps, sample in outputs(model, loader):
        present = sample.image_labels[1:] > 0
        for name, values in spread.items():
            found = getattr(maps, name)[0, present].relu().flatten(1)
            values.append(found.std(1) / found.mean(1).clamp(min=1e-5))
        score.add(maps.cam[0].relu(), sample)
    fused, patches = (
        round(torch.cat(values).median().item(), 2)
        for values in spread.values()
    )
    varies = {'fused map varies by': fused, 'patch map varies by': patches}
    return {**varies, **score.best()}


CAUSES = {
    'sipe': sipe,
    **dict.fromkeys(
        ('mctformer', 'mctformer-further', 'csd-mctformer'), mctformer
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', choices=['scenes', 'voc-mini'])
    parser.add_argument('--seeds', nargs='+', type=int, default=[0])
    parser.add_argument('--only', nargs='+', choices=CAUSES)
    parser.add_argument('--work-dir', default='work_dirs/baselines')
    args = parser.parse_args()
    folder = Path(args.work_dir).resolve() / args.data
    found = {
        row: {
            str(seed): CAUSES[row](*trained(args.data, row, folder, seed))
            for seed in args.seeds
        }
        for row in args.only or CAUSES
    }
    print(json.dumps(merge_results(folder / 'causes.json', found), indent=1))


if __name__ == '__main__':
    main()
