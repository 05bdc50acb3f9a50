"""What a person may ask of a source: add, show, change, test, disable."""

import json
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import MISSING, Field, fields, replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction

from rollbook.actions import schedule
from rollbook.actions.actor import Actor
from rollbook.connectors import registry
from rollbook.connectors.protocol import Connector, Probe, read_config
from rollbook.domain.errors import ConfigError, Conflict, NotFound
from rollbook.domain.gate import DEFAULTS, Threshold, thresholds
from rollbook.domain.rights import Right
from rollbook.domain.runs import RunState
from rollbook.lib import clock
from rollbook.store import accounts, audit, runs
from rollbook.store.models import MODELS, Limit, Run, Source, Told

if TYPE_CHECKING:
    from rollbook.lib.http import Http

TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")


def get(actor: Actor, name: str) -> Source:
    """Return one source of the actor's district by its name, without regard to case. Raises NotFound."""
    source = Source.objects.select_related("district").filter(district_id=actor.district, name__iexact=name).first()
    if source is None:
        known = ", ".join(Source.objects.filter(district_id=actor.district).order_by("name").values_list("name", flat=True))
        raise NotFound(f"There is no source called '{name}'" + (f"; known: {known}" if known else "; none has been added yet"))
    return source


def kinds() -> tuple[tuple[str, str], ...]:
    """Return every kind of source that can be configured, with its name for people."""
    return tuple((name, registry.find(name).title) for name in registry.kinds())


def options(kind: str) -> tuple[Field[Any], ...]:
    """Return the settings of a kind of source: for forms, commands and docs."""
    return fields(registry.find(kind).Config)


def add(actor: Actor, kind: str, name: str, values: Mapping[str, str]) -> Source:
    """Configure a new source. Its administrators so far are told about its imports. Raises ConfigError, Conflict."""
    actor.must(Right.IMPORTS)
    if not name.strip():
        raise ConfigError(fields={"name": "is required"})
    if any(ord(sign) < ord(" ") for sign in name.strip()):
        raise ConfigError(fields={"name": "holds a line break or a tab; a name is one line"})
    plain, secret = _checked(kind, values)
    try:
        with transaction.atomic():
            source = Source.objects.create(
                district_id=actor.district,
                name=name.strip(),
                kind=kind,
                settings=plain,
                secrets=json.dumps(secret) if secret else "",
            )
            people = accounts.holders(actor.district, Right.IMPORTS).exclude(email="")
            Told.objects.bulk_create([Told(source=source, email=account.email) for account in people])
            audit.note(actor.district, actor.name, "source.added", source.name, kind=kind)
    except IntegrityError:
        raise Conflict(f"There is a source called '{name.strip()}' already", next_step="Choose another name.") from None
    return get(actor, source.name)


def change(actor: Actor, source: Source, values: Mapping[str, str], kind: str | None = None) -> Source:
    """Change a source's settings; a secret that is left empty stays as it is. Raises ConfigError."""
    actor.must(Right.IMPORTS)
    kind = kind or source.kind
    plain, secret = _checked(kind, _with_kept(source, values) if kind == source.kind else values)
    before, after = {**source.settings, **_secrets(source)}, {**plain, **secret}
    differs = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(kind=kind, settings=plain)
        source.kind, source.settings, source.secrets = kind, plain, json.dumps(secret) if secret else ""
        source.save(update_fields=["secrets"])
        act = "source.credentials" if secret.keys() & set(differs) else "source.changed"
        if differs:
            audit.note(actor.district, actor.name, act, source.name, settings=differs)
    return get(actor, source.name)


def connect(source: Source, pages: Path | None = None, *, somebody_waits: bool = False, http: "Http | None" = None) -> Connector:
    """Build a source's connector, with a client if it speaks HTTP; whoever closes the one closes the other.

    `pages` is where one that asks page by page keeps what it has, for another attempt. One that could give less than before
    is told what the roster has from it.
    Errors: ConfigError where its settings do not make sense any more.
    """
    kind = registry.find(source.kind)
    values = {**source.settings, **_secrets(source)}
    if "path" in values:
        _refuse_what_others_keep(source, Path(values["path"]))
    config = read_config(kind.Config, values, settings.ALLOWED_NETWORKS)
    if "http" not in signature(kind).parameters:
        return kind(config)  # type: ignore[call-arg]
    from rollbook.lib.http import Http  # most commands ask nobody, and would wait for the import

    takes = signature(kind).parameters
    more: dict[str, Any] = {"pages": pages} if "pages" in takes else {}
    if "had" in takes:
        more["had"] = frozenset(
            name for name, model in MODELS.items() if model.objects.filter(source=source.pk, status="active").exists()
        )
    return kind(config, http=http or client(Http, somebody_waits=somebody_waits), **more)  # type: ignore[call-arg]


def client[H: Http](kind: type[H], *, somebody_waits: bool) -> H:
    """Return a client that may ask what the installation allows, and that is brief while somebody looks at the screen."""
    from rollbook.lib.http import Limits

    limits = Limits(connect=8.0, read=20.0, whole=30.0, tries=2, patience=20.0) if somebody_waits else Limits()
    if settings.DEMO:  # the other side is a simulation on this machine, and somebody is waiting to see it
        limits = replace(limits, apart=0.0)
    try:
        return kind(allowed=settings.ALLOWED_NETWORKS, limits=limits)
    except ValueError as error:
        raise ConfigError(fields={"ROLLBOOK_ALLOWED_NETWORKS": str(error)}) from None


def _refuse_what_others_keep(source: Source, path: Path) -> None:
    """Refuse a path into what Rollbook itself keeps: there lie the uploads and snapshots of every district of this server."""
    kept, asked = Path(settings.DATA_DIR).resolve(), path.expanduser().resolve()
    own = kept / "uploads" / str(source.pk)
    if asked.is_relative_to(own):
        return
    if any(asked.is_relative_to(kept / folder) for folder in ("uploads", "sources", "scratch", "mail")):
        raise ConfigError(fields={"path": "lies where Rollbook keeps its own files; choose the folder of the export"})


def probe(actor: Actor, source: Source, http: "Http | None" = None) -> Probe:
    """Test the connection: one cheap call, one sentence. Raises SourceError."""
    actor.must(Right.IMPORTS)
    with closing(connect(source, somebody_waits=True, http=http)) as connector:
        return connector.probe()


def attempt(actor: Actor, source: Source, values: Mapping[str, str], http: "Http | None" = None) -> Probe:
    """Test the connection with settings that are not saved. Raises ConfigError and SourceError."""
    plain, secret = _checked(source.kind, _with_kept(source, values))
    tried = Source(pk=source.pk, district_id=source.district_id, name=source.name, kind=source.kind, settings=plain)
    tried.secrets = json.dumps(secret) if secret else ""
    return probe(actor, tried, http)


def missing(source: Source) -> dict[str, str]:
    """Return what is missing or wrong in a source's settings, by name; nothing when it can be read."""
    try:
        _checked(source.kind, _with_kept(source, source.settings))
    except ConfigError as error:
        return error.fields
    return {}


def shown(source: Source) -> dict[str, Any]:
    """Describe a source for people and scripts. Secrets are only said to be there."""
    secret = _secrets(source)
    return {
        "name": source.name,
        "kind": source.kind,
        "enabled": source.enabled,
        "settings": {**source.settings, **dict.fromkeys(secret, "•••")},
        "times": source.times,
        "weekdays": source.weekdays,
        "next": source.next_at.strftime("%Y-%m-%dT%H:%M:%SZ") if source.next_at else None,
        "told": list(Told.objects.filter(source=source).order_by("email").values_list("email", flat=True)),
    }


def set_schedule(actor: Actor, source: Source, times: list[str], weekdays: list[int]) -> Source:
    """Say when a source runs by itself; no times means only by hand. Raises ConfigError."""
    actor.must(Right.IMPORTS)
    wrong = [text for text in times if not TIME.match(text)]
    if wrong:
        raise ConfigError(fields={"times": f"'{wrong[0]}' is not a time of day; write it as 02:00"})
    if any(day not in range(7) for day in weekdays):
        raise ConfigError(fields={"weekdays": "count from Monday, 0, to Sunday, 6"})
    times, weekdays = sorted(set(times)), sorted(set(weekdays))
    later = schedule.next_time(times, weekdays, source.district.time_zone, after=clock.now()) if source.enabled else None
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(times=times, weekdays=weekdays, next_at=later)
        audit.note(actor.district, actor.name, "source.scheduled", source.name, times=times, weekdays=weekdays)
    return get(actor, source.name)


def set_told(actor: Actor, source: Source, emails: list[str]) -> Source:
    """Say who gets the mails about a source."""
    actor.must(Right.IMPORTS)
    wanted = sorted({email.strip().lower() for email in emails if email.strip()})
    wrong = [email for email in wanted if not re.match(r"^[^@\s]+@[^@\s]+$", email)]
    if wrong:
        raise ConfigError(fields={"told": f"'{wrong[0]}' is not an email address"})
    with transaction.atomic():
        Told.objects.filter(source=source).delete()
        Told.objects.bulk_create([Told(source=source, email=email) for email in wanted])
        audit.note(actor.district, actor.name, "source.told", source.name, people=len(wanted))
    return source


def set_enabled(actor: Actor, source: Source, *, enabled: bool) -> Source:
    """Stop a source, or let it run again. Its roster stays, its schedule is kept but sleeps, and its secrets are forgotten.

    Errors: ConfigError where a secret that was forgotten has to be entered first.
    """
    actor.must(Right.IMPORTS)
    if enabled and (gone := forgotten(source)):
        raise ConfigError(
            fields=dict.fromkeys(gone, "was forgotten when the source was stopped"),
            next_step="Enter it again, then let the source import again.",
        )
    later = schedule.next_time(source.times, source.weekdays, source.district.time_zone, after=clock.now()) if enabled else None
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(enabled=enabled, next_at=later, **({} if enabled else {"secrets": ""}))
        if not enabled:
            _let_go_of_waiting(actor, source)
        audit.note(actor.district, actor.name, "source.enabled" if enabled else "source.disabled", source.name)
    return get(actor, source.name)


def forgotten(source: Source) -> list[str]:
    """Name the secrets that a source needs and does not have."""
    kept = _secrets(source)
    return [each.name for each in options(source.kind) if each.metadata["secret"] and required(each) and each.name not in kept]


def known_secrets(source: Source) -> set[str]:
    """Name the secrets that are kept for a source."""
    return set(_secrets(source))


def has_secrets(kind: str) -> bool:
    """Say whether sources of a kind sign in with a secret."""
    return any(each.metadata["secret"] for each in options(kind))


def _let_go_of_waiting(actor: Actor, source: Source) -> None:
    """Close the imports that nobody has begun and that would ask the source; what was approved or undone asks nobody."""
    for waits in Run.objects.filter(source=source, state=RunState.QUEUED, approved_digest="", undo_of=None):
        if runs.move(waits.pk, RunState.QUEUED, RunState.SUPERSEDED, by=actor.name, note="the source was stopped"):
            audit.note(actor.district, actor.name, "import.superseded", waits.name)


def set_times_kept(
    actor: Actor, source: Source, *, keep_days: int, undo_days: int, releases: bool, rollover: Any = None
) -> Source:
    """Say how long snapshots and receipts are kept, whether a hold may close by itself, and when the school year changes."""
    actor.must(Right.IMPORTS)
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(keep_days=keep_days, undo_days=undo_days, releases=releases, rollover=rollover)
        kept = {"keep_days": keep_days, "undo_days": undo_days, "releases": releases}
        audit.note(actor.district, actor.name, "source.kept", source.name, **kept, rollover=str(rollover) if rollover else None)
    return get(actor, source.name)


def limits(source: Source) -> tuple[Threshold, ...]:
    """Return the limits in force for a source."""
    own = {each.key: (each.percent, each.floor, each.count) for each in Limit.objects.filter(source=source)}
    return thresholds(own)


def set_limit(actor: Actor, source: Source, key: str, *, percent: float | None, floor: int, count: int | None) -> None:
    """Change one limit; each edit is in the audit log with its old and new figures. Raises ConfigError."""
    actor.must(Right.IMPORTS)
    default = next((each for each in DEFAULTS if each.key == key), None)
    if default is None:
        raise ConfigError(fields={"limit": f"there is no limit called '{key}'"})
    if (default.count is None) == (percent is None) or (default.count is not None) != (count is not None):
        raise ConfigError(fields={"limit": "give a share for a limit by share, a count for a limit by count"})
    percent = None if percent is None else round(percent, 3)
    if wrong := replace(default, percent=percent, floor=floor, count=count).faults:
        raise ConfigError(fields=wrong)
    before = next(each for each in limits(source) if each.key == key)
    with transaction.atomic():
        if (percent, floor, count) == (default.percent, default.floor, default.count):
            Limit.objects.filter(source=source, key=key).delete()
        else:
            Limit.objects.update_or_create(source=source, key=key, defaults={"percent": percent, "floor": floor, "count": count})
        audit.note(
            actor.district,
            actor.name,
            "limit.changed",
            source.name,
            limit=key,
            was=[before.percent, before.floor, before.count],
            now=[percent, floor, count],
        )


def _checked(kind: str, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Check settings as the connector would, and take them as it reads them; split them into plain ones and secrets."""
    config = registry.find(kind).Config
    made = read_config(config, values, settings.ALLOWED_NETWORKS)
    named = {each.name: each for each in fields(config)}
    given = {name: str(getattr(made, name)) for name, value in values.items() if value.strip()}
    secret = {name: value for name, value in given.items() if named[name].metadata.get("secret")}
    return {name: value for name, value in given.items() if name not in secret}, secret


def _secrets(source: Source) -> dict[str, str]:
    found: dict[str, str] = json.loads(source.secrets) if source.secrets else {}
    return found


def _with_kept(source: Source, values: Mapping[str, str]) -> dict[str, str]:
    """Put the secrets that are kept beside values in which they were left empty.

    Errors: ConfigError where the address is another one: it would be told a secret that was entered for the first.
    """
    kept = _secrets(source)
    whole = {**kept, **{name: value for name, value in values.items() if value or name not in kept}}
    left_empty = [name for name in kept if not values.get(name)]
    if left_empty:
        made = read_config(registry.find(source.kind).Config, whole, settings.ALLOWED_NETWORKS)
        addresses = [each.name for each in options(source.kind) if each.metadata["address"]]
        if any(str(getattr(made, name)) != source.settings.get(name) for name in addresses):
            raise ConfigError(
                fields=dict.fromkeys(left_empty, "has to be entered again: the one that is kept is for the address as it was")
            )
    return whole


def required(option: Field[Any]) -> bool:
    """Say whether a setting has to be given."""
    return option.default is MISSING
