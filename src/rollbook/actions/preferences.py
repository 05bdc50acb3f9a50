"""What one settings page asks for, all of it or nothing; only what differs is changed, and written down."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction

from rollbook.actions import schedule, sources
from rollbook.actions.actor import Actor
from rollbook.domain.errors import ConfigError, NotFound
from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.store import accounts, audit
from rollbook.store.models import District, Source, Told

DAYS_AT_MOST = 3650


@dataclass(frozen=True)
class Preferences:
    """Everything about a source that does not depend on its system."""

    name: str
    times: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    told: tuple[str, ...] = ()
    keep_days: int = 60
    undo_days: int = 365
    releases: bool = False
    rollover: date | None = None
    time_zone: str = "UTC"  # the district's, which all its sources share


def of(source: Source) -> Preferences:
    """Return what is set now."""
    return Preferences(
        name=source.name,
        times=tuple(source.times),
        weekdays=tuple(source.weekdays),
        told=told(source),
        keep_days=source.keep_days,
        undo_days=source.undo_days,
        releases=source.releases,
        rollover=source.rollover,
        time_zone=source.district.time_zone,
    )


def at_first(actor: Actor) -> Preferences:
    """Return what a new source starts with: its administrators are told, and nothing runs by itself."""
    district = District.objects.get(pk=actor.district)
    people = accounts.holders(district.pk, Right.IMPORTS).exclude(email="")
    return Preferences(name="", told=tuple(people.values_list("email", flat=True)), time_zone=district.time_zone)


def told(source: Source) -> tuple[str, ...]:
    """Return who gets the mails about a source."""
    return tuple(Told.objects.filter(source=source).order_by("email").values_list("email", flat=True))


def by_number(actor: Actor, number: int) -> Source:
    """Return one source of the actor's district by its number. Raises NotFound, also for sources of others."""
    source = Source.objects.select_related("district").filter(district_id=actor.district, pk=number).first()
    if source is None:
        raise NotFound("There is no such source")
    return source


def add(actor: Actor, kind: str, wanted: Preferences) -> Source:
    """Add a source that still needs the settings of its system. Raises ConfigError with every complaint at once."""
    actor.must(Right.IMPORTS)
    sources.options(kind)  # raises where there is no such kind
    with transaction.atomic():
        if wrong := _name_is_wrong(actor, wanted.name, None):
            # Whatever else is wrong is said in the same breath.
            raise ConfigError(fields=wrong | _wrong(wanted))
        with _first(wanted.name.strip()):
            source = Source.objects.create(district_id=actor.district, name=wanted.name.strip(), kind=kind)
        audit.note(actor.district, actor.name, "source.added", source.name, kind=kind)
        return change(actor, by_number(actor, source.pk), wanted)


def change(actor: Actor, source: Source, wanted: Preferences) -> Source:
    """Change what differs. Raises ConfigError with every complaint at once; then nothing is changed."""
    actor.must(Right.IMPORTS)
    now = of(source)
    wrong = _name_is_wrong(actor, wanted.name, source) | _wrong(wanted)
    steps: list[tuple[bool, Callable[[], Any]]] = [
        (wanted.name.strip() != now.name, lambda: _rename(actor, source, wanted.name.strip())),
        (wanted.time_zone != now.time_zone, lambda: _set_time_zone(actor, source.district, wanted.time_zone)),
        (
            (sorted(wanted.times), sorted(wanted.weekdays)) != (sorted(now.times), sorted(now.weekdays)),
            lambda: sources.set_schedule(actor, by_number(actor, source.pk), list(wanted.times), list(wanted.weekdays)),
        ),
        (
            sorted(each.strip().lower() for each in wanted.told) != sorted(now.told),
            lambda: sources.set_told(actor, source, list(wanted.told)),
        ),
        (
            (wanted.keep_days, wanted.undo_days, wanted.releases, wanted.rollover)
            != (now.keep_days, now.undo_days, now.releases, now.rollover),
            lambda: sources.set_times_kept(
                actor,
                source,
                keep_days=wanted.keep_days,
                undo_days=wanted.undo_days,
                releases=wanted.releases,
                rollover=wanted.rollover,
            ),
        ),
    ]
    with transaction.atomic():
        for differs, step in steps:
            if differs:
                try:
                    step()
                except ConfigError as error:
                    wrong = error.fields | wrong
        if wrong:
            raise ConfigError(fields=wrong)
    return by_number(actor, source.pk)


def change_kind(actor: Actor, source: Source, kind: str) -> Source:
    """Let a source read another kind of system. The settings of the old one are forgotten, its secrets with them."""
    actor.must(Right.IMPORTS)
    sources.options(kind)
    with transaction.atomic():
        source.kind, source.settings, source.secrets = kind, {}, ""
        source.save(update_fields=["kind", "settings", "secrets"])
        audit.note(actor.district, actor.name, "source.kind", source.name, kind=kind)
    return by_number(actor, source.pk)


def _rename(actor: Actor, source: Source, name: str) -> None:
    with _first(name):
        Source.objects.filter(pk=source.pk).update(name=name)
    audit.note(actor.district, actor.name, "source.renamed", name, was=source.name)


def _set_time_zone(actor: Actor, district: District, zone: str) -> None:
    """Change the district's time zone; what is scheduled keeps its local times."""
    if zone not in available_timezones():
        return  # said with the other complaints
    District.objects.filter(pk=district.pk).update(time_zone=zone)
    for each in Source.objects.filter(district=district, enabled=True).exclude(next_at=None):
        later = schedule.next_time(each.times, each.weekdays, zone, after=clock.now())
        Source.objects.filter(pk=each.pk).update(next_at=later)
    audit.note(actor.district, actor.name, "district.time_zone", district.name, was=district.time_zone, now=zone)


def _name_is_wrong(actor: Actor, name: str, source: Source | None) -> dict[str, str]:
    if not name.strip():
        return {"name": "is required"}
    others = Source.objects.filter(district_id=actor.district, name__iexact=name.strip())
    if source is not None:
        others = others.exclude(pk=source.pk)
    if others.exists():
        return _taken(name.strip())
    return {}


@contextmanager
def _first(name: str) -> Iterator[None]:
    """Tell whoever was second to take a name what they would have been told a moment later."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise ConfigError(fields=_taken(name)) from None


def _taken(name: str) -> dict[str, str]:
    return {"name": f"there is a source called '{name}' already"}


def _wrong(wanted: Preferences) -> dict[str, str]:
    wrong = {}
    if wanted.time_zone not in available_timezones():
        wrong["time_zone"] = f"'{wanted.time_zone}' is not a time zone; write it as America/Chicago"
    for name in ("keep_days", "undo_days"):
        if not 1 <= getattr(wanted, name) <= DAYS_AT_MOST:
            wrong[name] = f"is between 1 and {DAYS_AT_MOST:,} days"
    return wrong
