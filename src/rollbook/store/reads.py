"""What the lists of the roster browser read: a fixed number of statements a page, whatever the size of the district."""

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Case, Count, Exists, F, Model, OuterRef, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Concat

from rollbook.domain.words import KIND_OF_ROLE, KINDS_OF_PEOPLE
from rollbook.store.models import (
    AcademicSession,
    Enrollment,
    Org,
    Override,
    Person,
    Role,
    Section,
    Source,
)
from rollbook.store.scope import Where, people_of, seen

PAGE = 50
#: Counting stops here: "more than 10,000" tells a person as much, and costs less.
COUNTED_TO = 10_000
#: A search for words that finds no more than so many has them looked up at once.
FEW = 1_000
#: A row, as addresses name it: the number of its source and its own key there.
Key = tuple[int, str]


def as_text(key: Key | None) -> str:
    """Write a row's key as addresses do: the number of its source, a point, its own key."""
    return f"{key[0]}.{key[1]}" if key else ""


@dataclass(frozen=True)
class Wanted:
    """What somebody asks a list for."""

    words: str = ""
    source: int | None = None
    school: Key | None = None
    kind: str = ""  # one of the four kinds of people
    term: Key | None = None
    status: str = "active"  # active, inactive, or "" for both
    descending: bool = False
    after: Key | None = None
    before: Key | None = None


@dataclass(frozen=True)
class Page:
    """One page of a list, and what is beyond it."""

    rows: list[Any]
    total: int  # counted up to COUNTED_TO + 1
    hidden: int  # inactive rows that the filter leaves out
    before: Key | None  # of the first row, where there are earlier ones
    after: Key | None

    @property
    def before_text(self) -> str:
        return as_text(self.before)

    @property
    def after_text(self) -> str:
        return as_text(self.after)

    @property
    def many(self) -> bool:
        return self.total > COUNTED_TO


@dataclass
class Listed:
    """Somebody in a list of people, as everybody sees them: a value set by hand stands over the source's."""

    row: Person
    kinds: list[str] = field(default_factory=list)
    schools: list[str] = field(default_factory=list)


def sources(district: int) -> list[Source]:
    """Return the district's sources by name."""
    return list(Source.objects.select_related("district").filter(district_id=district).order_by("name"))


def schools_to_choose(district: int, where: Where) -> list[Org]:
    """Return the schools for a filter, by name."""
    return list(seen(Org.objects.filter(type="school"), district, where).order_by("name", "sourced_id"))


def terms_to_choose(district: int) -> list[AcademicSession]:
    """Return the sessions for a filter, newest first."""
    return list(AcademicSession.objects.filter(district_id=district).order_by("-start_date", "title", "sourced_id"))


# --- people ---


def people(district: int, wanted: Wanted, where: Where) -> Page:
    """Return one page of people by family name.

    Shape: at most ten statements. With one source, or one chosen, the index on names gives the order.
    """
    mine = [source.pk for source in sources(district)]
    if wanted.source is None and len(mine) == 1:
        wanted = replace(wanted, source=mine[0])
    found = _matching(people_of(district, where), wanted, ("given_name", "family_name", "preferred_given_name",
        "preferred_family_name", "identifier", "email", "username", "sourced_id"))  # fmt: skip
    if wanted.school or wanted.kind:
        found = found.filter(_is_there(district, wanted))
    page = _page(found, district, wanted, ("family_name", "given_name", "source_id", "sourced_id"))
    put_overrides(district, "person", page.rows)
    listed = {(row.source_id, row.sourced_id): Listed(row) for row in page.rows}
    at = rows_of(Role.objects.filter(district_id=district), "person", listed)
    names = names_of(Org, "name", district, {(role.source_id, role.org) for role in at}, where)
    for role in at:
        one = listed[role.source_id, role.person]
        # Somebody who has left is shown with what they were.
        if role.status == one.row.status and (where is None or (role.source_id, role.org) in names):
            _add(one.kinds, kind_of(role.role))
            _add(one.schools, names.get((role.source_id, role.org), role.org))
    return replace(page, rows=list(listed.values()))


def _is_there(district: int, wanted: Wanted) -> Q:
    """Write that somebody has a role of a kind, or at a school; an inactive person is found by the roles that went with them."""
    roles = Role.objects.filter(district_id=district)
    if wanted.kind:
        roles = roles.filter(_of_kind(wanted.kind))
    if wanted.school is None:
        if wanted.source is not None and wanted.status:
            return Q(sourced_id__in=roles.filter(source_id=wanted.source, status=wanted.status).values("person"))
        mine = roles.filter(source_id=OuterRef("source_id"), person=OuterRef("sourced_id"), status=OuterRef("status"))
        return Q(Exists(mine))
    source, org = wanted.school
    here = roles.filter(source_id=source, org=org)
    met = Q(sourced_id__in=here.filter(status="active").values("person"), status="active")
    met |= Q(sourced_id__in=here.values("person"), status="inactive")
    return met & Q(source_id=source)


def _of_kind(kind: str) -> Q:
    if kind == "staff":
        return ~Q(role__in=list(KIND_OF_ROLE))
    return Q(role__in=[role for role, of in KIND_OF_ROLE.items() if of == kind])


def kind_of(role: str | None) -> str:
    """Return which of the four kinds of people a role makes."""
    return KIND_OF_ROLE.get(role or "", "staff")


def full_name(row: Person | None) -> str:
    """Write a name the way that a list says it to the person: first, then last."""
    return " ".join(part for part in (row.given_name, row.family_name) if part) if row else ""


# --- classes ---


@dataclass(frozen=True)
class ListedClass:
    """A class in a list of classes."""

    row: Section
    school: str
    teachers: list[str]
    students: int


def classes(district: int, wanted: Wanted, where: Where) -> Page:
    """Return one page of classes by title.

    Shape: at most eleven statements.
    """
    found = _matching(seen(Section.objects.all(), district, where), wanted, ("title", "section_code", "location", "sourced_id"))
    if wanted.school:
        found = found.filter(source_id=wanted.school[0], school=wanted.school[1])
    if wanted.term:
        listed = Concat(Value(","), F("terms"), Value(","), output_field=TextField())
        found = found.filter(source_id=wanted.term[0]).alias(listed=listed).filter(listed__contains=f",{wanted.term[1]},")
    page = _page(found, district, wanted, ("title", "source_id", "sourced_id"))
    keys = {(row.source_id, row.sourced_id) for row in page.rows}
    schools = names_of(Org, "name", district, {(row.source_id, row.school) for row in page.rows})
    places = Enrollment.objects.filter(district_id=district, status="active")
    sizes = {
        (source, section): n
        for source, section, n in pairs(places.filter(role="student"), "section", keys)
        .values_list("source_id", "section")
        .annotate(n=Count("pk"))
    }
    taught = rows_of(places.filter(role="teacher"), "section", keys)
    named = rows_of(people_of(district, where), "sourced_id", {(each.source_id, each.person) for each in taught})
    called = {(row.source_id, row.sourced_id): full_name(row) for row in named}
    teachers: dict[Key, list[str]] = {}
    for each in taught:
        if where is not None and (each.source_id, each.person) not in called:
            continue
        teachers.setdefault((each.source_id, each.section), []).append(called.get((each.source_id, each.person), each.person))
    rows = [
        ListedClass(
            row,
            schools.get((row.source_id, row.school), row.school or ""),
            teachers.get((row.source_id, row.sourced_id), []),
            sizes.get((row.source_id, row.sourced_id), 0),
        )
        for row in page.rows
    ]
    return replace(page, rows=rows)


# --- schools ---


@dataclass(frozen=True)
class School:
    """A school or other org, and how many are there now."""

    row: Org
    parent: str
    people: dict[str, int]  # by kind
    classes: int

    @property
    def all(self) -> int:
        return sum(self.people.values())


def schools(district: int, where: Where, key: Key | None = None) -> list[School]:
    """Return the schools and other orgs, or one of them, with how many people of each kind and classes they have.

    Shape: four statements. Somebody of two kinds counts in both.
    """
    mine: dict[str, Any] = {"district_id": district}
    orgs = seen(Org.objects.select_related("source"), district, where)
    roles = Role.objects.filter(**mine, status="active")
    taught = Section.objects.filter(**mine, status="active")
    if key is not None:
        orgs = orgs.filter(source_id=key[0], sourced_id=key[1])
        roles, taught = roles.filter(source_id=key[0], org=key[1]), taught.filter(source_id=key[0], school=key[1])
    counted = roles.annotate(kind=_kind()).values_list("source_id", "org", "kind").annotate(n=Count("person", distinct=True))
    people_at: dict[tuple[int, str | None], dict[str, int]] = {}
    for source, org, of, n in counted:
        people_at.setdefault((source, org), dict.fromkeys(KINDS_OF_PEOPLE, 0))[of] = n
    classes_at = {(s, org): n for s, org, n in taught.values_list("source_id", "school").annotate(n=Count("pk"))}
    rows = list(orgs.order_by("name", "sourced_id"))
    parents = names_of(Org, "name", district, {(row.source_id, row.parent) for row in rows if row.parent})
    return [
        School(
            row,
            parents.get((row.source_id, row.parent), ""),
            people_at.get((row.source_id, row.sourced_id), dict.fromkeys(KINDS_OF_PEOPLE, 0)),
            classes_at.get((row.source_id, row.sourced_id), 0),
        )
        for row in rows
    ]


def people_by_kind(district: int) -> dict[str, int]:
    """Count the active people of each kind.

    Shape: one statement. Somebody of two kinds counts in both, and once in each, however many roles make it.
    """
    roles = Role.objects.filter(district_id=district, status="active").annotate(kind=_kind())
    counted = dict.fromkeys(KINDS_OF_PEOPLE, 0)
    for _, kind, n in roles.values_list("source_id", "kind").annotate(n=Count("person", distinct=True)):
        counted[kind] += n
    return counted


# --- what these share ---


def _kind() -> Case:
    """Write which of the four kinds of people a role makes."""
    when = (When(role=role, then=Value(of)) for role, of in KIND_OF_ROLE.items())
    return Case(*when, default=Value("staff"), output_field=TextField())


def _matching(rows: QuerySet[Any], wanted: Wanted, columns: Sequence[str]) -> QuerySet[Any]:
    """Keep rows that have every word in some column."""
    if wanted.source is not None:
        rows = rows.filter(source_id=wanted.source)
    for word in words_of(wanted.words):
        # SQLite knows upper and lower case of English letters only.
        forms = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
        met = Q()
        for column in columns:
            for form in forms:
                met |= Q(**{f"{column}__icontains": form})
        rows = rows.filter(met)
    return rows


def words_of(asked: str) -> list[str]:
    """Return the words that somebody looks for, without the signs around them: a list writes "Mehta, Emilia"."""
    return [word.strip(string.punctuation) or word for word in asked.split()[:6]]


def _page(found: QuerySet[Any], district: int, wanted: Wanted, order: tuple[str, ...]) -> Page:
    """Return one page by keyset: the row before it names the place, so that the last page costs as much as the first.

    Shape: at most five statements.
    """
    if wanted.words:
        found = the_few(found, district)
    kept = found.filter(status=wanted.status) if wanted.status else found
    backwards = wanted.after is None and wanted.before is not None
    descending = wanted.descending != backwards
    rows = kept.order_by(*(f"-{name}" if descending else name for name in order))
    edge = wanted.after or wanted.before
    met = found.filter(source_id=edge[0], sourced_id=edge[1]).values(*order).first() if edge else None
    if met is not None:
        rows = rows.filter(_beyond(met, order, "lt" if descending else "gt"))
    got = list(rows.select_related("source")[: PAGE + 1])
    more, got = len(got) > PAGE, got[:PAGE]
    if backwards:
        got.reverse()
    earlier, later = (more, met is not None) if backwards else (met is not None, more)
    return Page(
        rows=got,
        total=kept.order_by()[: COUNTED_TO + 1].count() if earlier or later else len(got),
        hidden=found.filter(status="inactive").order_by()[: COUNTED_TO + 1].count() if wanted.status == "active" else 0,
        before=(got[0].source_id, got[0].sourced_id) if got and earlier else None,
        after=(got[-1].source_id, got[-1].sourced_id) if got and later else None,
    )


def the_few(found: QuerySet[Any], district: int) -> QuerySet[Any]:
    """Name the rows that a search finds, if they are few: only many of them are soon met in the order of an index.

    Shape: one statement, which reads every row unless there are many.
    """
    first = list(found.order_by().values_list("pk", flat=True)[: FEW + 1])
    return found.model.objects.filter(district_id=district, pk__in=first) if len(first) <= FEW else found


def _beyond(edge: dict[str, Any], order: tuple[str, ...], way: str) -> Q:
    """Write that a row comes after another in an order of several columns."""
    first, *rest = order
    if not rest:
        return Q(**{f"{first}__{way}": edge[first]})
    # The plain comparison of the first column is what an index can use.
    return Q(**{f"{first}__{way}e": edge[first]}) & (Q(**{f"{first}__{way}": edge[first]}) | _beyond(edge, tuple(rest), way))


def pairs(rows: QuerySet[Any], column: str, keys: Iterable[tuple[int, str | None]]) -> QuerySet[Any]:
    """Keep rows that point to any of these keys, each within its own source."""
    wanted: dict[int, list[str]] = {}
    for source, key in keys:
        if key:
            wanted.setdefault(source, []).append(key)
    met = Q(pk__in=[])
    for source, here in wanted.items():
        met |= Q(**{"source_id": source, f"{column}__in": here})
    return rows.filter(met)


def rows_of(rows: QuerySet[Any], column: str, keys: Iterable[tuple[int, str | None]]) -> list[Any]:
    """Return the rows that point to any of these keys."""
    return list(pairs(rows, column, keys).order_by("pk"))


def names_of(
    model: type[Model], column: str, district: int, keys: Iterable[tuple[int, str | None]], where: Where = None
) -> dict[tuple[int, str | None], str]:
    """Return what the rows with these keys are called."""
    rows = pairs(seen(model.objects.all(), district, where), "sourced_id", set(keys))  # type: ignore[attr-defined]
    return {(source, key): name or key for source, key, name in rows.values_list("source_id", "sourced_id", column)}


def by_key(model: type[Model], mine: dict[str, Any], keys: Iterable[str | None]) -> dict[str | None, Any]:
    wanted = [key for key in keys if key]
    return {row.sourced_id: row for row in model.objects.filter(**mine, sourced_id__in=wanted)}  # type: ignore[attr-defined]


def put_overrides(district: int, entity: str, rows: Sequence[Any]) -> None:
    """Lay the values that were set by hand over those of the source, for showing; `by_hand` of a row names these fields."""
    by_row = {row.pk: row for row in rows}
    for each in Override.objects.filter(district_id=district, entity=entity, row__in=list(by_row)):
        row = by_row[each.row]
        setattr(row, each.field, each.value)
        vars(row).setdefault("by_hand", []).append(each.field)


def _add(names: list[str], name: str | None) -> None:
    if name and name not in names:
        names.append(name)
