"""Rows of CSV tables, as several programs write them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

_QUOTED = re.compile('"[^"]*"')
_SEPARATOR = re.compile(r'"?sep=([,;|\t])"?,*', re.IGNORECASE)


def read_rows(path: Path) -> dict[int, list[str]]:
    """Return the rows with content, cells stripped, by row number.

    The separator is that of a first line ``sep=;``, or the one of ``,``,
    ``;``, tab and ``|`` that the first line with content has most often.

    Raises:
        ValueError: If it is not UTF-8, or a quote is not closed.
    """
    rows: dict[int, list[str]] = {}
    number = 1
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            line = file.readline()
            told = _SEPARATOR.fullmatch(line.rstrip('\r\n '))
            while line and not line.strip(',;|"\t\r\n '):
                line = file.readline()
            header = _QUOTED.sub('', line.rstrip(',;|\t\r\n '))
            mark = max(',;\t|', key=header.count)
            file.seek(0)
            if told:
                file.readline()
            lines = csv.reader(
                file,
                delimiter=told[1] if told else mark,
                skipinitialspace=True,
                strict=True,
            )
            number += told is not None
            for row in lines:
                rows[number] = [c.strip().strip('\ufeff') for c in row]
                number += 1
    except UnicodeDecodeError as exc:
        raise ValueError(
            f'{path} is not a UTF-8 CSV file: {exc}; save it as UTF-8, in '
            'Excel as "CSV UTF-8"'
        ) from exc
    except csv.Error as exc:
        raise ValueError(
            f'{path}, row {number}: {exc}; is a quote (") not closed, or does '
            'it not enclose the whole cell?'
        ) from exc
    return {number: row for number, row in rows.items() if any(row)}
