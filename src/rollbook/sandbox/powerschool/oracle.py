"""The few functions of Oracle that the queries of plugins use, for SQLite; what cannot be the same is refused, not guessed."""

import re
import sqlite3
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from rollbook.sandbox.powerschool import guesses

_FORMATS = {
    "YYYY": "{y}", "RRRR": "{y}", "YY": "{yy}", "MM": "{m}", "DD": "{d}",
    "HH24": "{h}", "HH": "{h}", "MI": "{mi}", "SS": "{s}", "FM": "",
}  # fmt: skip
_FORMAT = re.compile("|".join(_FORMATS), re.IGNORECASE)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d))?")

#: Text in quotes, or a comment: left alone where the rest is translated.
_QUOTED = re.compile(r"('(?:[^']|'')*'|\"[^\"]*\"|/\*.*?\*/|--[^\n]*)", re.DOTALL)
_SYSDATE = re.compile(r"\b(SYSDATE|CURRENT_DATE|SYSTIMESTAMP)\b(?!\s*\()", re.IGNORECASE)
_DATE_SUM = re.compile(r"\b(SYSDATE|CURRENT_DATE|SYSTIMESTAMP)\b\s*\)?\s*[-+]", re.IGNORECASE)
_OUTER = re.compile(r"\(\s*\+\s*\)")
_RESTRICTED = re.compile(r"<@restricted_table\b[^>]*>", re.IGNORECASE)


class NotHere(Exception):
    """PowerSchool would take this SQL; the simulator cannot run it, and says why."""


def translated(sql: str) -> str:
    """Return a plugin's SQL as SQLite takes it.

    Errors: NotHere for what would silently mean something else: sums with dates, and Oracle's old outer joins.
    """
    sql = _RESTRICTED.sub(guesses.RESTRICTED_TABLE, sql).strip().rstrip(";")
    pieces = _QUOTED.split(sql)
    code = "".join(pieces[::2])
    if _DATE_SUM.search(code):
        raise NotHere("it counts with dates (SYSDATE + or -)")
    if _OUTER.search(code):
        raise NotHere("it joins by (+); write LEFT JOIN")
    if "<@" in code or "~[" in code or "~(" in code:
        raise NotHere("it has PS-HTML")
    pieces[::2] = [_SYSDATE.sub("SYSDATE()", piece) for piece in pieces[::2]]
    return "".join(pieces)


def expanded(sql: str, argument: str, count: int) -> str:
    """Return SQL in which a list stands for an argument: `:name` becomes `:name__0, :name__1`; of none, NULL."""
    marks = ", ".join(f":{argument}__{number}" for number in range(count)) or "NULL"
    pieces = _QUOTED.split(sql)
    pieces[::2] = [re.sub(rf":{re.escape(argument)}\b", marks, piece) for piece in pieces[::2]]
    return "".join(pieces)


def without_comments_and_text(sql: str) -> str:
    """Return only what is code of some SQL."""
    return " ".join(_QUOTED.split(sql)[::2])


def install(connection: sqlite3.Connection, now: Callable[[], str]) -> None:
    """Give a connection the functions. `now` says what time SYSDATE is, as ISO text."""
    for name, function in _FUNCTIONS.items():
        connection.create_function(name, -1, function, deterministic=True)
    connection.create_function("SYSDATE", 0, now)


def _nvl(value: Any, other: Any) -> Any:
    return other if value is None else value


def _nvl2(value: Any, present: Any, absent: Any) -> Any:
    return absent if value is None else present


def _decode(value: Any, *pairs: Any) -> Any:
    for wanted, result in zip(pairs[::2], pairs[1::2], strict=False):
        if value == wanted or str(value) == str(wanted):
            return result
    return pairs[-1] if len(pairs) % 2 else None


@lru_cache(maxsize=65_536)  # a district has few dates and many rows
def _to_char(value: Any, form: str | None = None) -> str | None:
    if value is None:
        return None
    found = _DATE.match(str(value))
    if found is None or form is None:
        return str(value)
    year, month, day, hour, minute, second = (part or "00" for part in found.groups())
    filled = _FORMAT.sub(lambda match: _FORMATS[match[0].upper()], form.replace('"', ""))
    return filled.format(y=year, yy=year[2:], m=month, d=day, h=hour, mi=minute, s=second)


def _to_date(value: Any, form: str | None = None) -> str | None:
    if value is None:
        return None
    text = str(value)
    if form is None or _DATE.match(text):
        return text[:10]
    pattern = _FORMAT.sub(lambda match: rf"(?P<{match[0].upper()}>\d+)", re.escape(form).replace("\\-", "-"))
    found = re.match(pattern, text, re.IGNORECASE)
    if not found:
        raise ValueError("ORA-01861: literal does not match format string")
    parts = found.groupdict()
    year = parts.get("YYYY") or parts.get("RRRR") or f"20{parts.get('YY', '00')}"
    return f"{int(year):04}-{int(parts.get('MM', 1)):02}-{int(parts.get('DD', 1)):02}"


def _to_number(value: Any, _form: str | None = None) -> Any:
    if value is None:
        return None
    return float(value) if "." in str(value) else int(value)


def _trunc(value: Any, digits: Any = 0) -> Any:
    if isinstance(value, str):
        return value[:10]
    if value is None or not isinstance(digits, int):
        return value
    scale = 10**digits
    return int(value * scale) / scale if digits else int(value)


def _pad(text: Any, length: int, fill: str, *, left: bool) -> str | None:
    if text is None or not fill:
        return None
    missing = int(length) - len(str(text))
    added = (fill * (missing // len(fill) + 1))[: max(0, missing)]
    return ((added + str(text)) if left else (str(text) + added))[: int(length)]


def _compared(choose: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: None if None in values else choose(values)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "NVL": _nvl,
    "NVL2": _nvl2,
    "DECODE": _decode,
    "TO_CHAR": _to_char,
    "TO_DATE": _to_date,
    "TO_NUMBER": _to_number,
    "TRUNC": _trunc,
    "LPAD": lambda text, length, fill=" ": _pad(text, length, fill, left=True),
    "RPAD": lambda text, length, fill=" ": _pad(text, length, fill, left=False),
    "INITCAP": lambda text: None if text is None else str(text).title(),
    "CONCAT": lambda *texts: "".join(str(text) for text in texts if text is not None) or None,
    "MOD": lambda value, by: None if value is None or by is None else value - by * int(value / by) if by else value,
    "GREATEST": _compared(max),
    "LEAST": _compared(min),
}
