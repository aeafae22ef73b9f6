"""Pipelines: from image labels to a segmentor, stage by stage."""

from .command import Launch
from .lock import exclusive_lock
from .plan import Plan, read_plan
from .run import StageFailedError, run_command, run_stage
from .state import State, forecast
from .summary import table, write_summary

__all__ = [
    'Launch',
    'Plan',
    'StageFailedError',
    'State',
    'exclusive_lock',
    'forecast',
    'read_plan',
    'run_command',
    'run_stage',
    'table',
    'write_summary',
]
