"""Hands out the audit log as rows, and writes down that it was handed out."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rollbook.actions.actor import Actor
from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.store import audit, entries
from rollbook.store.models import AuditEntry


def export(actor: Actor, sought: entries.Sought) -> Iterator[AuditEntry]:
    """Return all entries that match, up to now. The export itself is an entry, with what was asked for and how much came."""
    actor.must(Right.AUDIT)
    rows = entries.matching(actor.district, sought).filter(at__lte=clock.now())
    asked: dict[str, Any] = {f"with_{name}": str(value) for name, value in asdict(sought).items() if value}
    audit.note(
        actor.district,
        actor.name,
        "audit.exported",
        "audit log",
        entries=rows.count(),
        **asked,
    )
    return entries.stream(rows)


def in_words(detail: dict[str, object]) -> str:
    """Write what an entry says besides: limit 10, was 5."""
    return ", ".join(f"{name.replace('_', ' ')}: {_plain(value)}" for name, value in detail.items())


def _plain(value: object) -> str:
    if isinstance(value, list):
        return " ".join(_plain(each) for each in value) or "none"
    return {None: "none", True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)
