"""Finds a connector, or what writes a format, by its name: those that come with Rollbook, then those of other packages."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import polars as pl

from rollbook.connectors.protocol import Connector, Written
from rollbook.domain.errors import ConfigError

BUILT_IN = {
    "oneroster-csv": "rollbook.connectors.oneroster.connector:OneRosterCsv",
    "powerschool": "rollbook.connectors.powerschool.connector:PowerSchool",
}

#: The formats that a roster can be written in, and what writes each.
WRITERS = {
    "oneroster-1.2-csv": "rollbook.connectors.oneroster.bundle_writer:write_1_2",
    "oneroster-1.1-csv": "rollbook.connectors.oneroster.bundle_writer:write_1_1",
}


def kinds() -> tuple[str, ...]:
    """Name every kind of source that can be configured."""
    return tuple(BUILT_IN) + tuple(point.name for point in entry_points(group="rollbook.connectors"))


def find(name: str) -> type[Connector]:
    """Return the connector class of that name. Raises ConfigError, naming those that exist."""
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
    for point in entry_points(group="rollbook.connectors", name=name):
        return point.load()  # type: ignore[no-any-return]
    raise ConfigError(f"There is no kind of source called '{name}'. Known: {', '.join(kinds())}")


def beside(name: str, module: str) -> Any:
    """Return a module that lies beside a connector, such as the plugin that a district installs before it can be asked."""
    return import_module(f"{find(name).__module__.rpartition('.')[0]}.{module}")


def writer(form: str) -> Callable[[Path, Mapping[str, pl.LazyFrame]], Written]:
    """Return what writes a roster in that format. Raises ConfigError, naming those that exist."""
    if form not in WRITERS:
        raise ConfigError(fields={"format": f"'{form}' is not one of {', '.join(WRITERS)}"})
    module, _, attribute = WRITERS[form].partition(":")
    return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
