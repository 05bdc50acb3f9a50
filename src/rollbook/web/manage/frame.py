"""What the head of every page of the Import Manager shows."""

from typing import Any

from django.http import HttpRequest

from rollbook.store import reads
from rollbook.store.models import Source
from rollbook.web.access import actor_of


def frame(request: HttpRequest, source: Source | None, tab: str) -> dict[str, Any]:
    """Return the sources to choose from, and the tabs."""
    return {
        "rail": "settings",
        "source": source,
        "sources": reads.sources(actor_of(request).district),
        "tab": tab,
    }
