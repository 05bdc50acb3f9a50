"""Runs the queries of plugins: their own SQL on our tables, with the names, order and access check of their own XML."""

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rollbook.sandbox.powerschool import fiql, guesses, oracle
from rollbook.sandbox.powerschool.answers import Answer, Refused, as_json, dumps, framework_error, schema_error
from rollbook.sandbox.powerschool.database import shuffled_orders
from rollbook.sandbox.powerschool.grants import Call
from rollbook.sandbox.powerschool.named_queries import Argument, NamedQuery, Selected
from rollbook.sandbox.powerschool.tables import TABLES

DEFAULT_PAGE = 100
_CHUNK = 1_000


def answer(call: Call, name: str, *, count_only: bool = False) -> Answer:
    """Answer `POST /ws/schema/query/NAME`, or its `/count`."""
    found = call.plugins.query(name)
    if found is None or not found[0].enabled:
        raise schema_error(404, guesses.QUERY_NOT_FOUND.format(name))
    if call.request.method != "POST":
        raise framework_error(405, guesses.QUERY_BY_GET, wants_json=call.request.wants_json)
    query = found[1]
    if missing := call.missing([column.checked for column in query.columns]):
        listed = [(f"{table}.{column}".lower(), "No access to the field") for table, column in missing]
        raise _invalid(403, query, listed)
    asked = _Asked.of(call, query)
    if count_only:
        return as_json({"count": len(_rows(call, asked))})
    return Answer(200, _pieces(call, asked))


def accesses(call: Call, name: str) -> Answer:
    """Answer with the fields that a query needs."""
    found = call.plugins.query(name)
    if found is None:
        raise schema_error(404, guesses.QUERY_NOT_FOUND.format(name))
    fields = sorted({column.checked for column in found[1].columns})
    return as_json({"name": name, "fields": [{"table": table, "field": column} for table, column in fields]})


def listing(call: Call) -> Answer:
    """Answer with the queries that can be called, roughly as Swagger has it."""
    names = sorted(query.name for plugin in call.plugins if plugin.enabled for query in plugin.package.queries)
    return as_json({"swagger": "2.0", "paths": {f"/ws/schema/query/{name}": {"post": {"operationId": name}} for name in names}})


@dataclass(frozen=True)
class _Asked:
    """What is asked of a query, ready for SQLite. `shown` are the positions of the columns that are answered with."""

    query: NamedQuery
    sql: str
    bound: dict[str, Any]
    where: str
    order: str
    shown: list[int]
    limit: int | None
    offset: int
    with_count: bool
    dataversion: str = ""

    @classmethod
    def of(cls, call: Call, query: NamedQuery) -> "_Asked":
        parameters, body = call.request.parameters, _body(call, query)
        sql, bound = _arguments(query, body)
        by_name = {f"{column.under}.{column.alias}": number for number, column in enumerate(query.columns)}
        where, filtered = _filter(query, str(body.get("$q") or ""))
        limit, offset = _page(parameters)
        order = _order(query, parameters.get("order", ""), by_name)
        if not order and not query.ordered and "unstable-order" in call.faults:
            order = "ORDER BY RANDOM()"
        return cls(
            query=query,
            sql=sql,
            bound={**bound, **filtered},
            where=where,
            order=order,
            shown=_shown(query, str(body.get("projection") or ""), by_name),
            limit=limit,
            offset=offset,
            with_count=parameters.get("count", "").lower() == "true",
            dataversion=_dataversion(query, body),
        )

    @property
    def statement(self) -> str:
        """The SQL of the plugin, inside of ours."""
        names = ", ".join(f"c{number}" for number in range(len(self.query.columns)))
        return f"WITH asked({names}) AS ({self.sql}\n) SELECT {names} FROM asked WHERE {self.where} {self.order}"  # noqa: S608


def _body(call: Call, query: NamedQuery) -> dict[str, Any]:
    text = call.request.body.strip()
    if not text:
        return {}
    try:
        body = json.loads(text)
    except ValueError as error:
        raise _invalid(400, query, [("", "The body is no JSON")]) from error
    if not isinstance(body, dict):
        raise _invalid(400, query, [("", "The body is no JSON object")])
    return body


def _arguments(query: NamedQuery, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    sql, bound, wrong = query.sql, dict[str, Any](), list[tuple[str, str]]()
    for argument in query.arguments:
        given = body.get(argument.name)
        given = argument.default if given is None else given
        if given is None and argument.required:
            wrong.append((argument.name, guesses.MISSING_ARGUMENT))
        elif argument.array:
            several = given if isinstance(given, list) else [] if given is None else str(given).split(",")
            values = [_value(argument, each, wrong) for each in several]
            sql = oracle.expanded(sql, argument.name, len(values))
            bound |= {f"{argument.name}__{number}": value for number, value in enumerate(values)}
        else:
            bound[argument.name] = None if given is None else _value(argument, given, wrong)
    if wrong:
        raise _invalid(400, query, wrong)
    return sql, bound


def _value(argument: Argument, given: Any, wrong: list[tuple[str, str]]) -> Any:
    text = given.strip() if isinstance(given, str) else given
    if argument.kind == "number" and not re.fullmatch(r"-?[0-9]+", str(text)):
        wrong.append((argument.name, guesses.BAD_ARGUMENT))
        return None
    if isinstance(text, bool | list | dict):
        wrong.append((argument.name, guesses.BAD_ARGUMENT))
        return None
    if argument.kind == "number":
        return int(text)
    text = str(given)
    return text.upper() if argument.casing == "upper" else text.lower() if argument.casing == "lower" else text


def _filter(query: NamedQuery, text: str) -> tuple[str, dict[str, str | int]]:
    columns = {
        f"{column.under}.{column.alias}": fiql.Column(f"c{number}", column.kind) for number, column in enumerate(query.columns)
    }
    try:
        return fiql.condition(fiql.parse(text), columns)
    except fiql.BadFilter as error:
        raise _invalid(400, query, [(error.field or "$q", f"{guesses.BAD_FILTER}: {error}")]) from error


def _order(query: NamedQuery, text: str, by_name: dict[str, int]) -> str:
    pieces = []
    for each in filter(None, text.split(",")):
        name, _, direction = each.strip().lower().partition(";")
        if name not in by_name or direction not in ("", "asc", "desc"):
            raise _invalid(400, query, [(name, guesses.BAD_ORDER)])
        pieces.append(f"c{by_name[name]} {direction}")
    return f"ORDER BY {', '.join(pieces)}" if pieces else ""


def _shown(query: NamedQuery, projection: str, by_name: dict[str, int]) -> list[int]:
    names = [name.strip().lower() for name in projection.split(";") if name.strip()]
    if unknown := [name for name in names if name not in by_name]:
        raise _invalid(400, query, [(unknown[0], "Invalid projection")])
    return [by_name[name] for name in names] or list(range(len(query.columns)))


def _page(parameters: dict[str, str]) -> tuple[int | None, int]:
    size, page = whole_number(parameters, "pagesize", DEFAULT_PAGE), whole_number(parameters, "page", 1)
    return (None, 0) if size == 0 else (size, (max(1, page) - 1) * size)


def whole_number(parameters: dict[str, str], name: str, default: int) -> int:
    """Return a number of the query string. Refuses what is none."""
    text = parameters.get(name) or str(default)
    if not re.fullmatch("[0-9]{1,9}", text):
        raise schema_error(400, f"Invalid {name} '{text}'")
    return int(text)


def _dataversion(query: NamedQuery, body: dict[str, Any]) -> str:
    version, application = body.get("$dataversion"), body.get("$dataversion_applicationname")
    if (version is None) != (application is None):
        raise _invalid(400, query, [("$dataversion", guesses.DATAVERSION_ALONE)])
    if version is not None and not re.fullmatch("[0-9]+", str(version)):
        raise _invalid(400, query, [("$dataversion", guesses.BAD_ARGUMENT)])
    return "" if version is None else str(version)


def _rows(call: Call, asked: _Asked) -> list[tuple[Any, ...]]:
    try:
        return call.database.result(asked.statement, asked.bound, call.clock.now().isoformat)
    except sqlite3.Error as error:
        raise _invalid(400, asked.query, [("", str(error))]) from error


def _pieces(call: Call, asked: _Asked) -> Iterator[bytes]:
    """Yield the answer as it is read; what goes wrong before the first row is still an error."""
    pieces = _written(call, asked)
    first = next(pieces)

    def whole() -> Iterator[bytes]:
        yield first
        yield from pieces

    return whole()


def _written(call: Call, asked: _Asked) -> Iterator[bytes]:
    query = asked.query
    tail: dict[str, Any] = {"@extensions": ""}
    found = _rows(call, asked)
    if asked.dataversion:
        tail["$dataversion"] = str(call.database.version)
    if asked.with_count:
        tail["count"] = len(found)
    unchanged = bool(asked.dataversion) and int(asked.dataversion) >= call.database.version
    rows = found[asked.offset :][: asked.limit]
    if unchanged or "empty" in call.faults:
        rows = []
    if "short-page" in call.faults and len(rows) > 1:
        rows = rows[:-1]
    if not rows:
        yield dumps(tail)
        return
    shape = _Shape(query, asked.shown, numbers="numbers" in call.faults)
    name = {"name": query.core_table if query.flattened else query.core_table.capitalize()} if query.core_table else {}
    lead = dumps({**name, "record": []})[:-2]
    for start in range(0, len(rows), _CHUNK):
        yield lead + dumps(shape.rows(rows[start : start + _CHUNK], start))[1:-1]
        lead = b","
    yield b"]," + dumps(tail)[1:]


class _Shape:
    """How the rows of a query look: flattened or by table, nulls left out, the keys in no order to count on."""

    def __init__(self, query: NamedQuery, shown: list[int], *, numbers: bool) -> None:
        columns = query.columns
        core = query.core_table
        key = TABLES[core].key if core else ""
        self._key = next((number for number, column in enumerate(columns) if column.checked == (core, key)), None)
        self._core, self._flattened, self._numbers = core, query.flattened, numbers
        self._orders = [[shown[place] for place in order] for order in shuffled_orders(len(shown))]
        self._columns: tuple[Selected, ...] = columns

    def rows(self, rows: list[tuple[Any, ...]], start: int) -> list[dict[str, Any]]:
        """Return rows as they are answered with."""
        make = self._flat if self._flattened else self._by_table
        return [make(row, self._orders[(start + place) % len(self._orders)]) for place, row in enumerate(rows)]

    def _flat(self, row: tuple[Any, ...], order: list[int]) -> dict[str, Any]:
        made: dict[str, Any] = {} if self._key is None else {"_id": row[self._key], "_name": self._core}
        for place in order:
            if row[place] is not None:
                made[self._columns[place].alias] = self._text(row[place])
        return made

    def _by_table(self, row: tuple[Any, ...], order: list[int]) -> dict[str, Any]:
        tables: dict[str, dict[str, Any]] = {}
        for place in order:
            if row[place] is not None:
                column = self._columns[place]
                tables.setdefault(column.under, {})[column.alias] = self._text(row[place])
        head = {} if self._key is None else {"id": row[self._key], "name": self._core.capitalize()}
        return {**head, "tables": tables}

    def _text(self, value: Any) -> Any:
        if isinstance(value, str) or (self._numbers and isinstance(value, int)):
            return value
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _invalid(status: int, query: NamedQuery, faults: list[tuple[str, str]]) -> Refused:
    errors = [{"resource": query.name, "field": name, "code": code} for name, code in faults]
    return schema_error(status, "Validation Failed", errors)
