"""Measure how many debiased centroids lie on objects (MARS).

    python tools/analysis_tools/eval_centroids.py configs/mars/CONFIG.py

Runs the config's centroid_pipeline on the images of its test_dataloader,
selects with its selection, and compares each cluster with the mask of its
class: IoU above 0.3 is a target centroid, below 0.1 a biased one, others do
not count (MARS, Sec. 4.3, which finds more than 85 % target among the selected
for every class of VOC). The masks serve this comparison only.
"""

import argparse
import json
from pathlib import Path

from mmseg_wsss.evaluation.centroid_targets import (
    cluster_ious,
    mean_share,
    target_shares,
)
from mmseg_wsss.io.atomic import atomic_write
from mmseg_wsss.io.labels import label_reader
from mmseg_wsss.jobs.centroid_selection import selection_options
from mmseg_wsss.jobs.clustering import background_of
from mmseg_wsss.jobs.command_line import (
    config_parser,
    exit_on_error,
    read_config,
)
from mmseg_wsss.jobs.image_loop import run_images
from mmseg_wsss.jobs.image_pipeline import ImagePipeline
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.jobs.tool_setup import read_pipeline
from mmseg_wsss.pseudo_labels.mars_selection import select_debiased

import numpy as np
import torch


class ComparedClusters(ImagePipeline):
    """Items: an image's centroids, their classes and their IoU."""

    def __init__(self, dataset, stems: list[str], pipeline: list[dict]):
        super().__init__(dataset, stems, pipeline)
        self.read = label_reader(dataset)
        infos = map(dataset.get_data_info, range(len(dataset)))
        masks = [info.get('seg_map_path') or '' for info in infos]
        missing = [mask for mask in masks if not Path(mask).is_file()]
        if missing:
            raise ValueError(
                f'there is no mask {missing[0] or "in the data set"}: this '
                "tool compares with ground truth; set test_dataloader's "
                'data_prefix.seg_map_path'
            )
        self.masks = dict(zip(stems, masks, strict=True))

    def finish(self, stem: str, results: dict) -> tuple:
        """Compare an image's clusters with its mask."""
        classes = results['centroid_classes']
        mask = self.read(self.masks[stem])
        ious = cluster_ious(results['centroid_cells'], classes, mask)
        return results['centroids'], classes, ious


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    parser.add_argument('--pipeline', default='centroid_pipeline')
    parser.add_argument('--num-workers', type=int, default=0)
    parser.add_argument('--out', help='also write the figures, a .json')
    return parser.parse_args()


def evaluate(args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Cluster, select and compare; figures by class name."""
    cfg = read_config(args)
    pipeline = read_pipeline(cfg, args.pipeline)
    dataset, stems, _ = build_test_images(cfg)
    images = ComparedClusters(dataset, stems, pipeline)
    shards, ious = [], []
    for outcome in run_images(images, range(len(images)), args.num_workers):
        if outcome.error is not None:
            raise ValueError(f'{outcome.stem}: {outcome.error}')
        centroids, classes, iou = outcome.value
        shards.append((torch.from_numpy(centroids), torch.from_numpy(classes)))
        ious.append(iou)
    background = background_of(pipeline, dataset.metainfo)
    selection = select_debiased(
        lambda: shards,
        background_index=background,
        **selection_options(cfg),
    )
    classes = torch.cat([k for _, k in shards]).numpy()
    front = classes != background
    names = dataset.metainfo['classes']
    rows = target_shares(
        selection, classes[front], np.concatenate(ious)[front]
    )
    figures = {
        names[k]: {'all': everything, 'selected': selected}
        for k, everything, selected in rows
    }
    figures['mean'] = {
        key: mean_share([row[key] for row in figures.values()])
        for key in ('all', 'selected')
    }
    return figures


def main() -> None:
    args = parse_args()
    with exit_on_error():
        figures = evaluate(args)
    print('target centroids, %     all  selected')
    for name, row in figures.items():
        print(f'  {name:<18} {row["all"]:6.1f}    {row["selected"]:6.1f}')
    if args.out:
        with atomic_write(args.out) as part:
            part.write_text(json.dumps(figures, indent=1))


if __name__ == '__main__':
    main()
