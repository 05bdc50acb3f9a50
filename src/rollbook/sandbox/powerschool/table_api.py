"""Answers `/ws/schema/table`: tables of the district, row by row, checked in PowerSchool's order."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from rollbook.sandbox.powerschool import fiql, guesses
from rollbook.sandbox.powerschool.answers import Answer, as_json, framework_error, schema_error
from rollbook.sandbox.powerschool.grants import Call, Field
from rollbook.sandbox.powerschool.power_query import whole_number
from rollbook.sandbox.powerschool.tables import EXCLUDED, SECRET_COLUMNS, TABLES, Table

_NOT_FOUND = "Resource not found"


def answer(call: Call, path: str) -> Answer:
    """Answer what stands after `/ws/schema/`."""
    kind, *rest = path.split("/")
    if kind == "area":
        return _areas(rest)
    if kind == "plugin":
        return _validation(call, rest)
    if not rest:
        return as_json({"tables": [{"name": name.lower()} for name, table in TABLES.items() if not table.view]})
    table = TABLES.get(rest[0].upper())
    if table is None or table.name in EXCLUDED or len(rest) > 2:
        raise schema_error(404, _NOT_FOUND)
    if table.view:
        raise framework_error(405, guesses.VIEW_REFUSED, wants_json=call.request.wants_json)
    if call.request.method != "GET":
        raise _forbidden([(table.name, table.key)])
    match rest[1:]:
        case ["count"]:
            return _count(call, table)
        case ["metadata"]:
            return _metadata(call, table)
        case [key]:
            return _one(call, table, key)
    return _page(call, table)


def _areas(rest: list[str]) -> Answer:
    if not rest:
        return as_json({"areas": [{"name": guesses.AREA}]})
    if rest == [guesses.AREA, "table"]:
        return as_json({"tables": [{"name": name.lower()} for name, table in TABLES.items() if not table.view]})
    raise schema_error(404, _NOT_FOUND)


def _validation(call: Call, rest: list[str]) -> Answer:
    """An installed plugin has been validated when it came, so there is nothing to complain about."""
    if len(rest) == 2 and rest[1] == "validate" and rest[0].isdigit() and call.plugins.get(int(rest[0])):
        return as_json({"results": [], "maxLevel": "NONE"})
    raise schema_error(404, _NOT_FOUND)


def dataversion(call: Call, path: str) -> Answer:
    """Answer `/ws/dataversion/APPLICATION/VERSION`: no ids changed, as nothing is subscribed to."""
    version = path.rpartition("/")[2]
    if not version.isdigit():
        raise schema_error(400, "Invalid version")
    return as_json({"$dataversion": call.database.version, "tables": {}})


def _page(call: Call, table: Table) -> Answer:
    parameters = call.request.parameters
    columns = _projection(call, table, parameters.get("projection", ""))
    where, bound, filtered = _filter(table, parameters)
    order = _sorted_by(table, parameters)
    _permitted(call, table, [*columns, *filtered])
    most = call.plugin.page_sizes["schema_table_query"]
    size = whole_number(parameters, "pagesize", most) or most
    if size > most and "large-page-refused" in call.faults:
        raise schema_error(400, guesses.V1_PAGE_TOO_LARGE.format(size, most))
    size, page = min(size, most), max(1, whole_number(parameters, "page", 1))
    sql = f"SELECT {table.key} AS row_id, {', '.join(columns)} FROM {table.name} WHERE {where} ORDER BY {order} LIMIT :size OFFSET :skip"  # noqa: S608, E501
    rows = call.database.rows(sql, {**bound, "size": size, "skip": (page - 1) * size})
    if "empty" in call.faults:
        rows = []
    if "short-page" in call.faults and len(rows) > 1:
        rows.pop()
    listed = {"record": [_row(table, row, columns) for row in rows]} if rows else {}
    return as_json({"name": table.name.lower(), **listed})


def _one(call: Call, table: Table, key: str) -> Answer:
    columns = _projection(call, table, call.request.parameters.get("projection", ""))
    _permitted(call, table, columns)
    sql = f"SELECT {table.key} AS row_id, {', '.join(columns)} FROM {table.name} WHERE {table.key} = ?"  # noqa: S608
    rows = call.database.rows(sql, [key]) if key.lstrip("-").isdigit() else []
    if not rows:
        raise schema_error(404, _NOT_FOUND)
    return as_json(_row(table, rows[0], columns))


def _row(table: Table, row: dict[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    name = table.name.lower()
    return {
        "id": row["row_id"],
        "name": name,
        "tables": {name: {column.lower(): str(row[column]) for column in columns if row[column] is not None}},
    }


def _count(call: Call, table: Table) -> Answer:
    where, bound, filtered = _filter(table, call.request.parameters)
    _permitted(call, table, filtered)
    return as_json({"count": call.database.number(f"SELECT COUNT(*) FROM {table.name} WHERE {where}", bound)})  # noqa: S608


def _metadata(call: Call, table: Table) -> Answer:
    with_access = "access" in call.request.parameters.get("expansions", "")
    columns = [
        {"name": name.lower(), **({"access": call.access((table.name, name))} if with_access else {})} for name in table.columns
    ]
    return as_json({"name": table.name.lower(), "primaryKey": table.key.lower(), "columns": columns})


def _projection(call: Call, table: Table, text: str) -> list[str]:
    if not text.strip():
        raise schema_error(400, guesses.NO_PROJECTION)
    if text.strip() == "*":
        granted = [name for name in table.columns if not call.missing([(table.name, name)])]
        if not granted or "star-refused" in call.faults:
            _permitted(call, table, [name for name in table.columns if (table.name, name) not in SECRET_COLUMNS])
        return granted
    columns = [_column(table, name) for name in text.split(",")]
    for column, name in zip(columns, text.split(","), strict=True):
        if column not in table.columns:
            what = f"{name.strip().upper()} is not valid column for table: {table.name.capitalize()}"
            raise schema_error(400, f"Invalid field specified: {what}")
    return list(dict.fromkeys(columns))


def _column(table: Table, name: str) -> str:
    return name.strip().upper().removeprefix(f"{table.name}.")


def _filter(table: Table, parameters: dict[str, str]) -> tuple[str, dict[str, str | int], list[str]]:
    columns = {name.lower(): fiql.Column(name, kind) for name, kind in table.columns.items()}
    try:
        terms = fiql.parse(parameters.get("q", ""))
        where, bound = fiql.condition(terms, columns)
    except fiql.BadFilter as error:
        number = f"Invalid number '{error.number}' passed for comparison to number field {error.field.upper()}"
        raise schema_error(400, number if error.number is not None else str(error)) from error
    return where, bound, [term.field.upper() for term in terms]


def _sorted_by(table: Table, parameters: dict[str, str]) -> str:
    direction = "DESC" if parameters.get("sortdescending", "").lower() == "true" else "ASC"
    names = [_column(table, name) for name in unquote(parameters.get("sort", "")).split(",") if name.strip()]
    for name in names:
        if name not in table.columns or not re.fullmatch(r"\w+", name):
            raise schema_error(400, f"Invalid field {name}")
    return ", ".join(f"{name} {direction}" for name in [*names, table.key])


def _permitted(call: Call, table: Table, columns: Sequence[str]) -> None:
    if missing := call.missing([(table.name, column) for column in columns]):
        raise _forbidden(missing)


def _forbidden(fields: Sequence[Field]) -> Exception:
    errors = [{"code": "NoAccess", "field": column, "resource": table.capitalize()} for table, column in fields]
    return schema_error(403, "At least one column lacks sufficient permission", errors)
