r"""Draw MARS's changes to pseudo labels, step by step.

    python tools/analysis_tools/browse_mars.py configs/mars/debias_CONFIG.py \
        --out FILE.png [--segmentor CONFIG CHECKPOINT]

One row per image of the config's test_dataloader: the image, its pseudo label,
the clusters coloured by their distance to the background of all images (red:
far, an object; blue: near, biased), the similarity map, the debiased label,
whose biased pixels are white, and, with a segmentor that ComplementHook
trained, the label that its teacher completes. The ground truth comes last
where there is one. The clusters of
tools/make_centroids.py must lie beside the config's file of centroids.
"""

import argparse
import copy
from pathlib import Path

from mmseg_wsss.compat import find_steps, is_type, load_config
from mmseg_wsss.engine.hooks.complement_hook import STATE
from mmseg_wsss.engine.teacher import Teacher
from mmseg_wsss.io.centroid_shards import load_shards
from mmseg_wsss.io.labels import label_reader
from mmseg_wsss.jobs.clustering import background_of
from mmseg_wsss.jobs.command_line import (
    config_parser,
    exit_on_error,
    read_config,
)
from mmseg_wsss.jobs.test_dataset import build_test_images
from mmseg_wsss.jobs.tool_setup import read_pipeline
from mmseg_wsss.pseudo_labels.mars import background_distance, direction_sum
from mmseg_wsss.pseudo_labels.mars_complement import (
    complement_label,
    teacher_label,
)
from mmseg_wsss.visualization import cam_overlay, label_overlay
from mmseg_wsss.visualization.sheet_tools import (
    add_sheet_arguments,
    choose_stems,
    write_sheet,
)

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import CheckpointLoader
from mmseg.registry import MODELS, TRANSFORMS


def parse_args() -> argparse.Namespace:
    parser = config_parser(__doc__)
    add_sheet_arguments(parser)
    parser.add_argument(
        '--segmentor',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='whose teacher completes the labels',
    )
    return parser.parse_args()


def mean_direction(folder: Path, background: int) -> torch.Tensor:
    """Return the mean direction of all background centroids."""
    total, count = 0.0, 0
    for centroids, classes, _ in load_shards(folder):
        rows = centroids[classes == background]
        total, count = total + direction_sum(rows), count + len(rows)
    if not count:
        raise ValueError(
            f'{folder} holds no background centroid: run '
            'tools/make_centroids.py first'
        )
    return total / count


def load_teacher(config: str, checkpoint: str) -> tuple[Teacher, str]:
    """Load a segmentor's teacher and the name of its refinement."""
    cfg = load_config(config)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    cfg.model.pop('pretrained', None)
    cfg.model.backbone.init_cfg = None
    segmentor = MODELS.build(cfg.model)
    stored = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    if STATE not in stored:
        raise ValueError(
            f'{checkpoint} has no teacher: was it trained with ComplementHook?'
        )
    teacher = Teacher(dict(type='ExponentialMovingAverage'), segmentor)
    teacher.load_state_dict(stored[STATE])
    hooks = find_steps(cfg.get('custom_hooks', []), 'ComplementHook')
    hook = hooks[0] if hooks else {}
    return teacher, hook.get('refine', 'local')


def complete(
    teacher: Teacher, refine: str, image: np.ndarray, label: np.ndarray
) -> np.ndarray:
    """Fill an image's biased pixels, among all classes."""
    picture = torch.from_numpy(image.copy()).permute(2, 0, 1)
    data = teacher.module.data_preprocessor(
        # The preprocessor turns MMSeg's BGR into RGB.
        dict(inputs=[picture.flip(0)]),
        False,
    )
    height, width = label.shape
    # Sizes may have been padded to a multiple.
    probabilities = teacher.probabilities(data['inputs'])
    probabilities = probabilities[:, :, :height, :width]
    best = teacher_label(probabilities, picture[None] / 255, refine)
    filled = complement_label(
        torch.from_numpy(label.astype(np.int64)), best[0]
    )
    return filled.numpy()


class Rows:
    """Draw one row per image.

    Args:
        cfg: Config with centroid_pipeline and debias_pipeline.
        teacher: Completes labels, with its refinement; or None.
    """

    def __init__(self, cfg, teacher: tuple[Teacher, str] | None):
        cluster = read_pipeline(cfg, 'centroid_pipeline')
        debias = read_pipeline(cfg, 'debias_pipeline')
        if not is_type(debias[-1], 'MARSDebias'):
            raise ValueError(
                f'{cfg.filename}: debias_pipeline must end in MARSDebias'
            )
        self.teacher = teacher
        self.dataset, self.stems, _ = build_test_images(cfg)
        self.background = background_of(cluster, self.dataset.metainfo)
        self.cluster = Compose([TRANSFORMS.build(s) for s in cluster])
        self.debias = TRANSFORMS.build(debias[-1])
        folder = Path(debias[-1]['centroids']).parent / 'shards'
        self.direction = mean_direction(folder, self.background)
        self.read = label_reader(self.dataset)

    def draw(self, stem: str) -> list[np.ndarray]:
        """Draw the row of an image."""
        palette = self.dataset.metainfo['palette']
        info = self.dataset.get_data_info(self.stems.index(stem))
        mask = info.pop('seg_map_path', None)
        record = self.cluster(info)
        image = record['img'][..., ::-1]
        before = record['pseudo_label'].copy()
        clusters = self._distances(record)
        record = self.debias(copy.copy(record))
        after = record['pseudo_label']
        similarity = record.get('similarity', np.zeros((1, 1)))
        row = [
            np.ascontiguousarray(image),
            label_overlay(image, before, palette),
            clusters,
            cam_overlay(image, similarity),
            label_overlay(image, after, palette),
        ]
        if self.teacher is not None:
            filled = complete(*self.teacher, image, after)
            row.append(label_overlay(image, filled, palette))
        if mask and Path(mask).is_file():
            row.append(label_overlay(image, self.read(mask), palette))
        return row

    def _distances(self, record: dict) -> np.ndarray:
        """Colour foreground clusters by their distance to the background."""
        centroids = torch.from_numpy(record['centroids'])
        distances = background_distance(centroids, self.direction).numpy()
        front = record['centroid_classes'] != self.background
        cells = record['centroid_cells']
        image = record['img'][..., ::-1]
        heat = np.zeros(cells.shape)
        shown = np.zeros(cells.shape, bool)
        low, high = 0.25, 0.5  # cosines from 0.5 to 0
        for row in np.flatnonzero(front):
            heat[cells == row] = (distances[row] - low) / (high - low)
            shown |= cells == row
        size = image.shape[1], image.shape[0]
        laid = cam_overlay(image, heat.clip(0, 1), 0.7)
        rows = np.arange(size[1]) * cells.shape[0] // size[1]
        columns = np.arange(size[0]) * cells.shape[1] // size[0]
        inside = shown[rows][:, columns][..., None]
        return np.where(inside, laid, image // 2 + 64).astype(np.uint8)


def main() -> None:
    args = parse_args()
    with exit_on_error():
        cfg = read_config(args)
        teacher = load_teacher(*args.segmentor) if args.segmentor else None
        rows = Rows(cfg, teacher)
        stems = choose_stems(args, rows.stems, {})
        pictures = [rows.draw(stem) for stem in stems]
        titles = ['image', 'pseudo label', 'distance', 'similarity']
        titles += ['debiased', *(['completed'] if teacher else [])]
        write_sheet(args.out, pictures, stems, [*titles, 'ground truth'])
    print(f'{len(stems)} images in {args.out}')


if __name__ == '__main__':
    main()
