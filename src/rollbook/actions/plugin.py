"""The plugin that a district installs in its PowerSchool, as screens and commands hand it out: files, fields, versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Protocol

from rollbook.connectors import registry

KIND = "powerschool"


class Release(Protocol):
    """One version of the plugin, and what it asks of a district."""

    version: str
    day: date
    changed: str
    enable_again: bool
    copy_credentials: bool


@dataclass(frozen=True)
class Asked:
    """A field that the plugin asks for, and why."""

    name: str
    why: str
    guardians: bool  # only the plugin with guardians asks for it


@dataclass(frozen=True)
class Table:
    """The fields of one table of PowerSchool."""

    name: str
    fields: tuple[Asked, ...]

    @property
    def guardians(self) -> bool:
        """Whether only the plugin with guardians asks for anything here."""
        return all(each.guardians for each in self.fields)


def package(*, guardians: bool) -> bytes:
    """Return the ZIP that PowerSchool installs."""
    made: bytes = registry.beside(KIND, "plugin").package(guardians=guardians)
    return made


def description(*, guardians: bool) -> bytes:
    """Return the bare plugin.xml: to be read before anything is installed."""
    made: bytes = registry.beside(KIND, "plugin").plugin_xml(guardians=guardians)
    return made


def version(*, guardians: bool) -> str:
    """Return the version that PowerSchool shows."""
    said: str = registry.beside(KIND, "plugin").version(guardians=guardians)
    return said


def tables() -> list[Table]:
    """Return every field that the plugin with guardians asks for, by table."""
    queries = registry.beside(KIND, "queries")
    core = {(table, field) for table, field, _ in queries.fields(queries.chosen(guardians=False))}
    asked: list[tuple[str, str, str]] = queries.fields(queries.chosen(guardians=True))
    return [
        Table(name, tuple(Asked(field, why, (table, field) not in core) for table, field, why in rows))
        for name, rows in groupby(asked, key=lambda each: each[0])
    ]


def releases(since: str = "") -> Sequence[Release]:
    """Return the versions after one, newest first; all of them where that one is not known."""
    history: Sequence[Release] = registry.beside(KIND, "changes").HISTORY
    known = [each.version for each in history]
    return history[: known.index(since)] if since in known else history
