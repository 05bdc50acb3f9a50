"""Notify: an outcome becomes notices, one mail a person, each with the four answers that everybody asks for."""

from dataclasses import dataclass
from html import escape

from rollbook.domain.gate import AS_MUCH, shown
from rollbook.domain.runs import RunState, Trigger
from rollbook.domain.words import NOTHING_UNDONE, agreement, counted, ended, unfit
from rollbook.store.models import Measure, Notice, Run, Source, Told
from rollbook.store.runs import changed

STATES = {
    RunState.APPLIED: "applied",
    RunState.HELD: "on hold",
    RunState.FAILED: "failed",
}


#: The same of an archive, which somebody asked for.
ARCHIVE_STATES = {
    RunState.APPLIED: "done",
    RunState.HELD: "waits for approval",
    RunState.FAILED: "failed",
}


@dataclass(frozen=True)
class Frame:
    """What a mail says around the numbers."""

    address: str  # of the import's page
    people: tuple[str, ...]
    reasons: tuple[str, ...]


def notify(run: Run, state: RunState, public_url: str) -> list[Notice]:
    """Write the notices of a run: Import Results for every end, and Check Your Data as well when its data are held.

    Needs: the transaction that moves the run, so that a notice exists exactly when its outcome does.
    """
    if state not in STATES or (run.trigger == Trigger.PREVIEW and state is not RunState.APPLIED):
        return []  # a preview tells nobody, unless it was approved
    people = tuple(Told.objects.filter(source_id=run.source_id).order_by("email").values_list("email", flat=True))
    frame = Frame(f"{public_url}/imports/{run.pk}/", people, _reasons(run) if state is RunState.HELD else ())
    district, source = run.district.name, run.source.name
    notices = []
    subjects = {"results": f"Import Results: {district}, {source}, {STATES[state]}"}
    if run.trigger == Trigger.ARCHIVE:
        subjects = {"results": f"Archive: {district}, {source}, {ARCHIVE_STATES[state]}"}
    elif state is RunState.HELD:
        subjects["check"] = f"Check Your Data: {district}, {source} is on hold"
    for kind, subject in subjects.items():
        text, html = _text(run, state, frame, kind), _html(run, state, frame, kind, subject)
        for to in people:
            told = {"kind": kind, "outcome": state, "to": to, "subject": subject, "text": text, "html": html}
            notices.append(Notice(district_id=run.district_id, run=run, **told))
    return Notice.objects.bulk_create(notices, ignore_conflicts=True)


def answers(run: Run, state: RunState, people: tuple[str, ...]) -> list[tuple[str, str]]:
    """Answer the four questions that everybody has after an import."""
    written = {
        RunState.APPLIED: "All changes listed above were written, together.",
        RunState.HELD: "Nothing. The roster is as it was.",
        RunState.FAILED: "Nothing. The roster is as it was.",
    }[state]
    if state is RunState.APPLIED and not changed(run):
        written = NOTHING_UNDONE if run.undo_of_id else f"Nothing had to be written: {agreement(run.counts)}"
    then = {
        RunState.APPLIED: "Imports by the clock wait until the source sends other data, or until somebody runs one by hand."
        if Source.objects.filter(pk=run.source_id).exclude(undone_data="").exists()
        else "The next import runs as planned.",
        RunState.HELD: "It waits for an administrator to approve it, to reject it or to run it again. "
        "Until then no import of this source is applied.",
        RunState.FAILED: f"{run.next_step or 'Look at the source, then run the import again.'} The next import runs as planned.",
    }[state]
    if run.trigger == Trigger.ARCHIVE:
        then = {
            RunState.APPLIED: "Nothing is imported from this source until somebody enables it again. The archive can be undone.",
            RunState.HELD: "It waits for an administrator to approve it or to reject it. Until then everybody stays.",
            RunState.FAILED: f"{run.next_step} Then ask for the archive again.",
        }[state]
    told = (
        "Nobody: the list of people to tell is empty."
        if not people
        else f"{len(people)} people, because they are on the list in the settings of this source."
        if len(people) > 1
        else "You alone, because you are on the list in the settings of this source."
    )
    return [
        ("What was written?", written),
        ("What happens next?", then),
        ("Who was told?", told),
        ("Where is it recorded?", f"On Home, on the page of import {run.pk}, and in the audit log of the district."),
    ]


def _reasons(run: Run) -> tuple[str, ...]:
    """Say why a run is held, without the names of classes: teachers like to put their own into them."""
    if run.trigger == Trigger.ARCHIVE:
        return tuple(run.reasons)
    losing = Measure.objects.filter(run=run, closed=True, scope="section").exclude(scope_id=None)
    classes = set(losing.values_list("reason", flat=True))
    said = [reason for reason in run.reasons if reason not in classes and not reason.endswith(AS_MUCH)]
    if classes:
        said.append(f"{counted(losing.count(), 'class', 'classes')} would lose more places than your limit for a class")
    return tuple(said)


def _text(run: Run, state: RunState, frame: Frame, kind: str) -> str:
    parts = [_opening(run, state, kind), ""]
    parts += [f"- {ended(reason)}" for reason in frame.reasons]
    if kind == "results" and run.counts:
        parts += ["", _table(run)]
    parts += [""]
    for question, answer in answers(run, state, frame.people):
        parts += [question, f"  {answer}"]
    return "\n".join([*parts, "", f"The import: {frame.address}", ""])


def _html(run: Run, state: RunState, frame: Frame, kind: str, subject: str) -> str:
    reasons = "".join(f"<li>{escape(ended(reason))}</li>" for reason in frame.reasons)
    four = "".join(f"<dt><strong>{escape(q)}</strong></dt><dd>{escape(a)}</dd>" for q, a in answers(run, state, frame.people))
    table = _html_table(run) if kind == "results" and run.counts else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(subject)}</title></head>'
        '<body style="font:16px/1.5 sans-serif;margin:0 auto;padding:8px;max-width:44em;overflow-wrap:break-word">'
        f'<main><h1 style="font-size:20px;line-height:1.3">{escape(subject)}</h1>'
        f"<p>{escape(_opening(run, state, kind))}</p>{f'<ul>{reasons}</ul>' if reasons else ''}{table}<dl>{four}</dl>"
        f'<p><a style="color:inherit" href="{escape(frame.address)}">Open the import</a></p></main></body></html>'
    )


def _opening(run: Run, state: RunState, kind: str) -> str:
    of = f'"{run.source.name}" (import {run.pk}, {run.district.name})'
    if run.trigger == Trigger.ARCHIVE:
        return f"The archive of {of} {ARCHIVED[state]}" + (f" {run.message}" if state is RunState.FAILED else "")
    what = f"The import of {of}"
    if kind == "check":
        return f"{what} is on hold. Please check your data: nothing has been changed, and nothing will be until somebody decides."
    if state is RunState.APPLIED:
        errors = unfit(run.counts)
        was = f"was approved by {run.answered_by} and applied" if run.answered_by else "was applied"
        without = f", with {counted(errors, 'row', 'rows')} left out as faulty" if errors else ""
        return f"{what} {was}{without}.{_ends_hold(run)}"
    return f"{what} is on hold." if state is RunState.HELD else f"{what} failed. {run.message}"


def _ends_hold(run: Run) -> str:
    """Say that an import which was on hold is closed by this one, if so."""
    taken = Run.objects.filter(superseded_by=run, events__new=RunState.HELD).exclude(trigger=Trigger.PREVIEW)
    held = taken.order_by("-pk").first()
    return f" Import {held.pk}, which was on hold, is closed with it: nothing of that one was written." if held else ""


ARCHIVED = {
    RunState.APPLIED: "is done: its people and classes have left the roster.",
    RunState.HELD: "waits for approval. Nothing has been changed, and nothing will be until somebody decides.",
    RunState.FAILED: "failed.",
}


#: The columns of the table: key, heading, and what its percentage is a share of.
COLUMNS = (
    ("read", "Read", None),
    ("added", "Added", "active"),
    ("changed", "Changed", "active"),
    ("removed", "Removed", "active"),
    ("returned", "Returned", "active"),
    ("unchanged", "Unchanged", None),
    ("errors", "Errors", "read"),
)


def cell(line: dict[str, int], key: str, of: str | None) -> str:
    """Write a count with its share, where it is a share of something: 2 (18.2 % of 11)."""
    number = line[key]
    if not number or of is None or not line[of]:
        return f"{number:,}"
    return f"{number:,} ({shown(number, line[of], None)} of {line[of]:,})"


def _table(run: Run) -> str:
    lines = []
    for line in run.summary:
        cells = ", ".join(f"{heading.lower()} {cell(line, key, of)}" for key, heading, of in COLUMNS)
        lines.append(f"{line['title']}: {cells}")
    return "\n".join(
        [*lines, "", "Shares of added, changed, removed and returned are of the rows active before; of errors, of the rows read."]
    )


def _html_table(run: Run) -> str:
    """Write a line of the summary as a row of two cells: a column a count would be wider than a phone.

    No colours: in the dark, each mail program has its own, and turns round whatever is left to it.
    """
    style = 'style="padding:6px 8px 6px 0;text-align:left;vertical-align:top;border-bottom:1px solid #999"'
    rows = "".join(
        f'<tr><th scope="row" {style}>{escape(line["title"])}</th><td {style}>'
        + ", ".join(_html_count(line, key, heading, of) for key, heading, of in COLUMNS)
        + "</td></tr>"
        for line in run.summary
    )
    return (
        '<table style="border-collapse:collapse;width:100%"><thead>'
        f'<tr><th scope="col" {style}>What</th><th scope="col" {style}>How many rows</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        "<p>Shares of added, changed, removed and returned are of the rows active before; of errors, of the rows read.</p>"
    )


def _html_count(line: dict[str, int], key: str, heading: str, of: str | None) -> str:
    words = f"{heading.lower()} {cell(line, key, of)}"
    return f"<strong>{words}</strong>" if of and line[key] else words  # what changed stands out among what did not
