"""The figures of the ablation: their names, tables, and where they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

FULL = 'true masks'
# The mark of a variant with the image-level prior.
FULL_PRIOR = 'true masks + prior'
WITH_PRIOR = ('+ prior', 'all', 'all without MARS')
OC = {
    'OC_image_rate': 'OC images %',
    'OC_image_rate_1pct': 'OC images, > 1 % of area',
    'OC_pixel_rate': 'OC pixels %',
}
RATES = {'FP': 'FP', 'FN': 'FN', **OC}
# The columns of each table.
TABLES = (
    {
        'seeds': 'seeds mIoU',
        'labels': 'pseudo labels mIoU',
        'mIoU': 'segmentor mIoU',
        'weak_full': 'weak / full %',
        **RATES,
        'minutes': 'minutes',
    },
    {f'train_{key}': f'training images: {OC[key]}' for key in OC},
    {
        'second_labels': 'second labels mIoU',
        'second_mIoU': 'second segmentor mIoU',
        'second_weak_full': 'weak / full %',
        **{f'second_{key}': RATES[key] for key in RATES},
    },
)


def figures(records: Mapping[str, Mapping]) -> dict:
    """Collect what came out of a variant from the records of its stages."""

    def of(stage: str, names: Iterable[str], prefix: str = '') -> dict:
        found = records[stage]['figures']
        return {f'{prefix}{name}': found[name] for name in names}

    segmentor = ('mIoU', *RATES)
    seconds = {name: record['seconds'] for name, record in records.items()}
    time = {
        'minutes': round(sum(seconds.values()) / 60, 1),
        'seconds': {name: round(value) for name, value in seconds.items()},
    }
    if 'evaluate_full' in records:
        return {**of('evaluate_full', segmentor), **time}
    last = 'debias' if 'debias' in records else 'refine'
    row = {
        'seeds': records['cams']['figures']['mIoU'],
        'labels': records[last]['figures']['mIoU'],
        **of('segmentor', segmentor),
        **of('evaluate_train', OC, 'train_'),
    }
    if 'second_segmentor' in records:
        row['second_labels'] = records['second_labels']['figures']['mIoU']
        row |= of('evaluate', segmentor, 'second_')
    return {**row, **time}


def add_shares(results: dict[str, dict[str, dict]]) -> dict:
    """Add weak / full to the runs {variant: {seed: figures}}."""
    for variant, runs in results.items():
        if variant in (FULL, FULL_PRIOR):
            continue
        mark = FULL_PRIOR if variant in WITH_PRIOR else FULL
        full = results.get(mark, {})
        for seed in runs.keys() & full.keys():
            run = runs[seed]
            for prefix in ('', 'second_'):
                if f'{prefix}mIoU' in run:
                    share = run[f'{prefix}mIoU'] / full[seed]['mIoU']
                    run[f'{prefix}weak_full'] = round(100 * share, 2)
    return results
