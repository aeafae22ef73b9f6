"""How MARS's labels depend on K_bg, alpha and the kind of distance.

    python benchmarks/mars_sensitivity.py scenes --seeds 0 1 2

After mars_ablation.py, whose work dir has the features, and on the same
pseudo labels. Debiased without a refiner, at the config's threshold. Figures
are those of the training images' labels, biased pixels counted as not
predicted, and the share of target centroids among the selected.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS
from refinements import step_of
from runs import ROOT, merge_seeds, table

from mmseg_wsss import MARSDebias, RegionCentroids
from mmseg_wsss.compat import load_config
from mmseg_wsss.evaluation.areas import area_counts, area_rates
from mmseg_wsss.evaluation.centroid_targets import (
    cluster_ious,
    mean_share,
    target_shares,
)
from mmseg_wsss.io.centroids import DebiasedCentroids, save_centroids
from mmseg_wsss.io.class_ids import original_class_ids
from mmseg_wsss.io.labels import label_reader
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.pseudo_labels import select_debiased

COLUMNS = {'mIoU': 'mIoU', 'FP': 'FP', 'FN': 'FN', 'target': 'target %'}
# Options of RegionCentroids, and of the selection.
VARIANTS = {
    **{f'K_bg {k}': (dict(background=k), {}) for k in range(1, 6)},
    **{f'alpha 0.{k}': ({}, dict(alpha=k / 10)) for k in range(1, 10)},
    'nearest': ({}, dict(distance='nearest')),
}


class Images:
    """The records of a data set's images, loaded once."""

    def __init__(self, data: str, labels: Path, features: Path):
        config = f'configs/mars/debias_{data}.py'
        cfg = load_config(ROOT / config)
        steps = cfg.centroid_pipeline
        found = step_of(config, 'centroid_pipeline', 'LoadPseudoLabel')
        steps[found].label_dir = str(labels)
        found = step_of(config, 'centroid_pipeline', 'LoadFeatures')
        steps[found].feature_dir = str(features)
        self.threshold = cfg.debias_pipeline[-1].threshold
        self.dataset, _, _ = build_test_images(cfg)
        load = Compose([TRANSFORMS.build(step) for step in steps[:-1]])
        read = label_reader(self.dataset)
        self.records, self.masks = [], []
        for index in range(len(self.dataset)):
            info = self.dataset.get_data_info(index)
            self.masks.append(read(info.pop('seg_map_path')))
            record = load(info)
            record.pop('feature_origin')
            self.records.append(record)

    def cluster(self, **options) -> tuple[list, np.ndarray, np.ndarray]:
        """Cluster all images: parts, and classes and IoUs of foreground."""
        step, parts, ious = RegionCentroids(**options), [], []
        for record, mask in zip(self.records, self.masks, strict=True):
            found = step(dict(record))
            classes = found['centroid_classes']
            parts.append((torch.from_numpy(found['centroids']), classes))
            ious.append(cluster_ious(found['centroid_cells'], classes, mask))
        classes = np.concatenate([k for _, k in parts])
        front = classes != 0
        parts = [(c, torch.from_numpy(k)) for c, k in parts]
        return parts, classes[front], np.concatenate(ious)[front]

    def debias(self, centroids: Path) -> dict[str, float]:
        """Debias all labels; their figures."""
        step = MARSDebias(centroids, 'none', threshold=self.threshold)
        count = len(self.dataset.metainfo['classes'])
        areas = np.zeros((count, 3), np.int64)
        for record, mask in zip(self.records, self.masks, strict=True):
            label = step(dict(record))['pseudo_label']
            areas += area_counts(label, mask, count)
        rates = [float(rate.mean()) for rate in area_rates(areas)]
        return dict(zip(('mIoU', 'FP', 'FN'), rates, strict=True))


def run(images: Images) -> dict[str, dict]:
    """Figures of all variants."""
    clusters, results = {}, {}
    ids = np.array(original_class_ids(images.dataset.metainfo))
    for name, (clustering, choice) in VARIANTS.items():
        key = str(clustering)
        if key not in clusters:
            clusters[key] = images.cluster(**clustering)
        parts, classes, ious = clusters[key]
        selection = select_debiased(lambda parts=parts: parts, **choice)
        kept = np.array([len(rows) for rows in selection.chosen])
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / 'centroids.npz'
            save_centroids(
                file,
                DebiasedCentroids(
                    ids[selection.classes.numpy()],
                    selection.centroids.numpy(),
                    selection.found.numpy(),
                    kept,
                ),
            )
            results[name] = images.debias(file)
        shares = target_shares(selection, classes, ious)
        results[name]['target'] = mean_share([row[2] for row in shares])
        print(f'{name}: {results[name]}', file=sys.stderr)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', choices=['scenes', 'voc-mini'])
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--work-dir', default='work_dirs/mars_ablation')
    parser.add_argument('--seed-dir', default='work_dirs/refine_ablation')
    args = parser.parse_args()
    torch.set_num_threads(1)
    root = Path(args.work_dir) / args.data
    for seed in args.seeds:
        labels = Path(args.seed_dir) / args.data / f'seed_{seed}'
        images = Images(
            args.data,
            (labels / 'DenseCRF' / 'labels').resolve(),
            (root / 'extracted' / 'features').resolve(),
        )
        file = root / 'sensitivity.json'
        results = merge_seeds(file, [seed], [run(images)])
    print(table(results, COLUMNS))


if __name__ == '__main__':
    main()
