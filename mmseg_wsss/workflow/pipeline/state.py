"""Which stages are finished, which go on, which are made anew."""

from __future__ import annotations

from typing import NamedTuple

from .plan import Plan
from .record import BEGUN, DONE, is_whole, read_record
from .stage import Stage

# What is to be done with a stage.
SKIP, GO_ON, MAKE = 'finished', 'goes on', 'to do'


class State(NamedTuple):
    """What is to be done with a stage, and why."""

    todo: str
    why: str = ''


def made_ids(plan: Plan, stage: Stage) -> dict[str, str | None]:
    """Tell which making of each stage before it a stage builds on.

    Returns:
        dict: Ids by name; None for a stage that is not finished.
    """
    ids = {}
    for name in plan.upstream(stage):
        record = read_record(plan.folder(name), DONE)
        ids[name] = record and record['id']
    return ids


def look_at(plan: Plan, stage: Stage) -> State:
    """Tell the state of a stage, if those before it are as they should be.

    Args:
        plan: The pipeline.
        stage: A stage of it that is on.

    Returns:
        State: Finished if its config, the files that this names and the
        stages before it are those it was made from.
    """
    folder = plan.folder(stage.name)
    done, begun = (read_record(folder, name) for name in (DONE, BEGUN))
    record = done or begun
    if record is None:
        left = folder.is_dir() and any(folder.iterdir())
        return State(MAKE, 'its folder holds something else' if left else '')
    if record['hash'] != plan.hashes[stage.name]:
        return State(MAKE, 'its config or an input file changed')
    changed = _changed(record['upstream'], made_ids(plan, stage))
    if changed:
        return State(MAKE, f'{changed} was made anew')
    if done is None:
        return State(GO_ON, 'it was stopped')
    if not is_whole(done, folder):
        # A training that is over would not find its best checkpoint again.
        todo = MAKE if stage.settings.get('choose') == 'best' else GO_ON
        return State(todo, 'files are missing')
    return State(SKIP)


def forecast(plan: Plan, first: str | None = None) -> dict[str, State]:
    """Tell what a run would do with each stage that is on.

    Args:
        plan: The pipeline.
        first: Stages before this one are taken as they are.

    Returns:
        dict[str, State]: States by name.
    """
    states: dict[str, State] = {}
    names = [stage.name for stage in plan.on]
    kept = set(names[: names.index(first)]) if first else set()
    for stage in plan.on:
        if stage.name in kept:
            states[stage.name] = State(SKIP, 'taken as it is')
            continue
        state = look_at(plan, stage)
        waits = [n for n in plan.upstream(stage) if states[n].todo != SKIP]
        if waits and state.todo != MAKE:
            state = State(MAKE, f'{waits[0]} is made before')
        states[stage.name] = state
    return states


def _changed(before: dict, now: dict) -> str | None:
    for name in {**before, **now}:
        if before.get(name) != now.get(name) or now.get(name) is None:
            return name
    return None
