"""What the top of an import's page says: one sentence, the likely cause, and what can be answered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from rollbook.actions import review
from rollbook.domain.entities import BY_NAME
from rollbook.domain.errors import UNTOUCHED
from rollbook.domain.gate import ELSEWHERE, Kind, shown
from rollbook.domain.runs import RunState, Trigger
from rollbook.domain.words import COUNTED, NOTHING_UNDONE, agreement, counted, ended
from rollbook.store import runs
from rollbook.store.models import Measure, Notice, Run, RunEvent
from rollbook.web.parts import bars
from rollbook.web.templatetags.words import hour, plain_moment, since, thing, whole

#: So many schools are drawn one by one; the others are put together in one line.
DRAWN = 8

UNWRITTEN = "Nothing has been changed."

#: The lines of the summary, as people call what is counted; those that are not here are called so already.
COUNTED_AS = {
    "Schools": "Schools and districts",
    "Users": "People",
    "Users – Students": "Students",
    "Users – Staff": "Teachers and staff",
    "Users – Guardians": "Parents and guardians",
    "Users – without a role": "People without a role",
    "Enrollments": "Places in classes",
    "Enrollments – Students": "Students’ places in classes",
    "Enrollments – Teachers": "Teachers’ places in classes",
    "Enrollments – Others": "Others’ places in classes",
    "Guardians of students": "Links from parents to children",
}


@dataclass(frozen=True)
class Bar:
    """One line of a table of what is now and what will be."""

    name: str
    now: int
    after: int
    new: int
    altered: int
    gone: int
    drawn: SafeString


def changed(run: Run) -> int:
    """Count all changes of an import."""
    return sum(sum(kinds.values()) for kinds in review.counts(run).values())


def sentence(run: Run) -> SafeString:
    """Say in one sentence what an import does, did, or would do."""
    number = changed(run)
    if run.state == RunState.HELD:
        return _held(run, number)
    if run.state == RunState.APPLIED:
        done = "undone" if run.trigger == Trigger.UNDO else "applied"
        if run.trigger == Trigger.ARCHIVE and number:
            left = f"{_everybody(run)} have left the roster"
            return format_html("<strong>{}</strong>: “{}” was archived on {}.", left, run.source.name, plain_moment(run.ended_at))
        if not number:
            return SafeString(NOTHING_UNDONE if run.undo_of_id else f"Nothing had to be changed: {agreement(run.counts)}")
        return format_html(
            "<strong>{} {}</strong> on {}.", counted(number, "change was", "changes were"), done, plain_moment(run.ended_at)
        )
    if run.state == RunState.REJECTED:
        return format_html(
            "{} rejected this {} on {}: “{}” <strong>{}</strong>",
            run.answered_by,
            thing(run),
            plain_moment(run.ended_at),
            run.because,
            UNWRITTEN,
        )
    if run.state == RunState.SUPERSEDED:
        return SafeString("Another import took the place of this one. <strong>Nothing of this one was written.</strong>")
    return format_html("The {} of “{}” stopped. <strong>{}</strong>", thing(run), run.source.name, UNWRITTEN)


def further(run: Run) -> list[str]:
    """Return the reasons beyond the first, which the sentence has said."""
    if run.state != RunState.HELD or run.reasons == ["preview"]:
        return []
    return [whole(ended(reason)) for reason in (run.reasons if _is_preview(run) else run.reasons[1:])]


def troubles(run: Run) -> dict[str, str]:
    """Take the words of a failed import apart: what happened, where, what was left untouched, what to do next."""
    happened, _, _ = run.message.partition(UNTOUCHED)
    return {
        "What happened": happened.strip(),
        "Where": f"In the {thing(run)} of “{run.source.name}”, {plain_moment(run.ended_at)}.",
        "What was left untouched": UNTOUCHED,
        "What to do next": run.next_step or "Look at the source, then run the import again.",
    }


def leaving(run: Run) -> int:
    """Count the people whom an import would deactivate."""
    return review.counts(run).get("person", {}).get("vanish", 0)


def approval(run: Run) -> str:
    """Say what approving does: and deactivate 311 people."""
    if leaving(run):
        return f"and deactivate {counted(leaving(run), 'person', 'people')}"
    number = changed(run)
    return f"and apply {counted(number, 'change', 'changes')}" if number else "and apply nothing"


def doubt(run: Run) -> str:
    """Say why a held import may not be approved as it is, if so."""
    if run.state != RunState.HELD:
        return ""
    if run.trigger == Trigger.ARCHIVE and run.source.enabled:
        return "This source imports again, so its archive can’t be approved any more."
    if _is_preview(run) and runs.newest(run.source_id) != run:
        return "There is a newer import of this source, so this preview can’t be approved any more."
    if run.base_run != run.source.accepted_run:
        return "The roster has moved since. If you approve, nothing is applied: a new import is made for you to look at."
    return ""


def told(run: Run) -> str:
    """Say who was told, and when."""
    mails = list(Notice.objects.filter(run=run, kind="results", outcome=run.state).order_by("to"))
    sent = [mail for mail in mails if mail.sent_at]
    if not mails:
        return "Nobody is on the list of people to tell." if run.trigger != Trigger.PREVIEW else "Nobody is told of previews."
    waiting = [mail for mail in mails if mail.state == "waiting"]
    if not sent and waiting:
        return f"{counted(len(waiting), 'mail is', 'mails are')} waiting to be sent."
    if not sent:
        return f"Nobody could be told: {counted(len(mails), 'mail was', 'mails were')} given up."
    others = f" and {counted(len(sent) - 1, 'other', 'others')}" if len(sent) > 1 else ""
    return (
        f"{sent[0].to}{others} {'were' if others else 'was'} told at {hour(max(mail.sent_at for mail in sent if mail.sent_at))}."
    )


def waits(run: Run) -> str:
    """Say what waits with a held import, and since when: a hold goes on when a later import takes the place of the first."""
    if _is_preview(run):
        return "A preview holds nothing up."
    if run.trigger == Trigger.ARCHIVE:
        return "Nothing is imported from this source until somebody enables it again."
    first = _first_held(run)
    if first is not None and run.ended_at and first < run.ended_at:
        return f"The imports of this source have been on hold since {since(first)}; the newest one is shown. {_stopped(run)}"
    return _stopped(run)


def closes(run: Run) -> Run | None:
    """Return the held import that this one took the place of."""
    taken = Run.objects.filter(superseded_by=run).exclude(trigger=Trigger.PREVIEW)
    return taken.filter(events__new=RunState.HELD).order_by("-pk").first()


def unsent(run: Run) -> Notice | None:
    """Return a mail about an import that did not go out."""
    return Notice.objects.filter(run=run, state__in=("waiting", "failed")).exclude(error="").order_by("pk").first()


def _stopped(run: Run) -> str:
    return (
        "Imports by the clock wait for your answer."
        if run.source.times
        else "No import of this source is applied until you answer."
    )


def kinds(run: Run) -> list[Bar]:
    """Return what would change, by kind: now against after."""
    lines = [line for line in run.summary if any(line[key] for key in ("added", "changed", "removed", "returned"))]
    largest = max((line["added"] + line["returned"] + line["changed"] + line["removed"] for line in lines), default=0)
    made = []
    for line in lines:
        new = line["added"] + line["returned"]
        drawn = bars.of_changes(new, line["changed"], line["removed"], largest, _came(run))
        name = COUNTED_AS.get(line["title"], line["title"])
        after = line["active"] + new - line["removed"]
        made.append(Bar(name, line["active"], after, new, line["changed"], line["removed"], drawn))
    return made


def schools(run: Run) -> list[Bar]:
    """Return the students of each school, now against after; those that nothing happens to are put together."""
    found = review.schools(run)
    touched = [each for each in found if each.leave or each.new]
    alone = touched[:DRAWN] if len(found) > DRAWN else found
    rest = [each for each in found if each not in alone]
    largest = max((each.now + each.new for each in found), default=0)
    made = [_school(each.name, each.now, each.leave, each.new, largest, _came(run)) for each in alone]
    if rest and touched:
        now, leave, new = (sum(getattr(each, name) for each in rest) for name in ("now", "leave", "new"))
        together = counted(len(rest), "other school", "other schools")  # without a bar: it would dwarf or deceive
        made.append(Bar(together, now, now - leave + new, new, 0, leave, SafeString()))
    return made if touched else []


def rows_of(run: Run, page: review.Page) -> list[dict[str, Any]]:
    """Give a page of changes the words of its fields, the names of what they point to, and the pages of people and classes."""
    for row in page.rows:  # a page of them
        said = [_field(page, row["entity"], *one) for one in row["fields"]]
        there = row["kind"] != "appear" or run.state == RunState.APPLIED
        row["page"] = PAGES.get(row["entity"], "") if there else ""
        row["values"] = said if row["kind"] == "appear" else []
        row["shown"] = [one for one in said if one["name"] in TELLING[row["entity"]]] if row["kind"] == "appear" else said
    return page.rows


#: The rows that have a page of their own in the roster.
PAGES = {"person": "person", "section": "class"}

#: Of a new row these fields are shown at once; the others wait behind a press.
TELLING = {
    "person": ("grades", "email"),
    "section": ("section_code", "course"),
    "enrollment": ("role",),
    "course": ("course_code",),
    "org": ("type",),
    "academic_session": ("start_date", "end_date"),
    "role": ("role_type",),
    "guardianship": ("relationship",),
}


def _field(page: review.Page, entity: str, name: str, before: str | None, after: str | None) -> dict[str, Any]:
    return {"name": name, "before": _named(page, entity, name, before), "after": _named(page, entity, name, after)}


def _named(page: review.Page, entity: str, name: str, value: str | None) -> str | None:
    column = next((each for each in BY_NAME[entity].columns if each.name == name), None)
    if value is None or column is None or column.refers_to is None:
        return value
    keys: Iterable[str] = value.split(",") if column.many else [value]
    return ", ".join(page.names.get((column.refers_to, key), key) for key in keys)


def _held(run: Run, number: int) -> SafeString:
    if _is_preview(run):
        if not number:
            return SafeString(f"This is a preview. Nothing would change: {agreement(run.counts)}")
        return format_html(
            "This is a preview. An import now would make <strong>{}</strong>. <strong>{}</strong>",
            counted(number, "change", "changes"),
            UNWRITTEN,
        )
    first = run.reasons[0] if run.reasons else ""
    measure = Measure.objects.filter(run=run, closed=True, kind=Kind.VANISH, reason=first).first()
    if run.trigger == Trigger.ARCHIVE:
        return format_html(
            "{} asked to archive “{}”: <strong>{}</strong> would leave the roster. <strong>{}</strong>",
            run.by,
            run.source.name,
            _everybody(run),
            UNWRITTEN,
        )
    plain = first.startswith("The source sent no") or ELSEWHERE in first  # who moves is not deactivated
    if measure is None or not (measure.limit_percent or measure.limit_count) or plain:
        return format_html("{} <strong>{}</strong>", whole(ended(first)), UNWRITTEN)
    words = COUNTED[measure.entity, measure.role][measure.count != 1 or measure.limit_count is None]
    place = measure.scope_name or measure.scope_id
    where = "" if not place else f" in {place}" if measure.scope == "section" else f" at {place}"
    what = "undo" if run.trigger == Trigger.UNDO else "import"
    if measure.limit_count is not None:
        return format_html(
            "This {} would deactivate <strong>{:} {}</strong>{}. Your limit is {}. <strong>{}</strong>",
            what,
            f"{measure.count:,}",
            words,
            where,
            f"{measure.limit_count:,}",
            UNWRITTEN,
        )
    return format_html(
        "This {} would deactivate <strong>{} of {} {}</strong>{}, {}. Your limit is {} %. <strong>{}</strong>",
        what,
        f"{measure.count:,}",
        f"{measure.of:,}",
        words,
        where,
        shown(measure.count, measure.of, measure.limit_percent).replace(" ", "\u00a0"),
        f"{measure.limit_percent:g}",
        UNWRITTEN,
    )


def _school(name: str, now: int, leave: int, new: int, largest: int, came: str) -> Bar:
    return Bar(name, now, now - leave + new, new, 0, leave, bars.now_and_after(now, leave, new, largest, name, came))


def _came(run: Run) -> str:
    """Call those who come what they are: an undo brings back, and nothing else."""
    return "back" if run.undo_of_id else "new"


def _everybody(run: Run) -> str:
    """Count the people and classes who leave."""
    left = {name: review.counts(run).get(name, {}).get("vanish", 0) for name in ("person", "section")}
    return f"{counted(left['person'], 'person', 'people')} and {counted(left['section'], 'class', 'classes')}"


def _first_held(run: Run) -> datetime | None:
    """Return when the source of a held import was first held since somebody decided, or an import went in."""
    mine = RunEvent.objects.filter(run__source=run.source_id).exclude(run__trigger=Trigger.PREVIEW).order_by("pk")
    decided = mine.filter(new__in=(RunState.APPLIED, RunState.REJECTED)).last()
    held = mine.filter(new=RunState.HELD, pk__gt=decided.pk if decided else 0).first()
    return held.at if held else None


def _is_preview(run: Run) -> bool:
    return run.trigger == Trigger.PREVIEW
