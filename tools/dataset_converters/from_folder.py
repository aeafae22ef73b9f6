r"""Check a folder of photos, and write a data set and a pipeline for them.

    python tools/dataset_converters/from_folder.py PHOTOS --out DIR
    python tools/dataset_converters/from_folder.py PHOTOS \
        --labels labels.csv --out DIR

Without --labels PHOTOS has one sub-folder per class, and a photo that lies
in several of them, by its content, has several labels. Photos of a folder
background, or with an empty cell in the table, have no class: one class is
enough if there are some. The tool reports
warnings and what must be fixed; then DIR gets links
to the photos (converted copies where networks cannot take them as they are:
too large, turned by EXIF, transparent, CMYK, ...), the image labels, the
lists of training photos and of those set aside, and configs. The last line
is the command that trains on them. The photos themselves are never changed.
"""

import argparse
import os
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _converters import Progress, import_package, run

TOOLS = Path(__file__).resolve().parents[1]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('photos', help='folder of photos')
    parser.add_argument(
        '--labels',
        metavar='FILE',
        help='table (.csv, .tsv, .txt) or JSON with the classes of each photo,'
        '\nnone for photos of background alone (also COCO instances, or a'
        '\nfolder of VOC XML)',
    )
    parser.add_argument('--out', required=True, help='folder to write')
    parser.add_argument(
        '--name', help="of the pipeline's results (default: that of --out)"
    )
    parser.add_argument(
        '--classes',
        nargs='+',
        metavar='NAME',
        help='all classes in the order that masks have (default: that of a '
        "\ntable's columns, else of the alphabet)",
    )
    parser.add_argument(
        '--masks',
        metavar='DIR',
        help='<photo>.png with class indices, for the evaluation only, for '
        '\nwhich some photos are enough; use.full trains on them too',
    )
    parser.add_argument(
        '--val-share',
        type=float,
        default=0.2,
        help='share of the photos to set aside for evaluation; 0 evaluates '
        '\non those trained on (default: %(default)s)',
    )
    parser.add_argument('--seed', type=int, default=0, help='of all draws')
    parser.add_argument(
        '--network',
        choices=['lite0', 'lite2', 'mobilenetv2', 'r50'],
        default='lite0',
        help='EfficientNet-lite0 or lite2, MobileNetV2, or ResNet-50, which '
        '\nwants a GPU (default: %(default)s)',
    )
    parser.add_argument(
        '--weights',
        metavar='FILE',
        help="what the network starts from: a file, or 'none' (default: "
        "\nImageNet's, of a package for lite0 and lite2, a download for the "
        '\nothers)',
    )
    parser.add_argument(
        '--seeds',
        choices=['cam', 'clip'],
        default='cam',
        help='where the first labels come from: a CAM network that is trained '
        '\non the photos, or a frozen CLIP that knows the names of the '
        '\nclasses (default: %(default)s)',
    )
    parser.add_argument(
        '--max-side',
        type=int,
        default=640,
        help='photos with a longer side get a smaller copy, 0 for none '
        '\n(default: %(default)s)',
    )
    parser.add_argument(
        '--copy', action='store_true', help='copy photos, do not link to them'
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace what an earlier run wrote; it is moved to OUT/old',
    )
    return parser.parse_args()


def check_args(args: argparse.Namespace) -> None:
    """Check the options before photos are read."""
    import_package()
    from mmseg_wsss.workflow.own_data.files import check_folder
    from mmseg_wsss.workflow.own_data.names import is_utf8

    root, out = Path(args.photos).resolve(), Path(args.out).resolve()
    if not root.is_dir():
        raise ValueError(f'there is no folder {args.photos}')
    check_folder(Path(args.out), args.overwrite)
    # Configs hold the path as text, in which MMEngine turns \ into /.
    awkward = '"\n\r' if os.sep == '\\' else '"\n\r\\'
    wrong = [char for char in str(out) if char in awkward]
    if wrong:
        raise ValueError(
            f'--out {str(out)!r} has the character {wrong[0]!r}, with which '
            'configs cannot name their folder: choose another folder'
        )
    if not is_utf8(str(out)):
        raise ValueError(
            f'--out {str(out)!r} is not UTF-8, so that configs cannot name '
            'it: choose another folder'
        )
    if args.labels and not Path(args.labels).exists():
        raise ValueError(f'--labels: there is no file {args.labels}')
    inside = {'--out': out}
    if args.masks:
        inside['--masks'] = Path(args.masks).resolve()
        if not inside['--masks'].is_dir():
            raise ValueError(f'there is no folder {args.masks}')
    for option, folder in inside.items():
        if folder.is_relative_to(root):
            raise ValueError(
                f'{option} {folder} lies among the photos, in {root}, and '
                'would be taken for photos: move it elsewhere'
            )
    if not 0 <= args.val_share < 1:
        raise ValueError(f'--val-share is in [0, 1), got {args.val_share}')
    if args.max_side and args.max_side < 32:
        raise ValueError(
            f'--max-side is 0, or 32 and more, got {args.max_side}'
        )
    if not 0 <= args.seed < 2**32:
        raise ValueError(f'--seed is in [0, 2^32), got {args.seed}')
    args.name = args.name or re.sub(r'[^\w-]', '_', out.name)
    if not re.fullmatch(r'[\w-]+', args.name):
        raise ValueError(
            f'--name is made of letters, digits, _ and -, got {args.name!r}'
        )


def in_parallel(function, items: list) -> list:
    """Call a function on all items, in threads, and print the progress."""
    progress, results = Progress(len(items)), []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        try:
            for result in pool.map(function, items):
                results.append(result)
                progress.step()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


def command(args: argparse.Namespace) -> str:
    """Return the command that trains."""
    tool = TOOLS / 'run_pipeline.py'
    file = 'clip_pipeline.py' if args.seeds == 'clip' else 'pipeline.py'
    if tool.is_relative_to(Path.cwd()):
        tool = tool.relative_to(Path.cwd())
    return shlex.join(['python', str(tool), str(Path(args.out) / file)])


def name_notes(name: str, out: Path) -> list[str]:
    """Return a note if another data set has results of this name."""
    from mmseg_wsss.workflow.pipeline import other_data_set

    work_dir = Path('work_dirs') / name
    other = other_data_set(work_dir, [str(out)])
    if not other:
        return []
    return [
        f'Warning: {work_dir} has the results of another data set, {other}; '
        'a training on this one would move them to its old/. To keep both, '
        'run this tool again with another --name'
    ]


def check(args: argparse.Namespace) -> tuple:
    """Check photos, labels and masks, and print the report.

    Returns:
        tuple: Information on the photos, their labels, the masks, and the
        lines of the report.

    Raises:
        ValueError: If something must be fixed first.
    """
    from mmseg_wsss.workflow.own_data.advice import label_matrix
    from mmseg_wsss.workflow.own_data.files import check_sources
    from mmseg_wsss.workflow.own_data.labels import read_labels
    from mmseg_wsss.workflow.own_data.masks import find_masks
    from mmseg_wsss.workflow.own_data.photos import inspect_photos
    from mmseg_wsss.workflow.own_data.report import (
        label_lines,
        photo_lines,
        warning_lines,
        wrapped,
    )

    root = Path(args.photos)
    infos, others = inspect_photos(
        root, args.max_side, args.network, in_parallel
    )
    check_sources(Path(args.out), infos)
    label_file = args.labels and Path(args.labels)
    found = read_labels(root, infos, label_file, args.classes)
    labels = label_matrix(found.labels, found.classes)
    report = [
        *photo_lines(root, infos, others),
        *found.notes,
        *label_lines(found.classes, labels),
    ]
    masks, problems = {}, found.problems
    if not problems:
        report += warning_lines(found.classes, labels)
    if args.masks and not problems:
        masks, notes, problems = find_masks(
            Path(args.masks),
            found.photos,
            infos,
            found.labels,
            ('background', *found.classes),
        )
        report += ['', f'{len(masks)} photos have a mask', *notes]
    print(wrapped(report), flush=True)
    if len(problems) == 1:
        raise ValueError(f'nothing was written: {problems[0]}')
    if problems:
        numbered = [f'({n}) {text}' for n, text in enumerate(problems, 1)]
        raise ValueError(
            f'nothing was written, fix first: {" ".join(numbered)}'
        )
    return infos, found, masks, report


def main() -> None:
    args = parse_args()
    check_args(args)

    from mmseg_wsss.workflow.own_data.configs import config_texts
    from mmseg_wsss.workflow.own_data.dataset import write_dataset
    from mmseg_wsss.workflow.own_data.files import archive_path, atomic_folder
    from mmseg_wsss.workflow.own_data.masks import evaluation_notes
    from mmseg_wsss.workflow.own_data.photos import usual_side
    from mmseg_wsss.workflow.own_data.report import training_lines, wrapped
    from mmseg_wsss.workflow.own_data.settings import check_clip
    from mmseg_wsss.workflow.own_data.split import split_lists
    from mmseg_wsss.workflow.own_data.weights import starting_weights

    clip = args.seeds == 'clip'
    weights, prefix = starting_weights(args.network, args.weights)
    if clip:
        check_clip()
    infos, found, masks, report = check(args)
    with_mask = None
    if args.masks:
        without = (stem for stem, names in found.labels.items() if not names)
        with_mask = {*masks, *without}
    lists = split_lists(found.labels, args.val_share, args.seed, with_mask)
    long_side = usual_side(infos.values(), args.max_side)
    configs = config_texts(
        name=args.name,
        classes=('background', *found.classes),
        train_photos=len(lists[0]),
        network=args.network,
        weights=weights,
        has_masks=bool(masks),
        long_side=long_side,
        max_side=args.max_side,
        seed=args.seed,
        weights_prefix=prefix,
    )
    out, placing = Path(args.out), (args.max_side, args.copy, in_parallel)
    old = archive_path(out)
    with atomic_folder(out, args.overwrite, vars(args), old) as part:
        written = part / 'masks'
        done = write_dataset(
            part, found, infos, masks, lists, configs, *placing
        )
        closing = [
            '',
            f'Wrote {out}: {", ".join(done)}',
            *([f'What was there before is in {old}'] if old else []),
            *name_notes(f'{args.name}_clip' if clip else args.name, out),
            *training_lines(
                *(out, args.network, weights, lists, long_side, bool(masks)),
                trains_cams=not clip,
            ),
            *evaluation_notes(
                [p for s in lists[1] if (p := written / f'{s}.png').is_file()],
                ('background', *found.classes),
            ),
            'Train with:',
            f'  {command(args)}',
        ]
        text = wrapped(report + closing)
        (part / 'report.txt').write_text(f'{text}\n', encoding='utf-8')
    print(wrapped(closing), flush=True)


if __name__ == '__main__':
    run(main)
