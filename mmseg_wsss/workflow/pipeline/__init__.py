"""Pipelines: from image labels to a segmentor, stage by stage."""

from .command import Launch
from .plan import Plan, read_plan
from .record import (
    StageFolder,
    State,
    other_data_set,
    plan_states,
    upstream_ids,
)
from .run import StageFailedError, run_command, run_stage, table, write_summary

__all__ = [
    'Launch',
    'Plan',
    'StageFailedError',
    'StageFolder',
    'State',
    'other_data_set',
    'plan_states',
    'read_plan',
    'run_command',
    'run_stage',
    'table',
    'upstream_ids',
    'write_summary',
]
