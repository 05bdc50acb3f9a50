"""Who may read which column: what an admin granted, less what stays closed to all."""

from collections.abc import Sequence
from dataclasses import dataclass

from rollbook.sandbox.powerschool.answers import Request
from rollbook.sandbox.powerschool.database import Database
from rollbook.sandbox.powerschool.installed import Installed, Plugins
from rollbook.sandbox.powerschool.moving_clock import MovingClock
from rollbook.sandbox.powerschool.tables import SECRET_COLUMNS

Field = tuple[str, str]


@dataclass(frozen=True)
class Call:
    """A request whose token is good: who asks, what for, and what goes wrong with it."""

    request: Request
    plugin: Installed
    plugins: Plugins
    database: Database
    clock: MovingClock
    faults: frozenset[str] = frozenset()

    def access(self, field: Field) -> str:
        """Return the access to a field, by PowerSchool's words."""
        if field in SECRET_COLUMNS:
            return "BlackListNoAccess"
        return self.plugin.granted.get(field, "NoAccess")

    def missing(self, fields: Sequence[Field]) -> list[Field]:
        """Return those of some fields that may not be read, in order, each once."""
        closed = [field for field in dict.fromkeys(fields) if self.access(field) not in ("ViewOnly", "FullAccess")]
        if "field-withdrawn" in self.faults and fields and fields[-1] not in closed:
            closed.append(fields[-1])
        return closed
