"""Paint evaluation masks from COCO instance annotations.

Values: 0 background, 1..80 the classes in ascending order of category id,
8-bit palette PNG. Where instances overlap the papers differ: '--order area'
(default) paints large ones first, so that small ones stay visible;
'--order annotation' paints in the order of the file, as HFPL does. Neither
equals the COCO-Stuff maps of other papers. Polygons are filled by Pillow, so
edges may be a pixel off those of pycocotools. Annotations without a shape are
skipped and counted. A killed run is resumed.
"""

import argparse
import shlex
import sys
from collections import Counter
from pathlib import Path

from _coco_shapes import (
    ShapelessError,
    are_relative,
    read_shape,
    shape_area,
)
from _converters import Progress, run


def paint(image, annotations, values, order='annotation', crowd='class'):
    """Paint one image's annotations.

    Args:
        image: COCO image, with height and width.
        annotations: Its annotations, in the order of the file.
        values: Mask value by category id.
        order: 'area' paints large ones first, 'annotation' as they come.
        crowd: What crowds become: 'class', 'ignore' (255) or 'skip'.

    Returns:
        tuple: The mask, uint8 (height, width), and a Counter of the
        annotations and parts that were skipped, by reason.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    height, width = _side(image, 'height'), _side(image, 'width')
    shapes, skipped = [], Counter()
    for number, annotation in enumerate(annotations, 1):
        value = values[annotation['category_id']]
        if annotation.get('iscrowd'):
            if crowd == 'skip':
                skipped['annotations of crowds'] += 1
                continue
            value = 255 if crowd == 'ignore' else value
        try:
            parts, left_out = read_shape(
                annotation.get('segmentation'), height, width
            )
        except ShapelessError as exc:
            skipped[f'annotations {exc}'] += 1
            continue
        except (ValueError, TypeError) as exc:
            name = annotation.get('id', f'number {number} of the image')
            raise ValueError(f'annotation {name}: {exc}') from exc
        if left_out:
            skipped['parts of fewer than three points'] += left_out
        shapes.append((_area(annotation, parts), value, parts))
    if order == 'area':
        shapes.sort(key=lambda shape: -shape[0])
    mask = Image.new('L', (width, height), 0)
    draw = ImageDraw.Draw(mask)
    for _, value, parts in shapes:
        for part in parts:
            if isinstance(part, list):
                draw.polygon(part, fill=value)
            else:
                mask.paste(value, mask=Image.fromarray(part))
    return np.asarray(mask), skipped


def _side(image, name):
    """Return a side of an image; other programs write it as text."""
    side = image.get(name)
    try:
        whole = int(side)
    except (TypeError, ValueError, OverflowError):
        whole = 0
    if whole < 1 or whole != float(side):
        raise ValueError(
            f'the image has the {name} {side!r}: write its pixels into '
            "'width' and 'height'"
        )
    return whole


def _area(annotation, parts):
    """Return the area in the file, or that of the parts where it has none."""
    area = annotation.get('area')
    return area if isinstance(area, (int, float)) else shape_area(parts)


def plan(content, source):
    """Return the annotations by image, and how masks count the classes.

    Returns:
        tuple: Images with their annotations, the mask value by category id,
        and the class names in the order of the values from 1. A category
        called background has the value 0.
    """
    from mmseg_wsss.datasets.label_files.coco_labels import (
        category_names,
        check_images,
    )
    from mmseg_wsss.io.stems import file_stem
    from mmseg_wsss.structures.labels import MAX_CLASSES

    check_images(content['images'], source)
    names = category_names(content['categories'], source)
    if len(names) >= MAX_CLASSES:
        raise ValueError(
            f'{source} has {len(names)} classes and background, label files '
            f'hold {MAX_CLASSES}'
        )
    jobs = {image['id']: (image, []) for image in content['images']}
    stems = {file_stem(image['file_name']) for image, _ in jobs.values()}
    if len(stems) < len(content['images']):
        raise ValueError(
            f'{source} has two images of one name in different folders or '
            'with different suffixes: masks are <name>.png, rename one'
        )
    for annotation in content['annotations']:
        if annotation['category_id'] not in names:
            raise ValueError(
                f'{source}: the annotation {annotation.get("id")} has the '
                f'category_id {annotation["category_id"]!r}, which '
                "'categories' lacks"
            )
        jobs[annotation['image_id']][1].append(annotation)
    if content['annotations'] and not any(
        annotation.get('segmentation') for annotation in content['annotations']
    ):
        raise ValueError(
            f'{source} has no segmentation in any of '
            f'{len(content["annotations"])} annotations: masks cannot be '
            'painted from boxes'
        )
    shapes = [a.get('segmentation') for a in content['annotations']]
    if are_relative(shapes):
        raise ValueError(
            f'{source} has polygons in parts of the image, from 0 to 1: '
            'multiply x by the width and y by the height, COCO has pixels'
        )
    classes = [n for n in names.values() if n.lower() != 'background']
    place = {name: k for k, name in enumerate(classes, 1)}
    values = {k: place.get(name, 0) for k, name in names.items()}
    return list(jobs.values()), values, classes


def classes_without_object(content, values):
    """Return 'name (value)' of the categories that no annotation has."""
    used = {annotation['category_id'] for annotation in content['annotations']}
    return [
        f'{category["name"]} ({values[category["id"]]})'
        for category in content['categories']
        if category['id'] not in used
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='instances_*.json')
    parser.add_argument('out', help='folder for <stem>.png')
    parser.add_argument(
        '--order', choices=('area', 'annotation'), default='area'
    )
    parser.add_argument(
        '--crowd',
        choices=('class', 'ignore', 'skip'),
        default='class',
        help='crowds are painted as their class, as 255, or not at all',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='repaint masks that exist'
    )
    args = parser.parse_args()

    from mmseg_wsss.datasets.label_files.coco_labels import looks_like_coco
    from mmseg_wsss.datasets.label_files.readers import parse_json
    from mmseg_wsss.datasets.palette import voc_palette
    from mmseg_wsss.io.labels import save_label
    from mmseg_wsss.io.provenance import (
        check_source,
        file_identity,
        save_source,
    )
    from mmseg_wsss.io.stems import file_stem

    content = parse_json(Path(args.source))
    if not looks_like_coco(content):
        raise ValueError(f'{args.source} is no COCO instances file')
    try:
        jobs, values, classes = plan(content, args.source)
    except (KeyError, TypeError) as exc:
        raise ValueError(f'{args.source} lacks the field or id {exc}') from exc
    out = Path(args.out)
    source = {
        'tool': 'coco_instances2masks.py',
        'annotation file': file_identity(args.source),
        '--order': args.order,
        '--crowd': args.crowd,
    }
    todo = [
        (out / f'{file_stem(image["file_name"])}.png', image, annotations)
        for image, annotations in jobs
    ]
    masks = [path for path, _, _ in todo]
    check_source(out, source, args.overwrite, masks)
    out.mkdir(parents=True, exist_ok=True)
    palette = voc_palette(len(classes) + 1)
    if args.overwrite:  # none of other settings may outlive a killed run
        for path in masks:
            path.unlink(missing_ok=True)
    save_source(out, source)
    todo = [job for job in todo if not job[0].exists()]
    progress, skipped, blank = Progress(len(todo)), Counter(), 0
    for path, image, annotations in todo:
        try:
            mask, reasons = paint(
                image, annotations, values, args.order, args.crowd
            )
        except ValueError as exc:
            raise ValueError(
                f'{args.source}: cannot paint {image["file_name"]}: {exc}'
            ) from exc
        save_label(path, mask, palette)
        skipped += reasons
        blank += not mask.any()
        progress.step()
    print(f'images: {len(jobs)}, painted: {len(todo)}, order: {args.order}')
    if blank:
        print(f'masks of background only: {blank}')
    for reason, number in skipped.items():
        print(f'skipped: {number} {reason}')
    unused = classes_without_object(content, values)
    if unused:
        print(
            'warning: no annotation has the classes (values) '
            f'{", ".join(unused)}',
            file=sys.stderr,
        )
    print(
        'from_folder.py needs the order of the masks: '
        f'--classes {shlex.join(classes)}'
    )
    print(f'wrote {out}')


if __name__ == '__main__':
    run(main)
