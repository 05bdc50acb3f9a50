"""What the pages of the roster and the audit log say: kinds of people, days and lists the way people write them."""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from rollbook.actions import audit_log, people
from rollbook.actions.limits import BY_KEY
from rollbook.domain.rights import MEANINGS, Right
from rollbook.domain.words import PEOPLE_WORDS
from rollbook.store.known import Known
from rollbook.store.models import Account, AuditEntry
from rollbook.web.manage.forms import WEEKDAYS, spoken
from rollbook.web.templatetags.words import field

register = template.Library()

#: What the audit log calls acts. Acts that are not here are written as they stand.
ACTS = {
    "import.started": "Import asked for",
    "import.previewed": "Preview asked for",
    "import.approved": "Import approved",
    "import.rejected": "Import rejected",
    "import.superseded": "Import replaced",
    "import.undo": "Undo asked for",
    "import.applied": "Import applied",
    "import.held": "Import held",
    "import.shown": "Preview made",
    "import.failed": "Import failed",
    "accounts.followed": "Accounts followed an import",
    "usernames.rule": "Rule for usernames saved",
    "source.added": "Source added",
    "source.changed": "Setup changed",
    "source.uploaded": "Files uploaded",
    "source.credentials": "Credentials changed",
    "source.devices": "Student devices changed",
    "source.archive": "Archive asked for",
    "source.tested": "Connection tested",
    "plugin.downloaded": "Plugin downloaded",
    "source.kind": "Method changed",
    "source.renamed": "Source renamed",
    "source.scheduled": "Schedule changed",
    "source.told": "People to tell changed",
    "source.kept": "Keeping times changed",
    "source.enabled": "Source enabled",
    "source.disabled": "Source stopped",
    "limit.changed": "Limit changed",
    "district.made": "District made",
    "district.time_zone": "Time zone changed",
    "audit.exported": "Audit log downloaded",
    "view-as.began": "View As begun",
    "view-as.ended": "View As ended",
    "view-as.refused": "View As refused",
    "provider.added": "Way to sign in added",
    "provider.changed": "Way to sign in changed",
    "provider.enabled": "Way to sign in offered again",
    "provider.disabled": "Way to sign in stopped",
    "provider.removed": "Way to sign in removed",
    "provider.connected": "Way to sign in connected",
    "provider.disconnected": "Way to sign in disconnected",
    "provider.waits": "Sign-in waits for an administrator",
    "provider.confirmed": "Waiting sign-in confirmed",
    "provider.turned-down": "Waiting sign-in turned down",
    "session.began": "Session began",
    "session.ended": "Session ended",
    "sign-in.failed": "Sign-in failed",
    "account.locked": "Account locked after failures",
    "account.linked": "Accounts linked",
    "account.unlinked": "Accounts unlinked",
    "account.switched": "Switched to a linked account",
    "email.verified": "Email proven",
    "password.link": "Password link sent",
    "password.changed": "Password changed",
    "second-factor.added": "Second factor added",
    "second-factor.removed": "Second factor removed",
    "second-factor.taken-away": "Second factors taken away",
    "second-factor.failed": "Second factor failed",
    "second-factor.recovery": "Recovery code used",
    "second-factor.codes": "New recovery codes",
    "roster.exported": "Roster exported",
    "sign-in.provider": "Signed in elsewhere",
    "sign-in.refused": "Sign-in refused",
    "sign-in.unclear": "Sign-in unclear",
    "account.made": "Account made by hand",
    "account.changed": "Account changed",
    "account.activated": "Account activated",
    "account.kept": "Account kept, since nobody else could give rights",
    "account.deactivated": "Account deactivated",
    "account.reactivated": "Account reactivated",
    "account.unlocked": "Account unlocked",
    "account.deleted": "Account deleted",
    "account.adopted": "Account adopted into the roster",
    "rights.given": "Right given",
    "rights.taken": "Right taken away",
    "override.set": "Set by hand over the source",
    "override.given-back": "Given back to the source",
}


@register.filter
def person_kind(kind: str) -> str:
    """Call one of the four kinds of people what people call it: student."""
    return PEOPLE_WORDS[kind][0]


@register.filter
def short_kind(kind: str) -> str:
    """Call one of the four kinds of people by one word: parent."""
    return {"guardian": "parent"}.get(kind, kind)


@register.filter
def grade_list(text: str | None) -> str:
    """Write grades the way people do: 9, 10; codes that are no numbers stay."""
    return ", ".join(str(int(each)) if each.isdecimal() else each for each in text.split(",")) if text else "–"


@register.filter
def address(text: str) -> SafeString:
    """Let a long email address go on in the next line after the @, or before a dot."""
    return mark_safe(escape(text).replace("@", "@<wbr>").replace(".", "<wbr>."))  # noqa: S308 - escaped here


@register.filter
def left_empty(values: list[Known]) -> list[Known]:
    """Keep the fields that the source sends, and sent nothing in."""
    return [each for each in values if each.sent and each.value is None and each.override is None]


@register.filter
def not_sent(values: list[Known]) -> list[Known]:
    """Keep the fields that the source never sends."""
    return [each for each in values if not each.sent and each.value is None and each.override is None]


@register.filter
def act_word(act: str) -> str:
    """Call an act of the audit log what people call it."""
    return ACTS.get(act, act.replace(".", " ").replace("_", " ").capitalize())


@register.filter
def detail_words(detail: dict[str, object]) -> str:
    """Write what an entry of the audit log says besides; of a digest, as much as tells it from others."""
    if detail.keys() == {"limit", "was", "now"} and detail["limit"] in BY_KEY:
        return _limit(**detail)
    if detail.keys() == {"times", "weekdays"}:
        return _schedule(**detail)
    return audit_log.in_words({KEPT.get(name, name): _said(name, value) for name, value in detail.items()})


#: What the settings call what an entry says of them.
KEPT = {
    "keep_days": "days that copies of the files are kept",
    "undo_days": "days that imports can be undone",
    "releases": "a held import may be closed by a later one",
    "rollover": "the school year changes on",
}


def _limit(limit: Any, was: Any, now: Any) -> str:
    before, after = (replace(BY_KEY[limit], percent=percent, floor=floor, count=count) for percent, floor, count in (was, now))
    return f"{after.meaning} Before: {before.figures}."


def _schedule(times: Any, weekdays: Any) -> str:
    days = ", ".join(WEEKDAYS[day] for day in weekdays) or "every day"
    return f"{days} at {', '.join(spoken(each) for each in times)}" if times else "only by hand"


@register.filter
def import_number(entry: AuditEntry) -> int | None:
    """Return the number of the import that an entry of the audit log is about, if it is about one."""
    about = re.fullmatch(r"import (\d+)", entry.about)
    return int(about[1]) if about and entry.act.startswith(("import.", "accounts.followed")) else None


def _said(name: str, value: object) -> object:
    if name == "rollover":
        return date_word(str(value)) if value else "no day"
    if name == "digest":
        return str(value)[:19]
    if name == "right":
        return MEANINGS[Right(str(value))].title if value in set(Right) else value
    return field(str(value)).lower() if name == "field" else value


@register.filter
def own_number(account: Account) -> str:
    """Call an account as entries of the audit log that are about it do."""
    return people.about(account)


@register.filter
def in_list(text: str | None) -> str:
    """Write a list of the roster with spaces: 9, 10."""
    return ", ".join(text.split(",")) if text else "–"


@register.filter
def in_words(value: str, column: str) -> str:
    """Write a value of the roster for people."""
    if column in ("enabled", "primary"):
        return {"true": "yes", "false": "no"}.get(value, value)
    if column == "end_date":
        return last_day(value)
    return date_word(value) if column.endswith("_date") else value


@register.filter
def date_word(text: str | None) -> str:
    """Write a day of the roster: 27 August 2026."""
    if not text:
        return "–"
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{day.day} {day:%B %Y}"


@register.filter
def last_day(text: str | None) -> str:
    """Write the last day of something whose end is the day after, as in OneRoster."""
    if not text:
        return "–"
    try:
        day = date.fromisoformat(text) - timedelta(days=1)
    except (ValueError, OverflowError):
        return text
    return f"{day.day} {day:%B %Y}"
