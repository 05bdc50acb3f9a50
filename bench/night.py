"""One night as its own process: what the command line and the worker do, from the first import statement to the last."""

import json
import os
import sys
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rollbook.server.settings")
django.setup()

from rollbook.actions import actor, runs, sources  # noqa: E402
from rollbook.domain.gate import DEFAULTS  # noqa: E402
from rollbook.store.models import District  # noqa: E402

NAME = "district"
#: Of the default limits, the one that a district of this size meets first: so many people leave.
LEAVERS = next(limit for limit in DEFAULTS if limit.entity == "person" and limit.count is not None)


def prepare(path: str) -> None:
    """Set up an empty database and a source that reads `path`."""
    from rollbook.actions import setup  # no night needs it

    setup.prepare()
    _, account = setup.first_start("Maple Grove", "dana@maple.example", "a passphrase for measuring")
    sources.add(actor.of_account(account), "oneroster-csv", NAME, {"path": path})


def night() -> None:
    """Import once, as `rollbook import` does."""
    me = actor.of_command_line(District.objects.get())
    run = runs.perform(runs.start(me, sources.get(me, NAME)))
    print(json.dumps({"state": run.state, "message": run.message, "counts": run.counts}))


def limits(leavers: int) -> None:
    """Let so many people leave; with 0 let everything pass. The gate counts the same either way."""
    me = actor.of_command_line(District.objects.get())
    source = sources.get(me, NAME)
    for limit in DEFAULTS:
        percent, floor, count = limit.percent, limit.floor, limit.count
        if not leavers:
            percent, floor, count = percent and 100.0, 10**9, count and 10**9
        elif limit is LEAVERS:
            count = leavers
        sources.set_limit(me, source, limit.key, percent=percent, floor=floor, count=count)


match sys.argv[1:]:
    case ["prepare", path]:
        prepare(str(Path(path).absolute()))
    case ["import"]:
        night()
    case ["limits", leavers]:
        limits(int(leavers))
