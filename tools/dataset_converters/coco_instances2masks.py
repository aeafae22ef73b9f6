"""Paint evaluation masks from COCO instance annotations.

Values: 0 background, 1..80 the classes in ascending order of category id,
8-bit palette PNG. Where instances overlap the papers differ: '--order area'
(default) paints large ones first, so that small ones stay visible;
'--order annotation' paints in the order of the file, as HFPL does. Neither
equals the COCO-Stuff maps of other papers. Polygons are filled by Pillow, so
edges may be a pixel off those of pycocotools. A killed run is
resumed.
"""

import argparse
from pathlib import Path

from _converters import Progress, run


def decode_rle(segmentation, height, width):
    """Decode a COCO run-length mask to a bool array (height, width)."""
    import numpy as np

    size, counts = list(segmentation['size']), segmentation['counts']
    if size != [height, width]:
        raise ValueError(f'run-length mask of size {size}')
    if not isinstance(counts, list):
        try:
            from pycocotools import mask
        except ImportError as exc:
            raise ValueError(
                'compressed run-length masks need pycocotools: '
                'pip install pycocotools'
            ) from exc
        return mask.decode(segmentation).astype(bool)
    if sum(counts) != height * width or min(counts) < 0:
        raise ValueError('run lengths that do not add up to the image')
    runs = np.arange(len(counts)) % 2 == 1
    return np.repeat(runs, counts).reshape(width, height).T


def paint(image, annotations, values, crowd):
    """Paint one image's annotations in the given order.

    Args:
        image: COCO image, with height and width.
        annotations: Its annotations.
        values: Mask value by category id.
        crowd: What crowds become: 'class', 'ignore' (255) or 'skip'.

    Returns:
        np.ndarray: The mask, uint8 (height, width).
    """
    import numpy as np
    from PIL import Image, ImageDraw

    height, width = image['height'], image['width']
    mask = Image.new('L', (width, height), 0)
    draw = ImageDraw.Draw(mask)
    for annotation in annotations:
        value = values[annotation['category_id']]
        if annotation.get('iscrowd'):
            if crowd == 'skip':
                continue
            value = 255 if crowd == 'ignore' else value
        shape = annotation['segmentation']
        if isinstance(shape, dict):
            region = decode_rle(shape, height, width)
            mask.paste(value, mask=Image.fromarray(region))
            continue
        for polygon in shape:
            if len(polygon) % 2:
                raise ValueError('polygon with an odd number of coordinates')
            if len(polygon) >= 6:
                draw.polygon(polygon, fill=value)
    return np.asarray(mask)


def plan(content, source, order):
    """Return the annotations by image, and the mask value of each class."""
    from mmseg_wsss.datasets.label_files.readers import category_names
    from mmseg_wsss.io.stems import file_stem
    from mmseg_wsss.structures.labels import MAX_CLASSES

    ids = list(category_names(content['categories'], source))
    if len(ids) >= MAX_CLASSES:
        raise ValueError(
            f'{source} has {len(ids)} classes and background, label files '
            f'hold {MAX_CLASSES}'
        )
    jobs = {image['id']: (image, []) for image in content['images']}
    stems = {file_stem(image['file_name']) for image, _ in jobs.values()}
    if len(stems) < len(content['images']):
        raise ValueError(f'{source} has two images with the same id or stem')
    for annotation in content['annotations']:
        jobs[annotation['image_id']][1].append(annotation)
    if order == 'area':
        for _, annotations in jobs.values():
            annotations.sort(key=lambda a: -a['area'])
    return list(jobs.values()), {k: i for i, k in enumerate(ids, 1)}


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

    from mmseg_wsss.datasets.label_files.readers import (
        looks_like_coco,
        parse_json,
    )
    from mmseg_wsss.datasets.palette import voc_palette
    from mmseg_wsss.io.labels import save_label
    from mmseg_wsss.io.stems import file_stem

    content = parse_json(Path(args.source))
    if not looks_like_coco(content):
        raise ValueError(f'{args.source} is no COCO instances file')
    try:
        jobs, values = plan(content, args.source, args.order)
    except KeyError as exc:
        raise ValueError(f'{args.source} lacks the field or id {exc}') from exc
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    palette = voc_palette(len(values) + 1)
    todo = [
        (out / f'{file_stem(image["file_name"])}.png', image, annotations)
        for image, annotations in jobs
    ]
    if not args.overwrite:
        todo = [job for job in todo if not job[0].exists()]
    progress = Progress(len(todo))
    for path, image, annotations in todo:
        try:
            mask = paint(image, annotations, values, args.crowd)
        except (ValueError, KeyError, TypeError) as exc:
            raise ValueError(
                f'{args.source}: cannot paint {image["file_name"]}: {exc}'
            ) from exc
        save_label(path, mask, palette)
        progress.step()
    print(f'images: {len(jobs)}, painted: {len(todo)}, order: {args.order}')
    print(f'wrote {out}')


if __name__ == '__main__':
    run(main)
