"""Begins processes that know Rollbook already, and kills each at a moment of its own.

Reads one order a line, as JSON, and answers with one line. Nothing of polars or the database is used before the fork, so
that every process starts fresh; what is saved is only the second that the imports take.
"""

import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from rollbook.actions import actor, runs, setup, sources, work  # noqa: E402
from rollbook.connectors.powerschool import client  # noqa: E402
from rollbook.domain.entities import ENTITIES  # noqa: E402
from rollbook.domain.rights import ADMINISTRATOR  # noqa: E402
from rollbook.domain.runs import RunState, Trigger  # noqa: E402
from rollbook.lib import http  # noqa: E402
from rollbook.store import accounts, loading  # noqa: E402
from rollbook.store.models import MODELS, Account, District, Run, Source  # noqa: E402
from tests.district import edited, enrollment, minus, small, user, write  # noqa: E402

# A simulated PowerSchool is ours and may be hurried; a small district has pages, too.
http.Limits = partial(http.Limits, apart=0.0, first_pause=0.0)  # type: ignore[misc,assignment]
client.PowerSchool.__init__.__kwdefaults__["page"] = 100

HOME = Path(settings.DATA_DIR)
FILES = HOME / "files"
SAYS = HOME / "says.json"
MARK = HOME / "mark"


def variant(name: str) -> None:
    """Write one of two packages, between which much comes, goes and changes."""
    one = small(30)
    if name == "b":
        one = minus(one, "p2", "p5", "t2", "k2")
        for at in range(7, 14):
            one["users"] = edited(one["users"], f"p{at}", familyName="Other", email="")
        one["users"] += [user(f"n{at}") for at in range(5)]
        one["enrollments"] += [enrollment("k1", f"n{at}") for at in range(5)]
        one["orgs"] = edited(one["orgs"], "s2", name="Other")
        one["users"] = edited(one["users"], "p1", agentSourcedIds="")
    write(FILES, one)


def ada() -> actor.Actor:
    return actor.of_account(Account.objects.get(by_hand=True))


# --- what a process may be told to do ---


def begin(order: dict[str, Any]) -> None:
    """Make the database and the district, with a source of files, or a PowerSchool with the settings in the order."""
    setup.prepare()
    district = District.objects.create(name="Maple Grove")
    account = Account(district=district, email="ada@maple.example")
    account.set_unusable_password()
    account.save()
    accounts.give(account, ADMINISTRATOR)
    if asked := order.get("powerschool"):
        sources.add(actor.of_account(account), "powerschool", "lincoln", asked)
    else:
        variant("a")
        sources.add(actor.of_account(account), "oneroster-csv", "lincoln", {"path": str(FILES)})


def do(order: dict[str, Any]) -> None:
    """Carry the roster to the other variant, by one way of three, and be killed on the way."""
    if order.get("rebuild"):
        loading.WORTH_REBUILDING = 1
    if order["to"]:
        variant(order["to"])
    me, source = ada(), Source.objects.get()
    match order["way"]:
        case "import":
            run = runs.start(me, source)
        case "undo":
            run = runs.undo(me, source.accepted_run or 0, also_changed=True)
        case "approve":
            seen = runs.perform(runs.start(me, source, Trigger.PREVIEW))
            run = runs.approve(me, seen.pk)
    MARK.write_text("")
    state = watch(order.get("kill"))
    run = runs.perform(run)
    if run.state == RunState.HELD:
        run = runs.perform(runs.approve(me, run.pk))
    say(run=run.pk, state=run.state, message=run.message, files=state["files"])


def recover(_: dict[str, Any]) -> None:
    """Start again, as a worker does, and work until nothing is left to do but what waits for a person."""
    found = {each.pk: each.state for each in Run.objects.all()}
    while work.once():
        pass
    for waits in Run.objects.filter(state=RunState.HELD).exclude(trigger=Trigger.PREVIEW):
        runs.perform(runs.approve(ada(), waits.pk))
    newest = Run.objects.exclude(trigger=Trigger.PREVIEW, approved_digest="").latest("pk")
    history = list(newest.events.order_by("pk").values_list("event", flat=True))
    say(found=found, run=newest.pk, state=newest.state, message=newest.message, history=history)


def look(_: dict[str, Any]) -> None:
    """Say what the roster and the accounts of its people hold, to the letter, and in which states the runs are."""
    held = {}
    for entity in ENTITIES:
        names = ("sourced_id", "uuid", "status", *entity.names)
        held[entity.name] = sorted([str(cell) for cell in each] for each in MODELS[entity.name].objects.values_list(*names))
    follow = ("person", "kind", "state", "before_leaving", "username", "wanted", "name", "email")
    of_roster = Account.objects.filter(by_hand=False).values_list(*follow)
    held["account"] = sorted([str(cell) for cell in each] for each in of_roster)
    newest = Run.objects.order_by("-pk").first()
    with connection.cursor() as cursor:
        indexes = {
            table: sorted(connection.introspection.get_constraints(cursor, table))
            for table in (f"roster_{e.name}" for e in ENTITIES)
        }
    say(roster=held, newest=newest and newest.pk, states={each.pk: each.state for each in Run.objects.all()}, indexes=indexes)


def again(_: dict[str, Any]) -> None:
    """Import the same files once more, without the shortcut; say what would change."""
    source = Source.objects.get()
    Run.objects.filter(source=source).update(bytes_seen="")
    run = runs.perform(runs.start(ada(), source))
    say(state=run.state, changes=sum(n[k] for n in run.counts.values() for k in ("appear", "alter", "vanish", "return")))


# --- how it dies ---


def watch(kill: dict[str, Any] | None) -> dict[str, int]:
    """Count files and, in the transaction that writes the roster, statements; die before one, or as soon as it is through.

    Gives the counts, which go on.
    """
    state = {"inside": False, "count": 0, "files": 0}

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def wrapper(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if not state["inside"] and 'UPDATE "store_source" SET "accepted_run"' in sql:
            state["inside"] = True
            MARK.write_text("inside")
            transaction.on_commit(committed)
        if state["inside"] and connection.in_atomic_block:
            state["count"] += 1
            if kill and kill["at"] == "statement" and state["count"] == kill["n"]:
                die()
        return execute(sql, parameters, many, context)

    def committed() -> None:
        MARK.write_text(f"committed {state['count']}")
        state["inside"] = False
        if kill and kill["at"] == "commit":
            die()

    replace = os.replace

    def counting(*given: Any) -> None:
        state["files"] += 1
        if kill and kill["at"] == "file" and state["files"] == kill["n"]:
            die()
        replace(*given)

    os.replace = counting
    connection.execute_wrappers.append(wrapper)
    return state


def say(**words: Any) -> None:
    SAYS.write_text(json.dumps(words))


ORDERS = {each.__name__: each for each in (begin, do, recover, look, again)}


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        SAYS.unlink(missing_ok=True)
        MARK.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            signal.alarm(300)
            try:
                ORDERS[order["order"]](order)
                sys.stdout.flush()
                os._exit(0)
            except BaseException as error:
                SAYS.write_text(json.dumps({"broke": f"{type(error).__name__}: {error}"}))
                os._exit(1)
        kill = order.get("kill") or {}
        if kill.get("at") == "time":
            time.sleep(kill["seconds"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        says = json.loads(SAYS.read_text()) if SAYS.exists() else {}
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
            says = {"broke": "it did nothing for five minutes"}
        mark = MARK.read_text() if MARK.exists() else ""
        print(json.dumps({"killed": os.WIFSIGNALED(status), "mark": mark, **says}), flush=True)


if __name__ == "__main__":
    HOME.mkdir(parents=True, exist_ok=True)
    main()
