"""The page of the compatibility table."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from run import read_doc
from runs import ROOT
from zoo_backbones import backbones
from zoo_families import families
from zoo_train import ALONE, AUXILIARY, CANNOT, COMPILED, WORKS

STACKS = {'onedl': 'OneDL', 'openmmlab': 'upstream'}
MEANING = {
    WORKS: 'two iterations, every loss there and finite',
    AUXILIARY: (
        'the main head cannot; OCR trains in '
        'an [auxiliary head](faq.md#does-it-work-with-mask2former-or-with-my-'
        'head) on the last map of backbone and neck'
    ),
    COMPILED: (
        "needs an MMCV with compiled operators, which OneDL's wheels on PyPI "
        'do not have; upstream MMSegmentation is not imported without one'
    ),
    CANNOT: (
        'trains neither way; "without mmseg_wsss too" where the config '
        'does not train without our changes either'
    ),
}
NOTES = {
    'san': "It starts from CLIP's weights only, which are left out here.",
    'vpd': 'It estimates depth.',
}


def table(title: str, names: list[str], known: dict) -> str:
    """Return a Markdown table of what is known of the names.

    Args:
        title: Title of the first column.
        names: The rows.
        known: Rows by stack and name.
    """
    stacks = [stack for stack in STACKS if stack in known]
    heads = [title, *(STACKS[stack] for stack in stacks), 'why']
    lines = [f'| {" | ".join(heads)} |', '|---' * len(heads) + '|']
    for name in names:
        rows = {s: known[s][name] for s in stacks if name in known[s]}
        configs = {
            Path(row['config']).stem
            for row in rows.values()
            if 'config' in row
        }
        first = '<br>'.join([name, *sorted(f'`{c}`' for c in configs)])
        results = [rows[s]['result'] if s in rows else '-' for s in stacks]
        reasons: dict[str, list[str]] = {}
        for stack, row in rows.items():
            if row['reason']:
                reasons.setdefault(row['reason'], []).append(STACKS[stack])
        why = '<br>'.join(
            code(reason)
            if len(of) == len(rows)
            else f'{" and ".join(of)}: {code(reason)}'
            for reason, of in reasons.items()
        )
        why += f'<br>{NOTES[name]}' if why and name in NOTES else ''
        lines.append(f'| {" | ".join([first, *results, why])} |')
    return '\n'.join(lines)


def code(reason: str) -> str:
    """Return an error as code that fits into a cell."""
    text = reason.removesuffix(ALONE)
    for mark in '`"|':
        text = text.replace(mark, "'")
    text = ' '.join(text.split())
    cut = f'`{text[:160]}{" ..." if len(text) > 160 else ""}`'
    return cut + reason[len(reason.removesuffix(ALONE)) :]


def page(known: dict) -> str:
    """Return the page of what is known, {stack: {name: row}}."""
    title, text = read_doc(ROOT / 'benchmarks' / 'zoo.py')
    parts = {
        'family': families(),
        'backbone': list(backbones()),
    }
    heads = {
        'family': 'Families of MMSegmentation',
        'backbone': 'Backbones of CAM networks',
    }
    lines = [
        f'# Compatibility\n\n{title}.\n\n{text}\n',
        '`python benchmarks/zoo.py --out docs/compatibility.md` wrote this '
        'page,\nonce on each stack; finished rows are kept in '
        '`benchmarks/results/zoo.json`.\n',
        '| result | meaning |\n|---|---|',
        *(f'| {name} | {meaning} |' for name, meaning in MEANING.items()),
        '',
    ]
    for stack in STACKS:
        if stack in known:
            found = dict.fromkeys(
                row['versions'] for row in known[stack].values()
            )
            lines.append(f'- {STACKS[stack]}: {"; ".join(found)}.')
    for kind, names in parts.items():
        lines += [f'\n## {heads[kind]}\n', counts(names, known)]
        lines += [table(kind, names, known)]
    return '\n'.join(lines) + '\n'


def counts(names: list[str], known: dict) -> str:
    """Return how many rows have which result, on each stack."""
    text = ''
    for stack in [stack for stack in STACKS if stack in known]:
        rows = known[stack]
        count = Counter(rows[n]['result'] for n in names if n in rows)
        found = ', '.join(
            f'{result} {count[result]}' for result in MEANING if count[result]
        )
        text += f'- {STACKS[stack]}: {found}.\n'
    return text
