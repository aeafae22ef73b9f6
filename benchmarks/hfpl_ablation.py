"""HFPL's ablation on the scenes or on voc_mini: mean and spread over seeds.

    python benchmarks/hfpl_ablation.py scenes --seeds 0 1 2
    python benchmarks/hfpl_ablation.py voc-mini --seeds 0 1 \
        --only gap isl fsl isl-fsl
    python benchmarks/hfpl_ablation.py voc-mini --seeds 0 1 2 \
        --only s8-gap s8-isl s8-isl-fsl s8-isl-fsl-published

Every variant and seed trains a CAM network, writes the CAMs of the training
images and evaluates them at each background threshold; figures are those at
the run's best one. On the scenes all variants of a seed start from the same
plain CAM network, and "gap" trains it further like the others. "published"
is FSL as in the authors' code, with a background channel, point colours and
the min-max gate;
"s8" are networks of output stride 8 on voc_mini, 16 otherwise (the scenes' has
8 anyway). A finished run is kept in the work dir and not repeated.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

from runs import (
    add_run_arguments,
    call,
    merge_results,
    newer,
    newest_checkpoint,
    pseudo_labels,
    run_all,
    table,
    train,
)

LOSS = 'model.decode_head.loss_decode.'
PUBLISHED = {
    '1.with_background': True,
    '1.colours': 'point',
    '1.gate': 'min_max',
}
STRIDE_8 = {
    'model.backbone.strides': '(1,2,2,1,1,1,1)',
    'model.backbone.dilations': '(1,1,1,2,2,4,4)',
}
# Maps of 28 x 28 become 56 x 56.
FSL_STRIDE_8 = {**STRIDE_8, '1.upsample': 2}
# Configuration and its options of each variant: those of the network, and
# those of a loss by its place.
VARIANTS = {
    'gap': ('isl', {'0.isl_weight': 0}),
    'isl': ('isl', {}),
    'fsl': ('fsl', {}),
    'isl-fsl': ('isl-fsl', {}),
    'gmp': ('isl', {'0.isl_weight': 0, '0.pooling': 'gmp'}),
    'isl-only-1': ('isl', {'0.isl_weight': 1.0, '0.num_samples': 1}),
    'isl-only-10': ('isl', {'0.isl_weight': 1.0}),
    'isl-multinomial': ('isl', {'0.posterior': 'multinomial'}),
    'fsl-sigmoid': ('fsl', {'1.gate': 'sigmoid'}),
    'fsl-background': ('fsl', {'1.with_background': True}),
    'fsl-multinomial': ('fsl', {'1.gate': 'softmax'}),
    'isl-fsl-1': ('isl-fsl', {'1.loss_weight': 1.0}),
    'fsl-double': ('fsl', {'1.loss_weight': 0.6}),
    'isl-fsl-background': ('isl-fsl', {'1.with_background': True}),
    'fsl-point': ('fsl', {'1.colours': 'point'}),
    'fsl-published': ('fsl', PUBLISHED),
    'isl-fsl-published': ('isl-fsl', PUBLISHED),
    's8-gap': ('isl', {'0.isl_weight': 0, **STRIDE_8}),
    's8-isl': ('isl', STRIDE_8),
    's8-fsl-published': ('fsl', {**FSL_STRIDE_8, **PUBLISHED}),
    's8-isl-fsl': ('isl-fsl', FSL_STRIDE_8),
    's8-isl-fsl-published': ('isl-fsl', {**FSL_STRIDE_8, **PUBLISHED}),
}
# voc_mini ignores the objects of its other classes altogether.
CONTOUR_IGNORE = {'scenes': 'background', 'voc-mini': 'mask'}
COLUMNS = {
    'mIoU': 'mIoU',
    'F': 'F',
    'J&F': 'J&F',
    'FP': 'FP',
    'FN': 'FN',
    'best_threshold': 'threshold',
}


def variants_of(data: str) -> list[str]:
    """Return the variants that differ on a data set."""
    return [v for v in VARIANTS if data != 'scenes' or v[:2] != 's8']


def pretrained(data: str, folder: Path, seed: int) -> Path | None:
    """Train the plain CAM network that the scenes' variants start from."""
    if data != 'scenes':
        return None
    work_dir = folder / 'pretrained' / f'seed_{seed}'
    train('configs/cam/cam_mobilenetv2_scenes.py', work_dir, seed, ['mIoU'])
    return newest_checkpoint(work_dir)


def run(
    data: str, folder: Path, seed: int, start: Path | None, variant: str
) -> dict:
    """Train, write the CAMs and evaluate them."""
    kind, options = VARIANTS[variant]
    config = f'configs/hfpl/{kind}_mobilenetv2_{data}.py'
    work_dir = folder / variant / f'seed_{seed}'
    network = [f'{key}={options[key]}' for key in STRIDE_8 if key in options]
    changes = network + [
        f'{LOSS}{key}={value}'
        for key, value in options.items()
        if key not in STRIDE_8
    ]
    if start is not None:
        changes.append(f'load_from={start}')
    figures = train(config, work_dir, seed, ['mIoU'], *changes)
    same_network = ['--cfg-options', *network] if network else []
    out = pseudo_labels(config, work_dir, *same_network)
    found = evaluate(data, config, out, work_dir / 'pseudo_labels.log')
    found['seconds'] = figures['seconds']
    return {key: found[key] for key in [*COLUMNS, 'seconds']}


def evaluate(
    data: str,
    config: str,
    out: Path,
    written: Path,
    *options: str,
    last: str = '0.99',
    part: str = '',
) -> dict:
    """Evaluate CAMs once, unless those that a log is of are newer.

    Thresholds end at ``last``. What is of a part of the images goes to the
    folder ``part``.
    """
    result = out / part / 'cam_eval.json'
    if not newer(result, written):
        call(
            out.with_name(f'{part or out.name}_eval.log'),
            'analysis_tools/eval_cams.py',
            *(config, str(out / 'cams'), '--work-dir', str(out.parent)),
            *('--out-dir', str(result.parent)),
            *('--thresholds', '0', last, '0.01'),
            *('--contour-ignore', CONTOUR_IGNORE[data], *options),
        )
    return json.loads(result.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_run_arguments(parser, 'hfpl_ablation', VARIANTS)
    args = parser.parse_args()
    folder = Path(args.work_dir).resolve() / args.data
    results = run_all(
        args,
        partial(pretrained, args.data, folder),
        partial(run, args.data, folder),
        variants_of(args.data),
    )
    results = merge_results(folder / 'results.json', results)
    print(table(results, COLUMNS))


if __name__ == '__main__':
    main()
