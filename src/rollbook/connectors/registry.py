"""Finds a connector by its name: those that come with Rollbook, then those of other packages."""

from importlib import import_module
from importlib.metadata import entry_points

from rollbook.connectors.protocol import Connector
from rollbook.domain.errors import ConfigError

BUILT_IN = {"oneroster-csv": "rollbook.connectors.oneroster.connector:OneRosterCsv"}


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
