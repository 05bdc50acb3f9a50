"""Writes down what somebody did, in the transaction in which it was done."""

from typing import Any

from rollbook.lib import clock
from rollbook.store.models import AuditEntry


def note(district: int, by: str, act: str, about: str = "", *, concerns: int | None = None, **detail: Any) -> None:
    """Add one entry; `concerns` is the account that it was done to. No names or addresses of people in a roster belong into
    `detail`."""
    entry = AuditEntry(district_id=district, at=clock.now(), by=by, act=act, about=about, detail=detail, concerns=concerns)
    entry.save(force_insert=True)
