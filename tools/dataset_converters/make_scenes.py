"""Draw the built-in synthetic data set "scenes", in the layout of VOC.

Takes a few seconds. The same options give the same pictures.
"""

import argparse
from pathlib import Path

from _converters import Progress, run

EXAMPLES = (
    ('boat',), ('car',), ('cat',), ('dog',), ('person',), ('train',),
    ('boat', 'person'), ('car', 'person'), ('cat', 'person'),
    ('dog', 'person'), ('dog',), ('car', 'train'),
)  # fmt: skip
"""Class sets of the pictures on the contact sheet."""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--out',
        default='data/scenes',
        help='folder to make (default: %(default)s)',
    )
    parser.add_argument(
        '--train',
        type=int,
        default=600,
        help='number of pictures to train on (default: %(default)s)',
    )
    parser.add_argument(
        '--val',
        type=int,
        default=150,
        help='number of pictures to evaluate on (default: %(default)s)',
    )
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=(128, 160),
        metavar=('MIN', 'MAX'),
        help='smallest and largest side in pixels, multiples of 8 '
        '(default: 128 160)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed (default: %(default)s)'
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace another set of scenes in the folder',
    )
    parser.add_argument(
        '--contact-sheet',
        metavar='FILE',
        help='only draw examples and their masks into this PNG, no data set',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.contact_sheet:
        draw_contact_sheet(args)
        return

    from mmseg_wsss.datasets.scenes.generator import write_scenes

    progress = Progress(args.train + args.val, every=2.0)
    written = write_scenes(
        args.out,
        args.train,
        args.val,
        args.size,
        args.seed,
        args.overwrite,
        progress.step,
    )
    if not written:
        print(f'{args.out} holds this very set already; nothing to do')
        return
    print(
        f'wrote {args.train} + {args.val} scenes to {args.out}; the classes '
        f'of every image are in {Path(args.out) / "image_labels.json"}'
    )


def draw_contact_sheet(args: argparse.Namespace) -> None:
    """Show the first pictures of the training set with given classes."""
    from mmseg_wsss.datasets.scenes.generator import draw_scene
    from mmseg_wsss.datasets.scenes.plan import PALETTE, plan_scene
    from mmseg_wsss.io.atomic import atomic_write
    from mmseg_wsss.visualization.contact_sheet import colorize, contact_sheet

    found = {}
    missing = list(EXAMPLES)
    for index in range(10000):
        plan = plan_scene(args.seed, 'train', index, args.size)
        if plan.classes in missing:
            missing.remove(plan.classes)
            scene = draw_scene(args.seed, 'train', index, args.size)
            found.setdefault(plan.classes, []).append(scene)
        if not missing:
            break
    scenes = [found[classes].pop(0) for classes in EXAMPLES]
    rows = []
    for start in range(0, len(scenes), 6):
        part = scenes[start : start + 6]
        rows.append([scene.image for scene in part])
        rows.append([colorize(scene.mask, PALETTE) for scene in part])
    with atomic_write(args.contact_sheet) as file:
        sheet = contact_sheet(rows).quantize(256, kmeans=1)
        sheet.save(file, format='PNG', optimize=True)
    print(f'wrote {args.contact_sheet}')


if __name__ == '__main__':
    run(main)
