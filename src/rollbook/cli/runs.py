"""Commands about imports: run, preview, look, answer, undo."""

import signal
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollbook.cli import paper
from rollbook.cli.failing import INTERRUPTED
from rollbook.cli.options import NUMBERS, Csv, District, Json, RunNumber, SourceName
from rollbook.cli.start import begin
from rollbook.domain.errors import ConfigError, Conflict, NotFound
from rollbook.domain.words import CHANGE_WORDS, ENTITY_WORDS

if TYPE_CHECKING:
    from rollbook.actions.actor import Actor
    from rollbook.store.models import Run

#: How many changes, findings and imports people see at once.
FEW = 40

CLASSIC = (("new", "added"), ("changed", "changed"), ("leave", "removed"), ("back", "returned"), ("same", "unchanged"))


def run(source: SourceName, district: District = None, as_json: Json = False) -> None:
    """Import now: preview, and apply if no limit holds it."""
    actor = begin(district)
    from rollbook.actions import at_once, sources

    _sweep()
    asked, waited = at_once.import_now(actor, sources.get(actor, source))
    if waited == asked:
        paper.aside(f"Import {asked.pk} of {asked.source.name} was waiting; it is taken up now.")
    elif waited is not None:
        paper.aside(f"Import {waited.pk} was waiting; nothing of it was written, and import {asked.pk} takes its place.")
    _finish(asked, as_json)


def plan(source: SourceName, district: District = None, as_json: Json = False) -> None:
    """Preview an import: everything is read and checked, nothing is written."""
    actor = begin(district)
    from rollbook.actions import at_once, sources

    _sweep()
    _finish(at_once.plan_now(actor, sources.get(actor, source)), as_json)


def runs(
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only those of one source.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=NUMBERS, help="How many, the newest first.")] = FEW,
    district: District = None,
    as_json: Json = False,
) -> None:
    """List the imports, newest first."""
    actor = begin(district)
    from rollbook.actions import shapes, sources
    from rollbook.store.models import Run

    found = Run.objects.select_related("source").filter(district_id=actor.district).order_by("-pk")
    if source:
        found = found.filter(source=sources.get(actor, source))
    if as_json:
        paper.dump([shapes.run(each) for each in found[:limit]])
        return
    rows = [
        (str(each.pk), each.source.name, paper.local(each.queued_at), each.trigger, each.state, _short(each))
        for each in found[:limit]
    ]
    if rows:
        paper.table(("import", "source", "asked for", "by", "state", ""), rows, numbers=("import",))
    else:
        paper.say("There has been no import yet. Type: rollbook run SOURCE")


def show(number: RunNumber, district: District = None, as_json: Json = False) -> None:
    """Show what became of an import."""
    actor = begin(district)
    from rollbook.actions import runs

    _print(runs.get(actor, number), as_json)


def changes(number: RunNumber, csv: Csv = None, district: District = None, as_json: Json = False) -> None:
    """List every change of an import, with before and after."""
    _refuse_both(csv, as_json)
    actor = begin(district)
    from rollbook.actions import review, runs, streams

    asked = _with_files(runs.get(actor, number))
    if csv:
        paper.save(review.changes_csv(asked), csv)
    if as_json:
        paper.pour(streams.as_json(streams.changes(asked)))
    elif not csv:
        page = review.changes(asked, limit=FEW)
        rows = [
            (
                CHANGE_WORDS[row["kind"]],
                ENTITY_WORDS[row["entity"]][0],
                row["label"] or row["sourced_id"],
                _fields(row),
                _place(row),
            )
            for row in page.rows
        ]
        _list(("", "what", "which", "before → after", "where"), rows, page.total, f"rollbook changes {number}", "changes")


def findings(number: RunNumber, csv: Csv = None, district: District = None, as_json: Json = False) -> None:
    """List every finding of an import, with its place, rule and remedy."""
    _refuse_both(csv, as_json)
    actor = begin(district)
    from rollbook.actions import review, runs, streams

    asked = _with_files(runs.get(actor, number))
    if csv:
        paper.save(review.findings_csv(asked), csv)
    if as_json:
        paper.pour(streams.as_json(streams.findings_of(asked)))
    elif not csv:
        page = review.findings(asked, limit=FEW)
        rows = [(row["level"], row["rule"], row["message"], row["remedy"] or "") for row in page.rows]
        _list(("level", "rule", "what was found", "what to do"), rows, page.total, f"rollbook findings {number}", "findings")


def approve(number: RunNumber, district: District = None, as_json: Json = False) -> None:
    """Say yes to a held import: exactly the changes that it shows are applied."""
    actor = begin(district)
    from rollbook.actions import at_once

    _sweep()
    _answer(actor, number, as_json, lambda: at_once.approve_now(actor, number))


def reject(
    number: RunNumber,
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, for others to read.")],
    district: District = None,
    as_json: Json = False,
) -> None:
    """Say no to a held import; nothing of it is written."""
    actor = begin(district)
    from rollbook.actions import runs

    _answer(actor, number, as_json, lambda: runs.reject(actor, number, because))


def undo(
    number: RunNumber,
    also_changed: Annotated[bool, typer.Option("--also-changed", help="Take back what was changed since, too.")] = False,
    district: District = None,
    as_json: Json = False,
) -> None:
    """Reverse an applied import, within the same limits."""
    actor = begin(district)
    from rollbook.actions import at_once

    _sweep()
    _answer(actor, number, as_json, lambda: at_once.undo_now(actor, number, also_changed=also_changed)[0])


def _answer(actor: "Actor", number: int, as_json: bool, ask: Any) -> None:
    """Carry an answer out; where somebody was faster, show the run as it is all the same."""
    from rollbook.actions import runs, shapes
    from rollbook.domain.runs import RunState

    try:
        asked = ask()
    except Conflict as error:
        paper.aside(error.sentence)
        if as_json:
            paper.dump(shapes.run(runs.get(actor, number)))
        raise typer.Exit(error.exit_code) from error
    if asked.state == RunState.REJECTED:
        _print(asked, as_json)
    else:
        _finish(asked, as_json)


def _finish(asked: "Run", as_json: bool) -> None:
    """Work on a run in this process, print what became of it, and leave with its exit code; or with that of Ctrl-C."""
    from rollbook.actions import at_once, shapes
    from rollbook.domain.runs import RunState

    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill says so in the run, as Ctrl-C does
    try:
        with paper.patience(lambda: _how_far(asked.pk)):
            ended = at_once.carry_out(asked)
    except KeyboardInterrupt as error:
        asked.refresh_from_db()
        paper.aside(asked.message or f"Import {asked.pk} is {asked.state}. What becomes of it: rollbook show {asked.pk}")
        if as_json:
            paper.dump(shapes.run(asked))
        raise typer.Exit(INTERRUPTED) from error
    finally:
        signal.signal(signal.SIGTERM, previous)
    _print(ended, as_json)
    if as_json and ended.state in (RunState.FAILED, RunState.SUPERSEDED):
        paper.aside(ended.message)
    raise typer.Exit(ended.exit_code)


def _how_far(number: int) -> str:
    """Say how far an import is; nothing, where the database cannot be asked just now."""
    from django.db import Error, connection

    from rollbook.actions import progress
    from rollbook.store.models import Run

    try:
        return progress.in_a_line(Run.objects.get(pk=number))
    except Error:
        return ""
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()


def _sweep() -> None:
    """Pick up what killed processes left, and say so."""
    from rollbook.actions import runs
    from rollbook.domain.runs import RunState

    for left in runs.sweep():
        left.refresh_from_db()
        if left.state == RunState.FAILED:
            paper.aside(left.message)
        else:
            paper.aside(
                f"Import {left.pk} of {left.source.name} was interrupted before it wrote anything; it waits in the queue again."
            )


def _refuse_both(csv: str | None, as_json: bool) -> None:
    if csv == "-" and as_json:
        raise ConfigError(fields={"--csv": "- is standard output, where --json writes to; name a file"})


def _with_files(asked: "Run") -> "Run":
    if not asked.files_kept:
        raise NotFound(
            f"The rows of import {asked.pk} are not kept any more", next_step="Its numbers are: rollbook show " + str(asked.pk)
        )
    return asked


def _print(shown: "Run", as_json: bool) -> None:
    from rollbook.actions import shapes
    from rollbook.domain.runs import RunState

    if as_json:
        paper.dump(shapes.run(shown))
        return
    at = paper.local(shown.started_at or shown.queued_at)
    paper.say(f"Import {shown.pk} of {shown.source.name}, {at}: {shown.state}", "")
    if shown.message:
        paper.say(shown.message, "")
    if len(shown.reasons) > 1:
        paper.say(*(f"  · {reason}" for reason in shown.reasons), "")
    if shown.summary:
        names = ("read", *(name for _, name in CLASSIC), "errors")
        lines = [(line["title"], *(paper.number(line[name]) for name in names)) for line in shown.summary]
        headings = ("", "read", *(heading for heading, _ in CLASSIC), "left out")
        paper.table(headings, lines, numbers=headings[1:])
        paper.say("")
    counts = [f"{n:,} of level {level}" for level, n in shown.findings.items() if n]
    if counts:
        paper.say(f"Findings: {', '.join(counts)}. See them: rollbook findings {shown.pk}")
    if shown.because:
        paper.say(f"Rejected by {shown.answered_by}: {shown.because}")
    if shown.state == RunState.HELD:
        _ways_out(shown)
    elif shown.state == RunState.APPLIED and any(each[kind] for each in shown.counts.values() for kind in CHANGE_WORDS):
        paper.say(f"What changed: rollbook changes {shown.pk}", f"Take it back: rollbook undo {shown.pk}")


def _ways_out(held: "Run") -> None:
    ways = [
        (f"rollbook changes {held.pk}", "look at every change first"),
        (f"rollbook approve {held.pk}", "apply exactly these changes"),
        (f'rollbook reject {held.pk} --because "…"', "apply nothing"),
    ]
    if not held.undo_of_id:
        ways.append((f"rollbook run {held.source.name}", "import again, once the source is corrected"))
    paper.say("", "What you can do:")
    paper.table(("", ""), ways)


def _short(each: "Run") -> str:
    return each.reasons[0] if each.reasons and each.reasons != ["preview"] else each.message.split(". ")[0]


def _fields(row: dict[str, Any]) -> str:
    if row["kind"] in ("appear", "vanish"):
        return row["school_name"] or ""
    return "; ".join(f"{name}: {before or '–'} → {after or '–'}" for name, before, after in row["fields"])


def _place(row: dict[str, Any]) -> str:
    return f"{row['file']} line {row['line']}" if row["file"] else ""


def _list(headings: Sequence[str], rows: Sequence[Sequence[str]], total: int, command: str, what: str) -> None:
    if not rows:
        paper.say(f"There are no {what}.")
        return
    paper.table(headings, rows)
    if total > len(rows):
        paper.say("", f"{total - len(rows):,} more. All of them: {command} --csv FILE, or --json")
