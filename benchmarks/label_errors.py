"""Wrong image labels that are found, and what correcting them gives.

    python benchmarks/label_errors.py scenes --seeds 0 1
    python benchmarks/label_errors.py voc-mini --seeds 0 1 --by pretrained

For every seed one label in twenty of the training images becomes wrong, in an
image of its own: half of them are classes that are not there, half are left
out of images with several classes. Images are ranked by their most doubted
label; precision is the share of images with a wrong label among the first 50,
beside that of a random order. Scores are

    pretrained  of a linear classifier over the other images, on the features
                that the network starts from (voc-mini; as own photos with
                weights)
    trained     the same on features of the network trained on the wrong labels
                (as the scenes pipeline)
    own         of that network itself, which has seen the labels
    folds       of networks that were trained on two thirds of the images,
                for the others

--correct also trains on the right labels, on the wrong ones, and on those in
which the first 50 images were looked at and corrected: mIoU of the CAMs on the
validation images. What is finished is kept in the work dir.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from runs import merge_seeds, newest_checkpoint, table, train

from mmseg_wsss.compat import find_steps, load_config
from mmseg_wsss.datasets import save_image_labels
from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.jobs.classifier_features import classifier_backbone
from mmseg_wsss.jobs.image_embeddings import PackedImages, pooled_features
from mmseg_wsss.jobs.label_errors import LabelledImages
from mmseg_wsss.pseudo_labels.label_errors import (
    LabelDoubts,
    doubts_by_scores,
    label_doubts,
)

SHARE, FIRST, FOLDS = 0.05, 50, 3
WAYS = ('pretrained', 'trained', 'own', 'folds')
FOUND = {
    'precision': f'of the first {FIRST}, %',
    'random': 'random order, %',
    'added': 'added',
    'removed': 'left out',
    'wrong': 'wrong in all',
}


def corrupt(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return wrong labels; and 1 (added), -1 (left out) or 0 by image."""
    rng = np.random.default_rng(seed)
    wrong, change = labels.copy(), np.zeros(len(labels), dtype=int)
    count = round(SHARE * labels.sum())
    several = rng.permutation(np.flatnonzero(labels.sum(1) > 1))
    for i in several[: count // 2]:
        wrong[i, rng.choice(np.flatnonzero(labels[i]))] = False
        change[i] = -1
    others = np.flatnonzero((change == 0) & ~labels.all(1))
    for i in rng.permutation(others)[: count - (change != 0).sum()]:
        wrong[i, rng.choice(np.flatnonzero(~labels[i]))] = True
        change[i] = 1
    return wrong, change


def first_images(found: LabelDoubts) -> np.ndarray:
    """Return the images with the most doubted labels, the worst first."""
    return np.argsort(-found.doubts.max(1), kind='stable')[:FIRST]


def write_config(
    cfg: Config,
    file: Path,
    images: LabelledImages,
    labels: np.ndarray,
    kept: np.ndarray | None = None,
) -> str:
    """Write a config with other labels, to train on all images or on some."""
    path = file.with_suffix('.json')
    names = np.array(images.classes)
    rows = zip(images.stems, labels, strict=True)
    save_image_labels(path, {s: names[row].tolist() for s, row in rows})
    content = copy.deepcopy(cfg.to_dict())
    for step in find_steps(content, 'LoadImageLabels'):
        step['ann_file'] = str(path)
    if kept is not None:
        stems = file.with_suffix('.txt')
        with atomic_write(stems) as part:
            part.write_text('\n'.join(images.stems[i] for i in kept))
        content['train_dataloader']['dataset']['ann_file'] = str(stems)
    Config(content, format_python_code=False).dump(file)
    return str(file)


def network_outputs(
    config: str, checkpoint: Path | None
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the features (N, D) and class scores (N, K) of all images."""
    cfg = load_config(config)
    images = LabelledImages(cfg)
    backbone = classifier_backbone(cfg, checkpoint and str(checkpoint))
    preprocessor = MODELS.build(dict(type='mmseg_wsss.PairPreprocessor'))
    packed = PackedImages(images.dataset, images.stems, images.pipeline)
    features, errors = pooled_features(backbone, preprocessor, packed, 1, 1)
    if errors:
        raise SystemExit(f'images that cannot be read: {errors}')
    if checkpoint is None:
        return features.numpy(), np.empty(0)
    weights = torch.load(checkpoint, 'cpu', weights_only=False)['state_dict']
    classifier = weights['decode_head.conv_seg.weight'].flatten(1)
    return features.numpy(), (features @ classifier.T).numpy()


class Run:
    """The networks and rankings of a seed, kept in a folder."""

    def __init__(self, data: str, folder: Path, seed: int) -> None:
        config = f'configs/cam/cam_mobilenetv2_{data}.py'
        self.cfg, self.folder, self.seed = load_config(config), folder, seed
        self.images = LabelledImages(copy.deepcopy(self.cfg))
        self.wrong, self.change = corrupt(self.images.labels, seed)

    def train(
        self, name: str, labels: np.ndarray, kept: np.ndarray | None = None
    ) -> tuple[str, Path, float]:
        """Train on labels; return config, checkpoint and mIoU."""
        work_dir = self.folder / name
        config = write_config(
            self.cfg, self.folder / f'{name}.py', self.images, labels, kept
        )
        miou = train(config, work_dir, self.seed, ['mIoU'])['mIoU']
        return config, newest_checkpoint(work_dir), miou

    def rank(self, ways: list[str]) -> Iterator[tuple[str, LabelDoubts]]:
        """Yield the doubts of each way."""
        if 'pretrained' in ways:
            config = write_config(
                self.cfg, self.folder / 'start.py', self.images, self.wrong
            )
            features, _ = network_outputs(config, None)
            yield 'pretrained', label_doubts(features, self.wrong)
        if {'trained', 'own'} & set(ways):
            outputs = network_outputs(*self.train('wrong', self.wrong)[:2])
            yield 'trained', label_doubts(outputs[0], self.wrong)
            yield 'own', doubts_by_scores(outputs[1], self.wrong)
        if 'folds' in ways:
            yield 'folds', doubts_by_scores(self.fold_scores(), self.wrong)

    def fold_scores(self) -> np.ndarray:
        """Score each image by the network that was trained without it."""
        rng = np.random.default_rng(self.seed)
        fold = rng.permutation(len(self.wrong)) % FOLDS
        scores = np.empty(self.wrong.shape)
        for k in range(FOLDS):
            config, checkpoint, _ = self.train(
                f'fold_{k}', self.wrong, np.flatnonzero(fold != k)
            )
            outputs = network_outputs(config, checkpoint)[1]
            # Networks differ in how far apart their scores are.
            outputs = (outputs - outputs.mean(0)) / outputs.std(0)
            scores[fold == k] = outputs[fold == k]
        return scores

    def figures(self, found: LabelDoubts) -> dict[str, float]:
        """Count the wrong labels among the first images."""
        change = self.change[first_images(found)]
        return {
            'precision': 100 * float((change != 0).mean()),
            'random': 100 * float((self.change != 0).mean()),
            'added': int((change > 0).sum()),
            'removed': int((change < 0).sum()),
            'wrong': int((self.change != 0).sum()),
        }

    def corrected(self, found: LabelDoubts) -> np.ndarray:
        """Return the labels after a look at the first images."""
        labels, seen = self.wrong.copy(), first_images(found)
        labels[seen] = self.images.labels[seen]
        return labels


def run_seed(args: argparse.Namespace, root: Path, seed: int) -> dict:
    """Rank by all ways, and train on corrected labels; figures by row."""
    run = Run(args.data, root / f'seed_{seed}', seed)
    rows = {}
    for way, found in run.rank(args.by):
        rows[way] = run.figures(found)
        print(f'{way} seed {seed}: {rows[way]}', file=sys.stderr)
        if args.correct and way == args.by[0]:
            for name, labels in (
                ('right', run.images.labels),
                ('wrong', run.wrong),
                (f'corrected_{way}', run.corrected(found)),
            ):
                miou = run.train(name, labels)[2]
                rows[f'{name} labels'.replace('_', ' by ')] = {'mIoU': miou}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('data', choices=['scenes', 'voc-mini'])
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1])
    parser.add_argument(
        '--by', nargs='+', choices=WAYS, help='default: all that there are'
    )
    parser.add_argument('--correct', action='store_true')
    parser.add_argument('--work-dir', default='work_dirs/label_errors')
    args = parser.parse_args()
    start = 1 if args.data == 'scenes' else 0
    args.by = args.by or list(WAYS[start:])
    root = Path(args.work_dir).resolve() / args.data
    runs = (run_seed(args, root, seed) for seed in args.seeds)
    results = merge_seeds(root / 'results.json', args.seeds, runs)
    print(table({k: results[k] for k in WAYS if k in results}, FOUND, 1))
    trained = {k: v for k, v in results.items() if k not in WAYS}
    if trained:
        print('\n' + table(trained, {'mIoU': 'mIoU'}))


if __name__ == '__main__':
    main()
