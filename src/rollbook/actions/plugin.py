"""The plugin that a district installs in its PowerSchool, as screens and commands hand it out: files, fields, versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from email.utils import parseaddr
from itertools import groupby
from typing import Protocol

from django.conf import settings

from rollbook.connectors import registry

KIND = "powerschool"

#: PowerSchool takes no longer address of a publisher.
LONGEST_CONTACT = 40


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


def package(*, guardians: bool, contact: str = "") -> bytes:
    """Return the ZIP that PowerSchool installs. `contact` is who can be asked about it; "": nobody."""
    made: bytes = registry.beside(KIND, "plugin").package(guardians=guardians, **_named(contact))
    return made


def description(*, guardians: bool, contact: str = "") -> bytes:
    """Return the bare plugin.xml: to be read before anything is installed."""
    made: bytes = registry.beside(KIND, "plugin").plugin_xml(guardians=guardians, **_named(contact))
    return made


def contact() -> str:
    """Return the address that this installation sends its mail from; "" where that is none that others could write to."""
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return address if "." in address.partition("@")[2] and len(address) <= LONGEST_CONTACT else ""


def _named(contact: str) -> dict[str, str]:
    return {"contact": contact} if contact else {}


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
