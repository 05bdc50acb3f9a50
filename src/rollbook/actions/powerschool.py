"""What a person may ask of a PowerSchool source besides what every source can do: plugin, test by steps, devices."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import polars as pl
from django.db import transaction

from rollbook.actions import plugin, sources
from rollbook.actions.actor import Actor
from rollbook.connectors import registry
from rollbook.connectors.protocol import Probe
from rollbook.domain.entities import entity
from rollbook.domain.errors import ConfigError, NotFound, SourceError, SourceUnavailable
from rollbook.domain.rights import Right
from rollbook.lib.http import Answer, Http, TimedOut
from rollbook.store import audit
from rollbook.store.models import AuditEntry, Source
from rollbook.store.roster import Roster

DOWNLOADED = "plugin.downloaded"


# --- plugin ---


@dataclass(frozen=True)
class Download:
    """One file of the plugin."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Downloaded:
    """What was downloaded last for a source, and what has changed since."""

    version: str
    at: datetime
    by: str
    guardians: bool
    newer: Sequence[plugin.Release]

    @property
    def enable_again(self) -> bool:
        """Whether the newer plugin asks for more, which is granted when it is enabled again."""
        return any(each.enable_again for each in self.newer)

    @property
    def copy_credentials(self) -> bool:
        """Whether the newer plugin has other credentials."""
        return any(each.copy_credentials for each in self.newer)


def must_be_one(source: Source) -> None:
    """Raise NotFound for a source of another kind."""
    if source.kind != plugin.KIND:
        raise NotFound(f'"{source.name}" does not read a PowerSchool')


def download(actor: Actor, source: Source, *, guardians: bool, bare: bool) -> Download:
    """Hand out the plugin, or its bare description, and write down which."""
    actor.must(Right.IMPORTS)
    must_be_one(source)
    said = plugin.version(guardians=guardians)
    if bare:
        return Download("plugin.xml", "application/xml", plugin.description(guardians=guardians, contact=plugin.contact()))
    newest = plugin.releases()[0].version
    named: dict[str, Any] = {"version": said, "guardians": guardians, "release": newest, "source": source.pk}
    audit.note(actor.district, actor.name, DOWNLOADED, source.name, **named)
    name = f"rollbook-plugin-{said}{'-with-guardians' if guardians else ''}.zip"
    return Download(name, "application/zip", plugin.package(guardians=guardians, contact=plugin.contact()))


def downloaded(source: Source) -> Downloaded | None:
    """Return what was downloaded last for a source."""
    entries = AuditEntry.objects.filter(district_id=source.district_id, act=DOWNLOADED, detail__source=source.pk)
    last = entries.order_by("-pk").first()
    if last is None:
        return None
    detail = last.detail
    return Downloaded(detail["version"], last.at, last.by, detail["guardians"], plugin.releases(detail["release"]))


# --- test of the connection ---


class Sign(StrEnum):
    """How far a step came."""

    DONE = "done"
    FAILED = "failed"
    LATER = "later"  # it was not its turn


@dataclass(frozen=True)
class Step:
    """One step of the test."""

    title: str
    sign: Sign


@dataclass(frozen=True)
class Tested:
    """What a test saw: either `probe` or `fault`."""

    steps: tuple[Step, ...]
    probe: Probe | None = None
    fault: SourceError | None = None

    @property
    def next_step(self) -> str:
        """What to do about the fault. An import is tried again by itself; a test is not."""
        return self.fault.next_step.replace(SourceUnavailable.next_step, "Try again in some minutes.") if self.fault else ""


#: Each step, and how the path of a question begins that is put in it at the earliest.
STEPS = (
    ("PowerSchool answers at this address", "/"),
    ("It takes the Integration Key and the Integration Secret", "/oauth/"),
    ("It lets the plugin read all that an import asks for", "/ws/schema/"),
)


#: So many seconds after its first question a test puts no other one: whatever stands before a server waits a minute, if that.
LONG_ENOUGH = 50.0


class Followed(Http):
    """A client that knows how far a test has come, and when it has lasted long enough."""

    step = 0
    ends = 0.0

    def send(self, method: str, url: str, **more: Any) -> Answer:
        """Return the answer. Errors: as of every client; TimedOut, too, where each answer came in time and all of them do not."""
        path = urlsplit(url).path
        self.step = max(self.step, *(number for number, (_, begins) in enumerate(STEPS) if path.startswith(begins)))
        self.ends = self.ends or time.monotonic() + LONG_ENOUGH
        if time.monotonic() > self.ends:
            raise TimedOut("the answers came one by one, and too late all together")
        return super().send(method, url, **more)


def try_connection(actor: Actor, source: Source, values: Mapping[str, str]) -> Tested:
    """Try settings that need not be saved, without reading a row; say how far that came. Raises ConfigError."""
    actor.must(Right.IMPORTS)
    must_be_one(source)
    http = sources.client(Followed, somebody_waits=True)
    probe, fault = None, None
    try:
        probe = sources.attempt(actor, source, values, http)
    except SourceError as error:
        fault = error
    audit.note(actor.district, actor.name, "source.tested", source.name, works=fault is None)
    reached = http.step if fault else len(STEPS)
    signs = (Sign.DONE if number < reached else Sign.FAILED if number == reached else Sign.LATER for number in range(len(STEPS)))
    return Tested(tuple(Step(title, sign) for (title, _), sign in zip(STEPS, signs, strict=True)), probe, fault)


# --- student devices ---


@dataclass(frozen=True)
class Line:
    """What students would lack under the answer that is kept, and under another one; None where it is not asked for."""

    title: str
    now: int | None
    then: int | None


@dataclass(frozen=True)
class Judged:
    """What another answer would mean for the present students."""

    students: int
    was: str
    becomes: str
    lines: tuple[Line, ...]


TITLES = {
    "student_without_email": "Students without an email address",
    "email_used_twice": "Students who share an email address with another",
    "student_without_username": "Students without a username",
    "username_used_twice": "Students who share a username with another",
}


def has_students(source: Source) -> bool:
    """Say whether a source has any active student."""
    return bool(_students(source).height)


def judge(actor: Actor, source: Source, wanted: str) -> Judged:
    """Count what the present students lack under another answer, before it is kept. Raises ConfigError for no answer."""
    actor.must(Right.IMPORTS)
    must_be_one(source)
    devices = registry.beside(plugin.KIND, "devices")
    now = source.settings.get("devices", "")
    if wanted not in devices.DEVICES or now not in devices.DEVICES:
        raise ConfigError(fields={"devices": "is one of the three answers"})
    students = _students(source)
    before, after = (devices.judge_devices(students, answer) for answer in (now, wanted))
    lines = tuple(Line(title, before.get(key), after.get(key)) for key, title in TITLES.items())
    return Judged(students.height, devices.DEVICES[now], devices.DEVICES[wanted], lines)


def set_devices(actor: Actor, source: Source, wanted: str) -> Source:
    """Keep another answer, and nothing else. Raises ConfigError."""
    judged = judge(actor, source, wanted)
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(settings={**source.settings, "devices": wanted})
        audit.note(actor.district, actor.name, "source.devices", source.name, was=judged.was, now=judged.becomes)
    return sources.get(actor, source.name)


def _students(source: Source) -> pl.DataFrame:
    """Return the addresses and usernames of the active students."""
    roster = Roster(source.district_id, source.pk)
    schema = pl.Schema(dict.fromkeys(("sourced_id", "person", "role"), pl.String))
    roles = pl.concat([schema.to_frame(), *roster.active(entity("role"), ("person", "role"))])
    keys = roles.filter(pl.col("role") == "student")["person"].unique()
    people = pl.Schema(dict.fromkeys(("sourced_id", "email", "username"), pl.String))
    rows = pl.concat([people.to_frame(), *roster.active(entity("person"), ("email", "username"))])
    return rows.filter(pl.col("sourced_id").is_in(keys.implode()))
