"""Reads the PowerQueries of a plugin, and finds in them what PowerSchool's own validation finds."""

import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from rollbook.sandbox.powerschool import oracle
from rollbook.sandbox.powerschool.database import columns_of
from rollbook.sandbox.powerschool.tables import EXCLUDED, TABLES, Kind, known

_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+){4}")
_ALIAS = re.compile(r"[A-Za-z0-9_]+")
_BIND = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_CASINGS = {"", "none", "upper", "lower"}


@dataclass(frozen=True)
class Argument:
    """A value that the caller gives."""

    name: str
    kind: Kind = "text"
    required: bool = False
    default: str | None = None
    array: bool = False
    casing: str = "none"


@dataclass(frozen=True)
class Selected:
    """A column of the answer: the field that it is checked as, and the table and alias that it is called by, lower-case."""

    table: str
    field: str
    under: str
    alias: str

    @property
    def kind(self) -> Kind:
        """What the values are."""
        return TABLES[self.table].columns[self.field]

    @property
    def checked(self) -> tuple[str, str]:
        """The field that must have been granted."""
        return self.table, self.field


@dataclass(frozen=True)
class NamedQuery:
    """One PowerQuery, ready to run."""

    name: str
    core_table: str
    flattened: bool
    arguments: tuple[Argument, ...]
    columns: tuple[Selected, ...]
    sql: str
    ordered: bool
    file: str = ""


def named_queries(root: Any, file: str) -> tuple[list[NamedQuery], list[str]]:
    """Return the queries of a file, and every complaint about it."""
    if root.tag != "queries":
        return [], [f"{file}: the root element is <{root.tag}>, not <queries>"]
    found, complaints = list[NamedQuery](), list[str]()
    for element in root:
        if element.tag != "query":
            complaints.append(f"{file}: unexpected element <{element.tag}>")
            continue
        query, faults = _query(element, file)
        complaints += [f"{file}: {element.get('name', 'a query without a name')}: {fault}" for fault in faults]
        if not faults and query:
            found.append(query)
    return found, complaints


def _query(element: Any, file: str) -> tuple[NamedQuery | None, list[str]]:
    name, core = element.get("name", ""), element.get("coreTable", "").upper()
    faults = _names(element, name, core)
    arguments = [_argument(arg, faults) for arg in element.findall("args/arg")]
    columns = [_selected(column, core, faults) for column in element.findall("columns/column")]
    flattened = element.get("flattened", "false") == "true"
    keys = [c.alias if flattened else f"{c.under}.{c.alias}" for c in columns if c]
    faults += [f"two columns are called '{key}'" for key in sorted({key for key in keys if keys.count(key) > 1})]
    sql = (element.findtext("sql") or "").strip()
    try:
        runnable = oracle.translated(sql)
    except oracle.NotHere as reason:
        return None, [*faults, f"PowerSchool may take this SQL, but the simulator does not: {reason}"]
    code = oracle.without_comments_and_text(sql)
    faults += _sql(code, runnable, len(columns), {argument.name for argument in arguments})
    whole = tuple(column for column in columns if column)
    ordered = bool(re.search(r"\border\s+by\b", _outermost(code), re.IGNORECASE))
    return NamedQuery(name, core, flattened, tuple(arguments), whole, runnable, ordered, file), faults


def _names(element: Any, name: str, core: str) -> list[str]:
    faults = []
    if not _NAME.fullmatch(name) or len(name) > 200 or name.startswith("com.powerschool"):
        faults.append("a name has five parts with dots between, of small letters, digits and _, and is not com.powerschool's")
    if core and (core not in TABLES or TABLES[core].view):
        faults.append(f"coreTable {core} is not a table")
    if element.get("flattened", "false") not in ("true", "false"):
        faults.append("flattened is neither true nor false")
    if len(element.findtext("summary") or "") > 50:
        faults.append("the summary is longer than 50 characters")
    if unknown := {child.tag for child in element} - {"summary", "description", "args", "columns", "sql"}:
        faults.append(f"unexpected element <{min(unknown)}>")
    return faults


def _argument(element: Any, faults: list[str]) -> Argument:
    name, field = element.get("name", ""), element.get("column", "").upper()
    table, _, column = field.partition(".")
    if not name:
        faults.append("an argument has no name")
    if field and not known(table, column):
        faults.append(f"argument {name}: there is no column {field}")
    if element.get("casing", "") not in _CASINGS or element.get("type", "primitive") not in ("primitive", "array"):
        faults.append(f"argument {name}: unknown casing or type")
    kind = TABLES[table].columns[column] if known(table, column) else "text"
    required, array = element.get("required") == "true", element.get("type") == "array"
    return Argument(name, kind, required, element.get("default"), array, element.get("casing") or "none")


def _selected(element: Any, core: str, faults: list[str]) -> Selected | None:
    table, _, field = element.get("column", "").upper().partition(".")
    under, dot, alias = (element.text or "").strip().rpartition(".")
    before = len(faults)
    if table in EXCLUDED:
        faults.append(f"the table {table} is closed to plugins")
    elif not known(table, field):
        faults.append(f"there is no column {table}.{field}")
    if not _ALIAS.fullmatch(alias) or (dot and not _ALIAS.fullmatch(under)):
        faults.append(f"'{(element.text or '').strip()}' cannot be an alias")
    if not dot and not core:
        faults.append(f"the alias '{alias}' has no table, and the query no coreTable")
    if len(faults) > before:
        return None
    return Selected(table, field, (under or core).lower(), alias.lower())


def _outermost(code: str) -> str:
    """Return what of some SQL stands in no parentheses."""
    while (shorter := re.sub(r"\([^()]*\)", " ", code)) != code:
        code = shorter
    return code


def _sql(code: str, runnable: str, columns: int, arguments: set[str]) -> list[str]:
    words = {word.upper() for word in re.findall(r"\w+", code)}
    if closed := words & EXCLUDED:
        return [f"the table {min(closed)} is closed to plugins"]
    if unknown := set(_BIND.findall(code)) - arguments:
        return [f"the SQL uses :{min(unknown)}, which is no argument"]
    try:
        selected = columns_of(runnable, frozenset(arguments))
    except sqlite3.Error as reason:
        return [f"the SQL cannot run here ({reason}); the simulator knows the tables of a roster, and plain SQL"]
    faults = [f"SELECT has a column without a name: {each}" for each in selected if not re.fullmatch(r"[\w$#]+", each)]
    lower = [each.lower() for each in selected]
    faults += [f"SELECT has two columns called {each}" for each in sorted({each for each in lower if lower.count(each) > 1})]
    if len(selected) != columns:
        faults.append(f"{columns} columns are declared, and {len(selected)} are selected")
    return faults
