"""What is known of one row: its values and whose they are, what it is linked to, and what imports did to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from rollbook.domain.entities import BY_NAME, Entity
from rollbook.domain.runs import RunState
from rollbook.store.models import (
    MODELS,
    AcademicSession,
    Course,
    Enrollment,
    Guardianship,
    Org,
    Override,
    Person,
    Role,
    Run,
    Section,
)
from rollbook.store.reads import Key, by_key, full_name, put_overrides
from rollbook.store.scope import Where, seen
from rollbook.store.snapshots import accepted, files_of

#: A class of more places than this is shown in part, and says so.
PLACES = 1_000
#: So many kept imports are looked through for what became of one row.
LOOKED_THROUGH = 40


@dataclass(frozen=True)
class Known:
    """One value of a row: what it is, whose it is, and when it last changed."""

    column: str
    means: str
    value: str | None
    sent: bool  # whether the source gives this column at all
    changed: "Past | None" = None  # None: before what is kept
    override: Override | None = None
    org: Org | None = None  # the school or district that the value names


@dataclass(frozen=True)
class Past:
    """What one import did to one row."""

    run: Run
    kind: str
    fields: tuple[tuple[str, str | None, str | None], ...]  # column, before, after


@dataclass(frozen=True)
class Place:
    """Something that a row is linked to: a role at a school, a place in a class, a parent, a child."""

    row: Any
    other: Any | None  # None: the source names a row that it never sent
    name: str


@dataclass(frozen=True)
class OnePerson:
    """Everything that is known of one person."""

    row: Person
    values: list[Known]
    roles: list[Place]
    classes: list[Place]
    guardians: list[Place]
    children: list[Place]
    past: list[Past]


def one(district: int, entity: str, key: Key, where: Where) -> Any | None:
    """Return one person, class or org, or None; never one of another district, or of a school that `where` does not name."""
    rows = seen(MODELS[entity].objects.select_related("source", "district"), district, where)
    return rows.filter(source_id=key[0], sourced_id=key[1]).first()


def person(district: int, key: Key, where: Where) -> OnePerson | None:
    """Return one person with roles, classes, family and history; of these, what is of the schools of `where`.

    Shape: sixteen statements at most, and one file scanned for each kept import that changed people, LOOKED_THROUGH at most.
    """
    row = one(district, "person", key, where)
    if row is None:
        return None
    mine: dict[str, Any] = {"district_id": district, "source_id": row.source_id}
    order = ("status", "pk")
    roles = list(Role.objects.filter(**mine, person=row.sourced_id).order_by(*order)[:PLACES])
    places = list(Enrollment.objects.filter(**mine, person=row.sourced_id).order_by(*order)[:PLACES])
    up = list(Guardianship.objects.filter(**mine, student=row.sourced_id).order_by(*order)[:PLACES])
    down = list(Guardianship.objects.filter(**mine, guardian=row.sourced_id).order_by(*order)[:PLACES])
    orgs = _seen(Org, mine, where, {role.org for role in roles})
    sections = _seen(Section, mine, where, {place.section for place in places})
    family = _seen(Person, mine, where, {link.guardian for link in up} | {link.student for link in down})
    if where is not None:
        roles, places = [role for role in roles if role.org in orgs], [each for each in places if each.section in sections]
        up, down = [link for link in up if link.guardian in family], [link for link in down if link.student in family]
    past = history(row.source_id, BY_NAME["person"], row.sourced_id)
    said = values(row, "person", past, where)
    put_overrides(district, "person", [row])
    return OnePerson(
        row=row,
        values=said,
        roles=[Place(role, orgs.get(role.org), _called(orgs.get(role.org), "name", role.org)) for role in roles],
        classes=_sorted(Place(p, sections.get(p.section), _called(sections.get(p.section), "title", p.section)) for p in places),
        guardians=[Place(link, family.get(link.guardian), full_name(family.get(link.guardian)) or link.guardian) for link in up],
        children=[Place(link, family.get(link.student), full_name(family.get(link.student)) or link.student) for link in down],
        past=past,
    )


def values(row: Any, entity: str, past: Sequence[Past], where: Where) -> list[Known]:
    """Return every value of a row with where it came from: the source, the source in silence, or somebody's hand.

    Shape: two statements and one small file.
    """
    source = row.source
    sent = accepted(source.pk, source.accepted_run).columns(BY_NAME[entity]) if source.accepted_run is not None else None
    by_hand = {each.field: each for each in Override.objects.filter(district_id=row.district_id, entity=entity, row=row.pk)}
    changed: dict[str, Past] = {}
    for each in past:  # newest first
        for column, _, _ in each.fields:
            changed.setdefault(column, each)
    naming = [column.name for column in BY_NAME[entity].columns if column.refers_to == "org"]
    mine = {"district_id": row.district_id, "source_id": source.pk}
    orgs = _seen(Org, mine, where, {getattr(row, name) for name in naming})
    return [
        Known(
            column.name,
            column.means,
            getattr(row, column.name),
            sent is None or column.name in sent,
            changed.get(column.name),
            by_hand.get(column.name),
            orgs.get(getattr(row, column.name)) if column.name in naming else None,
        )
        for column in BY_NAME[entity].columns
    ]


def history(source: int, entity: Entity, key: str) -> list[Past]:
    """Return what the applied imports of a source that are still kept did to one row, newest first.

    Shape: one statement; only the files of imports that changed this entity are scanned, LOOKED_THROUGH at most, and none from
        before the row was new.
    """
    past = []
    runs = Run.objects.filter(source_id=source, state=RunState.APPLIED, files_kept=True).order_by("-pk")
    looked = [run for run in runs[:400] if touched(run, entity)]
    for run in looked[:LOOKED_THROUGH]:
        changes = files_of(source, run.pk).changes(entity)
        if changes is None:
            continue
        met = changes.filter(pl.col("sourced_id") == key).collect(engine="streaming")
        for change in met.iter_rows(named=True):
            past.append(Past(run, change["kind"], _differences(entity, change)))
        if past and past[-1].kind == "appear":
            break
    return past


def touched(run: Run, entity: Entity) -> bool:
    """Say whether a run wrote any row of an entity."""
    counts = run.counts.get(entity.name, {})
    return any(counts.get(kind) for kind in ("appear", "alter", "vanish", "return"))


def _differences(entity: Entity, change: dict[str, Any]) -> tuple[tuple[str, str | None, str | None], ...]:
    if change["kind"] == "vanish":
        return ()
    pairs = ((name, change.get(f"was.{name}"), change[name]) for name in entity.names if name in change)
    return tuple((name, was, now) for name, was, now in pairs if was != now)


@dataclass(frozen=True)
class OneClass:
    """Everything that is known of one class."""

    row: Section
    school: Org | None
    course: Course | None
    terms: list[AcademicSession]
    teachers: list[Place]
    students: list[Place]
    others: list[Place]
    past: list[Past]
    more: bool  # there are more places than are shown
    elsewhere: int  # so many places are of people whom `where` does not show


def section(district: int, key: Key, where: Where) -> OneClass | None:
    """Return one class with its people, as far as they are of the schools of `where`.

    Shape: eleven statements at most, and files as for one person.
    """
    row = one(district, "section", key, where)
    if row is None:
        return None
    mine: dict[str, Any] = {"district_id": district, "source_id": row.source_id}
    places = list(Enrollment.objects.filter(**mine, section=row.sourced_id).order_by("status", "pk")[: PLACES + 1])
    known = _seen(Person, mine, where, {place.person for place in places})
    put_overrides(district, "person", list(known.values()))
    ours = [place for place in places[:PLACES] if where is None or place.person in known]
    shown = [Place(p, known.get(p.person), full_name(known.get(p.person)) or p.person) for p in ours]
    shown.sort(key=lambda p: (p.row.status, (p.other.family_name or "", p.other.given_name or "") if p.other else (p.name, "")))
    terms = by_key(AcademicSession, mine, set((row.terms or "").split(",")))
    return OneClass(
        row=row,
        school=by_key(Org, mine, {row.school}).get(row.school),
        course=by_key(Course, mine, {row.course}).get(row.course),
        terms=sorted(terms.values(), key=lambda term: (term.start_date or "", term.title or "")),
        teachers=[place for place in shown if place.row.role == "teacher"],
        students=[place for place in shown if place.row.role == "student"],
        others=[place for place in shown if place.row.role not in ("teacher", "student")],
        past=history(row.source_id, BY_NAME["section"], row.sourced_id),
        more=len(places) > PLACES,
        elsewhere=len(places[:PLACES]) - len(ours),
    )


def _seen(model: type[Any], mine: dict[str, Any], where: Where, keys: Iterable[str | None]) -> dict[str | None, Any]:
    wanted = [key for key in keys if key]
    rows = seen(model.objects.filter(**mine, sourced_id__in=wanted), mine["district_id"], where)
    return {row.sourced_id: row for row in rows}


def _called(row: Any | None, column: str, key: str | None) -> str:
    return (getattr(row, column) if row else None) or key or ""


def _sorted(places: Iterable[Place]) -> list[Place]:
    return sorted(places, key=lambda place: (place.row.status, place.name.casefold()))
