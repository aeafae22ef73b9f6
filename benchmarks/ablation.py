"""Every method alone and all together, from image labels to a segmentor.

    python benchmarks/ablation.py scenes --seeds 0 1 2
    python benchmarks/ablation.py voc-mini --seeds 0
    python benchmarks/ablation.py voc-mini-lite2 --only plain all "true masks"

Each variant is the pipeline configs/pipelines/all_<data>.py with some of its
switches on. "plain" is the CAM network, DenseCRF and a segmentor with
cross-entropy; the next rows add one method, "all" every method, "all without
MARS" is voc_mini's pipeline as it is, and "true masks" is the same segmentor
under full supervision, without and with the image-level prior.
Stages that are the same in several variants of a seed are made once. What is
finished is kept in the work dir and not repeated by the next call.

mIoU of the seeds and of the pseudo labels is that of the training images,
biased pixels counted as not predicted; the other figures are those of the
first segmentor on the validation images, its OC rates on the training images,
and those of the second round's segmentor. weak / full: mIoU in percent of that
on true masks, same seed, with the prior for "+ prior" and "all". "minutes" are
those of all stages of a variant, one thread each. Raw numbers: results.json in
the work dir, with the seconds of each stage; those of the results page are
copied to benchmarks/results.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ablation_figures import FULL, FULL_PRIOR, TABLES, add_shares, figures
from runs import ROOT, add_run_arguments, merge_results, merge_seeds, table

from mmseg_wsss.io.lock import exclusive_lock
from mmseg_wsss.workflow.pipeline import (
    Launch,
    Plan,
    StageFolder,
    read_plan,
    run_stage,
    upstream_ids,
)
from mmseg_wsss.workflow.pipeline.stage import Stage

PIPELINES = {
    'scenes': 'all_scenes',
    'voc-mini': 'all_voc_mini',
    'voc-mini-lite2': 'all_voc_mini_lite2',
}
METHODS = ('hfpl', 'csd', 'irn', 'mars', 'ocr', 'second', 'prior')
VARIANTS = {
    'plain': (),
    '+ ISL + FSL': ('hfpl',),
    '+ CSD': ('csd',),
    '+ IRN': ('irn',),
    '+ MARS': ('mars',),
    '+ OCR': ('ocr',),
    '+ second round': ('second',),
    '+ prior': ('prior',),
    'all': METHODS,
    'all without MARS': tuple(m for m in METHODS if m != 'mars'),
    FULL: ('full',),
    FULL_PRIOR: ('full', 'prior'),
}


def plan_of(data: str, variant: str, seed: int, folder: Path) -> Plan:
    """Read the pipeline with the switches of a variant."""
    switches = {f'use.{m}': m in VARIANTS[variant] for m in (*METHODS, 'full')}
    switches['use.evaluate_train'] = True
    return read_plan(
        ROOT / 'configs' / 'pipelines' / f'{PIPELINES[data]}.py',
        {**switches, 'options.randomness.seed': seed},
        folder / variant.replace(' ', '').strip('+'),
    )


def reuse(plan: Plan, stage: Stage, folder: Path) -> None:
    """Link a stage that another variant in a folder has made of the same."""
    here = plan.folder(stage.name)
    if here.is_symlink() and not here.exists():
        here.unlink()  # what it led to was removed
    if here.exists():
        return
    for there in sorted(folder.glob(f'*/{stage.name}')):
        record = StageFolder(there).finished
        if (
            record
            and record['hash'] == plan.hashes[stage.name]
            and record['upstream'] == upstream_ids(plan, stage)
        ):
            here.parent.mkdir(parents=True, exist_ok=True)
            here.symlink_to(there.resolve())
            return


def stages_of(plan: Plan) -> list[Stage]:
    """Return the stages of a variant; an upper mark needs few of them."""
    if not plan.stages['evaluate_full'].on:
        return plan.on
    needed = {'evaluate_full'}
    for stage in reversed(plan.on):
        if stage.name in needed:
            needed.update(plan.upstream(stage))
    return [stage for stage in plan.on if stage.name in needed]


def run(
    data: str, variant: str, seed: int, folder: Path, pass_fds: tuple
) -> dict:
    """Run a variant with a seed, as far as it is not finished."""
    plan = plan_of(data, variant, seed, folder)
    if plan.missing:
        raise SystemExit('\n'.join(plan.missing_lines()))
    launch = Launch(num_workers=1)
    records = {}
    for stage in stages_of(plan):
        reuse(plan, stage, folder)

        def say(line: str, name: str = stage.name) -> None:
            print(f'{variant} {seed} {name}: {line}', file=sys.stderr)

        run_stage(plan, stage, launch, say, pass_fds)
        records[stage.name] = StageFolder(plan.folder(stage.name)).finished
    return figures(records)


def run_seed(args: argparse.Namespace, root: Path, seed: int) -> dict:
    """Run all variants of a seed, one after the other."""
    folder = root / f'seed_{seed}'
    results = {}
    with exclusive_lock(folder) as pass_fds:
        for variant in args.only or VARIANTS:
            results[variant] = run(args.data, variant, seed, folder, pass_fds)
            print(f'{variant} {seed}: {results[variant]}', file=sys.stderr)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_run_arguments(parser, 'ablation', VARIANTS, PIPELINES, 'seeds')
    args = parser.parse_args()
    os.environ['OMP_NUM_THREADS'] = '1'
    root = Path(args.work_dir).resolve() / args.data
    with ThreadPoolExecutor(args.jobs) as pool:
        runs = pool.map(lambda seed: run_seed(args, root, seed), args.seeds)
        results = merge_seeds(root / 'results.json', args.seeds, runs)
        results = merge_results(root / 'results.json', add_shares(results))
    print(*(table(results, columns) for columns in TABLES), sep='\n\n')


if __name__ == '__main__':
    main()
