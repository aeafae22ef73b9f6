"""Read a pipeline: its stages, its switches, what they read from others."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from mmengine.config import Config

from ...compat import load_config
from ...jobs.command_line import move_paths
from ...jobs.config_options import merge_options
from .command import ROOT, set_input
from .identity import (
    Reference,
    content_hash,
    missing_images,
    named_files,
    replace_references,
    written_folders,
)
from .options import (
    changed_options,
    check_config_names,
    check_pipeline_options,
    check_stage_options,
)
from .packages import missing_packages
from .paper import comparison, what_changes
from .reads import parts_read
from .stage import Stage, read_stage
from .version_0_1 import old_hash


@dataclass
class Plan:
    """The stages of a pipeline, in their order.

    Attributes:
        name: Name of the pipeline.
        work_dir: Absolute folder with one folder for each stage.
        stages: All stages by name, those that are off too.
        prepare: Tools to run before, as lists of words.
        configs: The configs of those that are on, with what they read from
            others as references.
        hashes: What those depend on, see ``identity.content_hash``;
            what they read from others counts by name only.
        figures: Hashes of what only their figures depend on.
        old_hashes: The hashes that version 0.1 gave them.
        missing: Files and packages that those need and that do not exist, and
            the names of the stages that need them.
        compares: What the results are compared with, in lines.
    """

    name: str
    work_dir: Path
    stages: dict[str, Stage]
    prepare: list[list[str]]
    configs: dict[str, Config] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)
    old_hashes: dict[str, str] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    compares: list[str] = field(default_factory=list)

    def missing_lines(
        self, stages: Collection[str] | None = None
    ) -> list[str]:
        """Return a line for each missing file and package.

        Args:
            stages: Names of the stages that count. Defaults to None, all.
        """
        return [
            f'there is no {file} (stage {", ".join(names)})'
            for file, names in self.missing.items()
            if stages is None or not set(names).isdisjoint(stages)
        ]

    @property
    def on(self) -> list[Stage]:
        """The stages that are on."""
        return [stage for stage in self.stages.values() if stage.on]

    def between(self, first: str | None, last: str | None) -> list[Stage]:
        """Return the stages that are on, from one to another.

        Args:
            first: Name of the first; None for the first of all.
            last: Name of the last; None for the last of all.
        """
        names = [stage.name for stage in self.on]
        begin = names.index(first) if first else 0
        end = names.index(last) + 1 if last else len(names)
        return self.on[begin:end]

    def folder(self, name: str) -> Path:
        """Return the folder of a stage."""
        return self.work_dir / name

    def upstream(self, stage: Stage) -> list[str]:
        """Return the names of the stages that a stage reads from."""
        return list(dict.fromkeys(r.stage for r in stage.references))


def read_plan(
    pipeline: str | Path,
    options: Mapping[str, object] | None = None,
    work_dir: str | Path | None = None,
) -> Plan:
    """Read a pipeline's config.

    ``configs/pipelines/README.md`` describes it. A reference to a stage that
    is off is resolved to the same output of the stages that it reads, in the
    order in which its inputs are written.

    Args:
        pipeline: Path of the config.
        options: Changes to it, as ``--cfg-options`` has them.
        work_dir: Where the stages' folders go; ``work_dir`` of the config,
            or ``work_dirs/<name>``, if None.

    Returns:
        Plan: The plan. Nothing has been run or written.

    Raises:
        ValueError: If something is wrong with the pipeline.
        FileNotFoundError: If it, or the config of a stage, does not exist.
    """
    cfg = load_config(find_config(str(pipeline)))
    check_pipeline_options(cfg, options or {})
    shipped = copy.deepcopy(cfg)
    typed = Config()
    for config in (typed, cfg):
        merge_options(config, options or {})
    content = cfg.to_dict()
    given, use, common, configs = (
        _read_dict(content, key)
        for key in ('stages', 'use', 'options', 'configs')
    )
    if not given:
        raise ValueError(
            f'{pipeline} is no pipeline: it has no dict named stages; see '
            'configs/pipelines'
        )
    # A pipeline leaves a stage of its base out by None.
    given = {n: s for n, s in given.items() if s is not None}
    stages = {n: read_stage(n, s, use) for n, s in given.items()}
    _check_switches(use, stages, given)
    check_config_names(options or {}, configs, given)
    common = _move_last(common, typed.get('options'))
    for name, part in (typed.get('stages') or {}).items():
        if name in stages:
            last = (part or {}).get('options')
            stages[name].options = _move_last(stages[name].options, last)
    named = {stage.config for stage in stages.values() if stage.on}
    for stage in stages.values():
        stage.config = configs.get(stage.config, stage.config)
    name = content.get('name') or Path(pipeline).stem
    work_dir = work_dir or content.get('work_dir') or Path('work_dirs') / name
    prepare = [list(words) for words in content.get('prepare') or []]
    plan = Plan(name, Path(work_dir).resolve(), stages, prepare)
    plan.compares = comparison(
        content.get('paper'),
        changed_options(cfg, shipped, options or {}, named),
        {n: what_changes(n, stages, given) for n in stages},
    )
    plain: dict[str, Config] = {}
    known: dict[str, object] = {}
    for stage in stages.values():
        try:
            _resolve_stage(stage, stages)
            if stage.on:
                readers = readers_of(stage, stages)
                plain[stage.name] = _plain_config(
                    stage, plain, common, readers
                )
                complete_config(plan, stage, plain[stage.name], known)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'stage {stage.name}: {error}') from error
        except KeyError as error:  # str() would put it in quotes
            raise ValueError(f'stage {stage.name}: {error.args[0]}') from error
        except (ValueError, IndexError, TypeError, ImportError) as error:
            raise ValueError(f'stage {stage.name}: {error}') from error
    return plan


def _read_dict(content: Mapping, key: str) -> dict:
    value = content.get(key) or {}
    if not isinstance(value, dict):
        raise ValueError(f'{key} must be a dict, got {value!r}')
    return value


def _move_last(options: Mapping, last: Mapping | None) -> dict:
    """Return options with some keys at the end: they override others."""
    ordered = sorted(options.items(), key=lambda item: item[0] in (last or ()))
    return dict(ordered)


def _check_switches(
    use: Mapping, stages: Mapping[str, Stage], given: Mapping
) -> None:
    known = {stage.method for stage in stages.values()}
    for stage in given.values():
        for switch in stage.get('when') or ():
            known |= set(switch.split('+'))
    for switch, value in use.items():
        if switch not in known:
            near = get_close_matches(switch, known, 1)
            raise ValueError(
                f'use.{switch}: no stage has such a switch'
                + (f', do you mean {near[0]}?' if near else '')
                + f' There are {", ".join(sorted(known))}'
            )
        if not isinstance(value, bool):
            raise ValueError(f'use.{switch} is True or False, got {value!r}')


def _resolve_stage(stage: Stage, stages: Mapping[str, Stage]) -> None:
    """Replace references to stages that are off in a stage's settings."""

    def resolve(reference: Reference) -> str:
        earlier = list(stages)[: list(stages).index(stage.name)]
        if reference.stage not in earlier:
            raise ValueError(
                f'{reference} is asked for, but no stage before it has that '
                f'name: there are {", ".join(earlier) or "none"}'
            )
        known = (*stages[reference.stage].outputs, 'config')
        if reference.output not in known:
            raise ValueError(
                f'{reference} is asked for, but {reference.stage} has only '
                + ', '.join(known)
            )
        found = resolve_reference(reference, stages)
        if found is None and stage.on:
            raise ValueError(
                f'{reference} is asked for, but {reference.stage} is off, '
                f'and no stage that it reads has {reference.output}'
            )
        return str(found or reference)

    stage.config = replace_references(stage.config, resolve)
    stage.inputs = replace_references(stage.inputs, resolve)
    stage.options = replace_references(stage.options, resolve)


def resolve_reference(
    reference: Reference, stages: Mapping[str, Stage]
) -> Reference | None:
    """Return the reference to a stage that is on; None if there is none."""
    stage = stages[reference.stage]
    if stage.on:
        has = reference.output in (*stage.outputs, 'config')
        return reference if has else None
    upstream = (Reference(r.stage, reference.output) for r in stage.references)
    found = (resolve_reference(same, stages) for same in upstream)
    return next(filter(None, found), None)


def readers_of(stage: Stage, stages: Mapping[str, Stage]) -> list[Stage]:
    """Return a stage and those that take its config with its options."""
    names = [stage.name]
    for other in stages.values():
        reference = Reference.parse(other.config)
        if reference and reference.stage in names:
            names.append(other.name)
    return [stages[name] for name in names]


def _load(path: Path) -> Config:
    """Load a config, also if it imports an optional package in vain."""
    try:
        return load_config(path)
    except ImportError:
        cfg = load_config(path, import_modules=False)
        if not missing_packages(cfg.to_dict()):
            raise
        return cfg


def _plain_config(
    stage: Stage,
    plain: Mapping[str, Config],
    common: Mapping[str, object],
    readers: list[Stage],
) -> Config:
    """Read a stage's config, without what it reads from others."""
    reference = Reference.parse(stage.config)
    if reference is None:
        cfg = _load(find_config(stage.config))
    else:
        cfg = copy.deepcopy(plain[reference.stage])
        common = {}
    options = {**common, **stage.options}
    check_stage_options(cfg, options, stage.options, readers)
    if 'data_root' in options and cfg.get('data_root'):
        move_paths(cfg, cfg.data_root, options['data_root'])
    merge_options(cfg, common)
    merge_options(cfg, stage.options)
    return cfg


def complete_config(
    plan: Plan, stage: Stage, plain: Config, known: dict[str, object]
) -> None:
    """Add a stage's config to the plan, with its hash and missing files."""
    loader = f'{"train" if stage.is_training else "test"}_dataloader'
    if not plain.get(loader):
        raise ValueError(
            f'its config has no {loader}, which {stage.kind.tool} reads'
        )
    cfg = copy.deepcopy(plain)
    for name, value in stage.inputs.items():
        if Reference.parse(value) is None:
            value = str(Path(value).resolve())
        set_input(cfg, stage, name, value)
    part, figures = parts_read(cfg, stage)
    files = named_files(part)
    folders = written_folders(part)
    literal = [v for v in stage.inputs.values() if not Reference.parse(v)]
    plan.configs[stage.name] = cfg
    plan.hashes[stage.name] = content_hash(
        part,
        [*files, *folders, *literal],
        known,
        tool=stage.kind.tool,
        settings=stage.settings,
        inputs=stage.inputs,
    )
    plan.figures[stage.name] = content_hash(
        figures, named_files(figures), known
    )
    plan.old_hashes[stage.name] = old_hash(cfg, stage, literal, known)
    validation = figures.get('val_dataloader')
    files += [*named_files(validation), *folders, *literal]
    missing = [file for file in files if not Path(file).exists()]
    missing += missing_images([part, validation], known)
    missing += missing_packages([part, figures])
    for file in dict.fromkeys(missing):
        plan.missing.setdefault(file, []).append(stage.name)


def find_config(path: str) -> Path:
    """Return a config below the current folder or beside the tools."""
    for file in (Path(path), ROOT / path, ROOT / 'mmseg_wsss/.mim' / path):
        if file.is_file():
            return file
    raise FileNotFoundError(f'there is no config {path}')
