"""The check of options that are one of a few words."""

from __future__ import annotations

from collections.abc import Sequence


def check_option(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise a ValueError that lists the choices, unless value is one."""
    if value not in allowed:
        raise ValueError(f'{name} must be one of {allowed}, got {value!r}')
