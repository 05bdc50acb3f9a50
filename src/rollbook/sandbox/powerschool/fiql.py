"""Reads the filters of PowerSchool (`grade_level=ge=6;last_name==Ri*`) and makes conditions of SQL from them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from rollbook.sandbox.powerschool.tables import Kind

_OPERATORS = {"==": "=", "!=": "<>", "=gt=": ">", "=ge=": ">=", "=lt=": "<", "=le=": "<="}
_TERM = re.compile(r"\s*([A-Za-z0-9_.$]+)\s*(=gt=|=ge=|=lt=|=le=|==|!=)(.*)", re.IGNORECASE | re.DOTALL)

#: How a filter says "nothing there".
NULL = "\0"


class BadFilter(Exception):
    """A filter that PowerSchool would not take. `number` is set where a number was wanted and something else came."""

    def __init__(self, message: str, *, field: str = "", number: str | None = None) -> None:
        super().__init__(message)
        self.field, self.number = field, number


@dataclass(frozen=True)
class Term:
    """One comparison; several values mean any of them."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """What a field of a filter stands for in SQL."""

    sql: str
    kind: Kind = "text"


def parse(text: str) -> list[Term]:
    """Return the comparisons of a filter, all of which must hold.

    Errors: BadFilter; also for OR and parentheses, which there are none of besides a list of values.
    """
    return [_term(piece) for piece in text.split(";") if piece.strip()]


def _term(piece: str) -> Term:
    found = _TERM.fullmatch(piece)
    if not found:
        raise BadFilter(f"'{piece}' is no comparison")
    name, operator, value = found[1].lower(), _OPERATORS[found[2].lower()], found[3].strip()
    if value.startswith("(") and value.endswith(")") and operator in ("=", "<>"):
        values = tuple(each.strip() for each in value[1:-1].split(","))
    elif value.startswith("(") or value.endswith(")"):
        raise BadFilter(f"'{piece}' has parentheses")
    else:
        values = (value,)
    return Term(name, operator, tuple(unquote(each).strip('"') for each in values))


def condition(terms: Sequence[Term], columns: Mapping[str, Column]) -> tuple[str, dict[str, str | int]]:
    """Return the SQL of a filter and what is bound in it by name; "1=1" for none.

    Errors: BadFilter for a field that is not among the columns, or text where a number is wanted.
    """
    pieces, bound = ["1=1"], dict[str, str | int]()
    for term in terms:
        if term.field not in columns:
            raise BadFilter(f"Invalid field {term.field.upper()}", field=term.field)
        column = columns[term.field]
        any_of = []
        for value in term.values:
            mark = f"fiql_{len(bound)}"
            sql, wanted = _comparison(column, term, value)
            any_of.append(sql.replace("?", f":{mark}"))
            if wanted is not None:
                bound[mark] = wanted
        pieces.append("(" + (" AND " if term.operator == "<>" else " OR ").join(any_of) + ")")
    return " AND ".join(pieces), bound


def _comparison(column: Column, term: Term, value: str) -> tuple[str, str | int | None]:
    equality = term.operator in ("=", "<>")
    if equality and value == NULL:
        return f"{column.sql} IS {'NOT ' if term.operator == '<>' else ''}NULL", None
    if column.kind == "number":
        if not re.fullmatch(r"\s*-?[0-9]+\s*", value):
            raise BadFilter(f"'{value}' is no number", field=term.field, number=value)
        return f"{column.sql} {term.operator} ?", int(value)
    if equality and "*" in value:
        pattern = re.sub(r"([%_\\])", r"\\\1", value).replace("*", "%")
        return f"{column.sql} {'NOT ' if term.operator == '<>' else ''}LIKE ? ESCAPE '\\'", pattern
    return f"{column.sql} {term.operator} ?", value
