"""What templates may say: numbers, names and dates the way people write them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from rollbook.domain import words
from rollbook.domain.gate import shown
from rollbook.domain.runs import RunState
from rollbook.lib import clock
from rollbook.store.models import Measure, Run, Source

register = template.Library()

#: The fields of the roster, where their names in the standard are not what people say.
FIELDS = {
    "given_name": "First name",
    "family_name": "Last name",
    "middle_name": "Middle name",
    "preferred_given_name": "Preferred first name",
    "preferred_middle_name": "Preferred middle name",
    "preferred_family_name": "Preferred last name",
    "sms": "Mobile number",
    "section": "Class",
    "section_code": "Class code",
    "section_type": "Kind of class",
    "org": "School",
    "primary_org": "Main school",
    "parent": "Belongs to",
    "identifier": "Number",
    "master_identifier": "Number across systems",
    "user_ids": "Ids in other systems",
    "sourced_id": "Id at the source",
    "enabled": "May sign in",
    "person": "Person",
    "location": "Room",
    "terms": "Terms",
    "primary": "Main teacher",
    "begin_date": "From",
    "end_date": "Until",
    "metadata": "Other columns",
}

#: (word, class, icon) of every state; a held preview has its own.
STATES = {
    RunState.QUEUED: ("Waiting to start", "waits", "clock"),
    RunState.WORKING: ("At work", "works", "arrow-path"),
    RunState.HELD: ("Held", "held", "pause-circle"),
    RunState.APPLIED: ("Applied", "applied", "check-circle"),
    RunState.REJECTED: ("Rejected", "rejected", "x-circle"),
    RunState.SUPERSEDED: ("Replaced", "replaced", "arrow-uturn-right"),
    RunState.FAILED: ("Failed", "failed", "exclamation-triangle"),
}
PREVIEW = ("Preview", "preview", "eye")

#: What went wrong with a mail, where its error's name says so.
TROUBLES = {
    "ConnectionRefusedError": "the mail server does not answer",
    "TimeoutError": "the mail server does not answer",
    "gaierror": "the mail server is not found",
    "SMTPServerDisconnected": "the mail server broke off",
    "SMTPAuthenticationError": "the mail server turned down the sign-in",
    "SMTPSenderRefused": "the mail server turned down the sender",
    "SMTPRecipientsRefused": "the mail server turned down the address",
    "ValueError": "no mail can go to such an address",
}

TAGS = {"appear": "added", "return": "added back", "alter": "changed", "vanish": "leaves"}


@register.filter
def number(value: int | float | None) -> str:
    """Write a number as people do: 1,284."""
    return "–" if value is None else f"{value:,}"


@register.filter
def share(count: int, of: int) -> str:
    """Write a share in percent: 11.8 %."""
    return shown(count, of, None) if of else ""


@register.filter
def its_share(measure: Measure) -> str:
    """Write the share that was held against a limit, so that it stays on its side of the limit."""
    return shown(measure.count, measure.of, measure.limit_percent) if measure.of else ""


@register.filter
def whole(text: str) -> str:
    """Keep numbers and their percent signs in one line."""
    return text.replace(" %", "\u00a0%")


@register.filter
def ended(text: str) -> str:
    """End a reason with a full stop, unless it is a question."""
    return words.ended(text)


@register.filter
def left_out(run: Run) -> str:
    """Say how many rows an import left out, if any, and what the roster has of them."""
    return words.left_out(run.counts)


@register.filter
def trouble(error: str) -> str:
    """Say why a mail did not go out, by the name of the error."""
    return TROUBLES.get(error, f"the mail server did not take it ({error})")


@register.filter
def at_the_clock(source: Source, held: Iterable[Run]) -> str:
    """Say what becomes of the next import by the clock, where it does not just go in."""
    if not source.next_at:
        return ""
    if any(run.source_id == source.pk and run.undo_of_id for run in held):
        return "passed over while an undo waits for an answer"
    return "held while the source still sends what was undone" if source.undone_data else ""


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """Write a moment in the district's time: 14 September, 2:00 am; with the year where it is another one."""
    return format_html('<time datetime="{}">{}, {}</time>', at.isoformat(), _day(at), _clock(at)) if at else "–"


@register.filter
def plain_moment(at: datetime | None) -> str:
    """Write a moment without markup, for titles."""
    return f"{_day(at)}, {_clock(at)}" if at else "–"


@register.filter
def day(at: datetime | None) -> str:
    """Write a day: 14 September."""
    return _day(at) if at else "–"


@register.filter
def hour(at: datetime | None) -> str:
    """Write a time of day: 2:00 am."""
    return _clock(at) if at else "–"


@register.filter
def since(at: datetime | None) -> str:
    """Say when, as short as it can be understood: 2:00 am today, else the day with it."""
    if at is None:
        return "–"
    return _clock(at) if timezone.localdate(at) == timezone.localdate(clock.now()) else f"{_day(at)}, {_clock(at)}"


@register.filter
def took(run: Run) -> str:
    """Say how long an import took, or has been at work; nothing, if the time on hold is in it."""
    begun = run.started_at
    if run.answered_by and run.ended_at is None:
        begun = run.events.filter(event="approved").values_list("at", flat=True).last()
    elif run.answered_by or run.state == RunState.SUPERSEDED:
        return ""
    return duration((run.ended_at or clock.now()) - begun) if begun else ""


def duration(long: timedelta) -> str:
    """Write how long something took: 7 seconds, 3 min 20 s."""
    seconds = max(0, round(long.total_seconds()))
    if seconds < 60:
        return words.counted(seconds, "second", "seconds") if seconds else "under a second"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


@register.filter
def agreement(counts: dict[str, dict[str, int]]) -> str:
    """Say why nothing has to change."""
    return words.agreement(counts)


@register.filter
def many(entity: str) -> str:
    """Call rows of one kind what people call them: classes."""
    return words.ENTITY_WORDS[entity][1]


@register.filter
def one(entity: str) -> str:
    """Call a row of one kind what people call it: class."""
    return words.ENTITY_WORDS[entity][0]


@register.filter
def field(name: str | None) -> str:
    """Call a field of the roster what people call it: First name."""
    if not name:
        return ""
    heading = name != name.lower()  # of a file, as it stands there: enabledUser
    return FIELDS.get(name, name if heading else name.replace("_", " ").capitalize())


@register.filter
def change_word(kind: str) -> str:
    """Say what a change is: leaves."""
    return words.CHANGE_WORDS[kind]


@register.filter
def capital(text: str) -> str:
    """Begin with a capital, and leave the rest as it is."""
    return text[:1].upper() + text[1:]


@register.simple_tag
def counted(count: int, singular: str, plural: str) -> str:
    """Write a number with its noun: 1 class, 2 classes."""
    return words.counted(count, singular, plural)


@register.simple_tag
def tag(kind: str) -> SafeString:
    """Write what a change is, with its shape and colour."""
    return format_html('<span class="tag {}">{}</span>', TAGS[kind], words.CHANGE_WORDS[kind])


@register.inclusion_tag("parts/_state.html")
def state(run: Run, *, more: str = "") -> dict[str, Any]:
    """Write the state of an import: a word and a shape, with a few words more."""
    word, name, icon = state_of(run)
    return {"word": word, "class": name, "icon": icon, "more": more}


@register.filter
def title(run: Run) -> str:
    """Call an import what people call it: Import of 14 September, 2:00 am."""
    return f"{thing(run).capitalize()} of {plain_moment(run.started_at or run.queued_at)}"


@register.filter
def thing(run: Run) -> str:
    """Call what was asked for by its name: an archive is no import."""
    return {"preview": "preview", "undo": "undo", "archive": "archive"}.get(run.trigger, "import")


@register.filter
def who(by: str) -> str:
    """Say who asked."""
    return {"schedule": "the schedule", "command line": "the command line"}.get(by, by)


def state_of(run: Run) -> tuple[str, str, str]:
    """Return the word, the class and the icon of an import's state."""
    return PREVIEW if run.state == RunState.HELD and run.trigger == "preview" else STATES[RunState(run.state)]


def _day(at: datetime) -> str:
    local = timezone.localtime(at)
    year = f" {local.year}" if local.year != timezone.localtime(clock.now()).year else ""
    return f"{local.day} {local:%B}{year}"


def _clock(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}"


EVENTS = {
    "asked for": "asked for",
    "started": "begun",
    "held": "held: it waits for an answer",
    "applied": "applied: the changes were written",
    "put back": "put back, to be tried again",
    "failed": "failed: nothing was written",
    "superseded": "replaced by another import",
    "approved": "approved",
    "rejected": "rejected",
}


@register.filter
def event_word(event: str) -> str:
    """Say what happened to an import."""
    return EVENTS.get(event, event).capitalize()


@register.filter
def shares(line: dict[str, int]) -> list[dict[str, Any]]:
    """Return a summary line's counts after what was read, each with its share, and what that is a share of."""
    of = {"added": "active", "changed": "active", "removed": "active", "returned": "active", "unchanged": "", "errors": "read"}
    return [
        {
            "count": line[key],
            "share": f"{share(line[key], line[base])} of {line[base]:,}" if base and line[key] and line[base] else "",
        }
        for key, base in of.items()
    ]


@register.filter
def soft(text: str) -> SafeString:
    """Let a long address break where people would break it."""
    return mark_safe(escape(text).replace("@", "<wbr>@"))  # noqa: S308  (escaped here)
