"""The stages of a pipeline, read from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pprint import pformat

from mmengine.config import Config

from ...compat import load_config, type_name
from ...io.scalars import read_object
from ...jobs.test_dataset import flatten
from ..pipeline.record import LOG, STARTED
from ..pipeline.run import SUMMARY, read_log

# Text of a config that is shown; whole configs are shorter.
MAX_TEXT = 40_000


@dataclass
class StageInfo:
    """A stage, as ``pipeline.json`` and its folder show it.

    Attributes:
        name: Its name, and that of its folder.
        folder: Its folder; it need not exist.
        tool: File name of the tool; '' if unknown.
        config: Its config, as the pipeline names it.
        method: The switch it belongs to; '' if unknown.
        status: 'finished', 'off', 'stopped' (it failed or was killed) or
            'not reached'; so is one whose files are of other settings.
        upstream: Stages whose outputs it reads.
        seconds: Of its last run; None if it is not finished.
        stopped_before: Whether that run resumed an interrupted one.
        figures: Its last figures by name.
        cfg: Its whole config; None if there is none that can be read.
        no_cfg: Why there is none.
        steps: Names of the transforms that a label stage runs.
        log_tail: The end of its log, if it was stopped.
        checkpoint: The checkpoint that it passes on, if any.
    """

    name: str
    folder: Path
    tool: str = ''
    config: str = ''
    method: str = ''
    status: str = 'not reached'
    upstream: list[str] = field(default_factory=list)
    seconds: float | None = None
    stopped_before: bool = False
    figures: dict[str, float] = field(default_factory=dict)
    cfg: Config | None = None
    no_cfg: str = ''
    steps: list[str] = field(default_factory=list)
    log_tail: list[str] = field(default_factory=list)
    checkpoint: Path | None = None

    @property
    def seed(self) -> int | None:
        """The seed of its config."""
        return ((self.cfg or {}).get('randomness') or {}).get('seed')

    @property
    def has_run(self) -> bool:
        """Whether the files in its folder are of this pipeline."""
        return self.status in ('finished', 'stopped')

    @property
    def label_dir(self) -> Path | None:
        """Folder of the label maps that it wrote, if any."""
        if not self.has_run:
            return None
        for name in ('labels', 'predictions'):
            folder = self.folder / name
            if folder.is_dir() and any(folder.glob('*.png')):
                return folder
        return None

    @property
    def predicts(self) -> bool:
        """Whether its label maps are a segmentor's predictions."""
        return self.tool == 'test.py'

    def settings(self) -> list[str]:
        """Return the most important settings in a few phrases."""
        cfg = self.cfg or {}
        if self.tool != 'train.py':
            return [' → '.join(self.steps)] if self.steps else []
        loop = cfg.get('train_cfg') or {}
        epochs, iters = loop.get('max_epochs'), loop.get('max_iters')
        batch = (cfg.get('train_dataloader') or {}).get('batch_size')
        optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
        phrases = [f'{epochs} epochs'] if epochs else []
        phrases += [f'{iters} iterations'] if iters and not epochs else []
        phrases += [f'batch of {batch}'] if batch else []
        if optimizer:
            rate = optimizer.get('lr')
            name = type_name(optimizer) or 'optimizer'
            phrases.append(name + (f' at {rate:g}' if rate else ''))
        return phrases

    def config_text(self) -> str:
        """Return its whole config as text; '' without one."""
        if self.cfg is None:
            return ''
        text = pformat(self.cfg.to_dict(), width=88, sort_dicts=False)
        if len(text) > MAX_TEXT:
            text = f'{text[:MAX_TEXT]}\n... ({len(text)} characters in all)'
        return text


def read_stages(work_dir: Path) -> tuple[str, list[StageInfo]]:
    """Read the stages of a pipeline in their order.

    Args:
        work_dir: Folder that ``tools/run_pipeline.py`` wrote.

    Returns:
        tuple: The pipeline's name, and the stages.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If there is no stage in it.
    """
    if not work_dir.is_dir():
        raise FileNotFoundError(f'there is no folder {work_dir}')
    summary = read_object(work_dir / SUMMARY)
    listed = summary.get('stages')
    if not listed:
        raise ValueError(
            f'{work_dir} holds no stage: give the folder that '
            'tools/run_pipeline.py wrote, work_dirs/<name of the pipeline>'
        )
    name = str(summary.get('name') or work_dir.resolve().name)
    return name, [_stage(work_dir, given) for given in listed]


def _stage(work_dir: Path, given: Mapping) -> StageInfo:
    name = str(given.get('name'))
    folder = work_dir / name
    stage = StageInfo(
        name,
        folder,
        str(given.get('tool') or ''),
        str(given.get('config') or ''),
        str(given.get('method') or ''),
        upstream=list(given.get('upstream') or []),
    )
    if not given.get('on', True):
        stage.status = 'off'
        return stage
    done = given.get('record')
    if done:
        stage.status = 'finished'
        stage.seconds = done.get('seconds')
        stage.stopped_before = bool(done.get('stopped_before'))
        stage.figures = {
            k: v
            for k, v in (done.get('figures') or {}).items()
            if isinstance(v, int | float)
        }
        stage.checkpoint = _checkpoint(folder, done)
    elif (folder / STARTED).is_file():
        stage.status = 'stopped'
        if (folder / LOG).is_file():
            stage.log_tail = list(read_log(folder / LOG)[0])
    else:
        return stage
    stage.cfg, stage.no_cfg = _config(folder / 'config.py')
    pipeline = (given.get('settings') or {}).get('pipeline')
    steps = (stage.cfg or {}).get(pipeline) if pipeline else None
    if isinstance(steps, list):
        stage.steps = [type_name(step) for step in flatten(steps)]
    return stage


def _checkpoint(folder: Path, done: Mapping) -> Path | None:
    output = (done.get('outputs') or {}).get('checkpoint') or {}
    path = folder / str(output.get('path') or 'none')
    return path if path.is_file() else None


def _config(path: Path) -> tuple[Config | None, str]:
    """Read a stage's config; None and the reason if that fails."""
    if not path.is_file():
        return None, 'it has no config.py'
    try:
        return load_config(path), ''
    # It is Python, and may import what is not installed here.
    except Exception as error:
        return None, f'its config.py cannot be read: {error}'
