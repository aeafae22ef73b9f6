r"""Make a folder of photos ready: check them, and write a pipeline's configs.

    python tools/dataset_converters/from_folder.py PHOTOS --out DIR
    python tools/dataset_converters/from_folder.py PHOTOS \
        --labels labels.csv --out DIR

Without --labels PHOTOS has one sub-folder per class, and a photo that lies
in several of them, by its content, has several labels. The tool reports
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
import textwrap
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _converters import Progress, run

TOOLS = Path(__file__).resolve().parents[1]
SHOWN = 10
WIDTH = 79


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('photos', help='folder of photos')
    parser.add_argument(
        '--labels',
        metavar='FILE',
        help='CSV or JSON with the classes of each photo (also COCO instances,'
        '\nor a folder of VOC XML)',
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
        help='<photo>.png with class indices, for the evaluation only; some '
        '\nphotos are enough',
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
        choices=['mobilenetv2', 'r50'],
        default='mobilenetv2',
        help='r50 wants a GPU (default: %(default)s)',
    )
    parser.add_argument(
        '--weights',
        help="what the network starts from: a file, a URL or 'none' "
        '\n(default: none for mobilenetv2, ImageNet for r50)',
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
        help='replace what an earlier run wrote',
    )
    return parser.parse_args()


def check_args(args: argparse.Namespace) -> None:
    """Find what is wrong before photos are read."""
    from mmseg_wsss.workflow.own_data import check_folder

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
    args.name = args.name or re.sub(r'[^\w-]', '_', out.name)
    if not re.fullmatch(r'[\w-]+', args.name):
        raise ValueError(
            f'--name is made of letters, digits, _ and -, got {args.name!r}'
        )


def in_parallel(function, items: list) -> list:
    """Call a function on all items, in threads, and tell how far it is."""
    progress, results = Progress(len(items)), []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for result in pool.map(function, items):
            results.append(result)
            progress.step()
    return results


def read_photos(args: argparse.Namespace) -> tuple[dict, list[str]]:
    """ImageInfo at every photo; returns the looks and lines of the report."""
    from mmseg_wsss.workflow.own_data import (
        find_files,
        inspect_image,
        summarise,
    )

    paths, others = find_files(Path(args.photos))
    if not paths:
        kinds = ', '.join(f'{n} {kind}' for kind, n in others.items())
        inside = sorted(Path(args.photos).iterdir())
        folders = [path.name for path in inside if path.is_dir()]
        raise ValueError(
            f'there is no photo below {args.photos}'
            + (f', whose folders are {summarise(folders)}' if folders else '')
            + (f'; there are {kinds}: convert them to JPEG' if kinds else '')
        )
    looks = in_parallel(lambda path: inspect_image(path, args.max_side), paths)
    looks = dict(zip(paths, looks, strict=True))
    broken = {path: look.error for path, look in looks.items() if look.error}
    lines = [f'{len(paths)} image files in {args.photos}']
    if others:
        kinds = ', '.join(f'{n} {kind}' for kind, n in others.most_common(5))
        lines.append(f'passed over, being no photos that we read: {kinds}')
    if broken:
        lines.append(f'{len(broken)} photos cannot be read, left out:')
        lines += [f'    {p}: {e}' for p, e in list(broken.items())[:SHOWN]]
        lines += ['    ...'] if len(broken) > SHOWN else []
    sizes = [(k.width, k.height) for k in looks.values() if not k.error]
    if sizes:
        small, large = min(sizes, key=max), max(sizes, key=max)
        lines.append(
            f'sizes from {small[0]} x {small[1]} to {large[0]} x {large[1]}'
        )
        tiny = sum(min(size) < 64 for size in sizes)
        if tiny:
            lines.append(f'{tiny} photos have a side below 64 pixels')
    why = Counter(why for look in looks.values() for why in look.reasons)
    if why:
        number = sum(bool(look.reasons) for look in looks.values())
        reasons = ', '.join(f'{n} {what}' for what, n in why.most_common())
        lines.append(f'{number} get a converted copy: {reasons}')
    return looks, lines


def order_classes(found, names: list[str] | None) -> tuple[str, ...]:
    """Bring the classes into the order that was asked for."""
    if names is None:
        return found.classes
    names = [unicodedata.normalize('NFC', name) for name in names]
    names = [name for name in names if name.lower() != 'background']
    if len(set(names)) < len(names) or set(found.classes) - set(names):
        raise ValueError(
            f'--classes names {", ".join(names)}: it must name every class '
            f'once; the labels have {", ".join(found.classes)}'
        )
    return tuple(names)


def study(args: argparse.Namespace, looks: dict):
    """Read the labels; returns the collection, classes, report, problems."""
    from mmseg_wsss.workflow import own_data

    root = Path(args.photos)
    if args.labels:
        found = own_data.from_label_file(root, Path(args.labels), looks)
    else:
        found = own_data.from_class_folders(root, looks)
    classes = order_classes(found, args.classes)
    labels = own_data.label_matrix(found.labels, classes)
    problems = found.problems or own_data.find_errors(classes, labels)
    lines = found.notes
    if len(labels) and classes:
        lines = [
            *lines,
            '',
            f'labelled photos: {len(labels)}, classes: {len(classes)}, '
            f'labels per photo: {labels.sum(1).mean():.2f} '
            '(id 0 is background)',
            *own_data.class_table(classes, labels),
        ]
    if not problems:
        warnings = own_data.find_warnings(classes, labels)
        lines += (
            ['', 'Warnings:', *(f'  {d}' for d in warnings)]
            if warnings
            else []
        )
    return found, classes, lines, problems


def split(args: argparse.Namespace, found, masks: dict):
    """Set photos aside; those with masks if there are any."""
    from mmseg_wsss.workflow.own_data import split_photos

    candidates = set(masks) if args.masks else None
    if not args.val_share:
        everything = sorted(found.labels)
        return everything, sorted(candidates or everything)
    train, val = split_photos(
        found.labels, args.val_share, args.seed, candidates
    )
    if not val or len(train) < 2:
        raise ValueError(
            'too few photos'
            + (' with masks' if args.masks else '')
            + ' to set any aside: some class needs three; add photos, or use '
            'the same for training and evaluation with --val-share 0'
        )
    return train, val


def write(args, looks, found, classes, masks, lists) -> list[str]:
    """Write the data set; returns what was done with the photos."""
    from mmseg_wsss.datasets import save_image_labels, write_split_list
    from mmseg_wsss.datasets.palette import voc_palette
    from mmseg_wsss.io.atomic import atomic_write
    from mmseg_wsss.workflow import own_data

    out = Path(args.out)
    own_data.prepare_folder(out, args.overwrite, vars(args))
    stems = list(found.photos)

    def place(stem: str) -> str:
        source = found.photos[stem]
        look, target = looks[source], out / 'images' / f'{stem}.jpg'
        return own_data.place_photo(
            source, target, look, args.max_side, args.copy
        )

    done = Counter(in_parallel(place, stems))
    palette = voc_palette(len(classes))
    for stem, mask in masks.items():
        own_data.write_mask(
            mask, out / 'masks' / f'{stem}.png', args.max_side, palette
        )
    save_image_labels(out / 'image_labels.json', found.labels)
    for file, names in zip(('train.txt', 'val.txt'), lists, strict=True):
        write_split_list(out / file, names)
    texts = own_data.config_texts(
        name=args.name,
        classes=classes,
        train_photos=len(lists[0]),
        network=args.network,
        weights=own_weights(args),
        has_masks=bool(masks),
        long_side=own_data.usual_side(looks.values(), args.max_side),
        seed=args.seed,
    )
    for file, text in texts.items():
        with atomic_write(out / file) as part:
            part.write_text(text, encoding='utf-8')
    return [f'{n} photos {what}' for what, n in sorted(done.items())]


def own_weights(args: argparse.Namespace) -> str | None:
    """Tell what the backbone starts from."""
    from mmseg_wsss.workflow.own_data import NETWORKS

    if args.weights is None:
        return NETWORKS[args.network].weights
    if args.weights.lower() == 'none':
        return None
    if '://' in args.weights:
        return args.weights
    if not Path(args.weights).is_file():
        raise ValueError(f'--weights: there is no file {args.weights}')
    return str(Path(args.weights).resolve())


def command(args: argparse.Namespace) -> str:
    """Write the command that trains."""
    tool = TOOLS / 'run_pipeline.py'
    if tool.is_relative_to(Path.cwd()):
        tool = tool.relative_to(Path.cwd())
    return shlex.join(['python', str(tool), f'{args.out}/pipeline.py'])


def closing_lines(args, looks, lists, masks) -> list[str]:
    """Say what comes next."""
    from mmseg_wsss.workflow import own_data

    network, photos = own_data.NETWORKS[args.network], len(lists[0])
    batch = own_data.batch_size(photos, network.batch)
    epochs = own_data.epochs_for(photos, batch)
    side = own_data.usual_side(looks.values(), args.max_side)
    size, _ = own_data.working_size(side, network.size)
    lines = [
        f'{photos} photos to train on, {len(lists[1])} for evaluation',
        f'{args.network}: {epochs} epochs of {max(photos // batch, 1)} '
        f'batches of {batch}, photos resized to {size} pixels',
    ]
    if own_weights(args) is None:
        weights, cost = network.imagenet
        lines.append(
            f'The network starts from nothing. ImageNet weights ({cost}) '
            f'usually make results much better: in {args.out}/settings.py set '
            f"weights = '{weights}'"
        )
    else:
        lines.append(f'The network starts from {own_weights(args)}')
    if not masks:
        lines.append(
            'No masks: nothing tells how good the results are but your eyes. '
            'Some dozens, drawn by hand, do: --masks'
        )
    return [*lines, 'Now type:', f'  {command(args)}']


def wrapped(lines: list[str]) -> str:
    """Break long sentences; tables and commands stay as they are."""
    texts = []
    for line in lines:
        start = len(line) - len(line.lstrip())
        indent = start + (10 if re.match('  [A-Z, ]{10}[a-z]', line) else 2)
        plain = len(line) <= WIDTH or re.match(r' {4}| +python ', line)
        texts += (
            [line]
            if plain
            else textwrap.wrap(
                line,
                WIDTH,
                subsequent_indent=' ' * indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    return '\n'.join(texts)


def main() -> None:
    args = parse_args()
    check_args(args)

    from mmseg_wsss.io.atomic import atomic_write
    from mmseg_wsss.structures.labels import MAX_CLASSES
    from mmseg_wsss.workflow.own_data import find_masks

    own_weights(args)
    looks, report = read_photos(args)
    found, names, lines, problems = study(args, looks)
    report += lines
    classes, masks = ('background', *names), {}
    if len(classes) > MAX_CLASSES:
        problems.append(
            f'{len(names)} classes do not fit 8-bit label files, which hold '
            f'{MAX_CLASSES - 1}'
        )
    if args.masks and not problems:
        masks, notes, problems = find_masks(
            Path(args.masks), found.photos, looks, found.labels, classes
        )
        report += ['', f'{len(masks)} photos have a mask', *notes]
    print(wrapped(report))
    if problems:
        more = [f'({n}) {text}' for n, text in enumerate(problems, 1)]
        raise ValueError(
            f'nothing was written: {problems[0]}'
            if len(problems) == 1
            else f'nothing was written, fix first: {" ".join(more)}'
        )
    lists = split(args, found, masks)
    done = write(args, looks, found, classes, masks, lists)
    closing = ['', f'Wrote {args.out}: {", ".join(done)}']
    closing += closing_lines(args, looks, lists, masks)
    with atomic_write(Path(args.out) / 'report.txt') as part:
        part.write_text(f'{wrapped(report + closing)}\n', encoding='utf-8')
    print(wrapped(closing))


if __name__ == '__main__':
    run(main)
