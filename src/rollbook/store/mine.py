"""What somebody sees of the roster because it is theirs: own classes, own children, and nothing besides."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef, QuerySet

from rollbook.store.models import (
    AcademicSession,
    Account,
    Child,
    Course,
    Enrollment,
    Guardianship,
    Org,
    Person,
    Role,
    Section,
)
from rollbook.store.reads import Key, full_name, names_of, pairs, put_overrides, rows_of
from rollbook.store.scope import oneself

#: A class of more students than this is shown in part.
STUDENTS = 1_000


@dataclass(frozen=True)
class Mine:
    """A class that somebody teaches or attends."""

    row: Section
    school: str
    course: str
    terms: list[AcademicSession]
    now: bool  # one of its terms is under way, or none has dates
    teachers: list[str]
    students: int


@dataclass(frozen=True)
class Own:
    """Somebody with their classes: whoever asks, or a child of theirs."""

    row: Person
    classes: list[Mine] = field(default_factory=list)

    @property
    def now(self) -> list[Mine]:
        return [each for each in self.classes if each.now]

    @property
    def then(self) -> list[Mine]:
        return [each for each in self.classes if not each.now]


@dataclass(frozen=True)
class OneClass:
    """A class as one of its people sees it."""

    mine: Mine
    students: list[Person]  # all of them for who teaches it; for others themselves, or their own children
    more: bool  # there are more than are shown


def children(account: Account) -> list[Person]:
    """Return a guardian's active children: those that a source names, and those that were linked by hand.

    Shape: six statements.
    """
    mine = {"district_id": account.district_id}
    people = Person.objects.filter(**mine, status="active")
    links = rows_of(Guardianship.objects.filter(**mine, status="active"), "guardian", [_key(row) for row in oneself(account)])
    named = rows_of(people, "sourced_id", [(link.source_id, link.student) for link in links])
    by_hand = people.filter(pk__in=list(Child.objects.filter(**mine, guardian=account).values_list("student", flat=True)))
    rows = {row.pk: row for row in [*named, *by_hand]}
    return sorted(rows.values(), key=lambda row: (row.given_name or "", row.family_name or "", row.pk))


def own(account: Account, today: str) -> list[Own]:
    """Return whose classes an account sees, with these classes, those of now first: a teacher's, a student's, or each child's.

    Shape: eighteen statements at most, whatever there is to show. Needs: `today` as YYYY-MM-DD.
    """
    whose = children(account) if account.kind == "guardian" else oneself(account)
    found = _classes(account, whose, today)
    put_overrides(account.district_id, "person", whose)
    return [Own(row, found.get(_key(row), [])) for row in whose]


def one_class(account: Account, key: Key, today: str) -> OneClass | None:
    """Return a class that this account may see: who teaches it sees all students, others see themselves or their own children.

    Shape: twenty statements at most.
    """
    whose = children(account) if account.kind == "guardian" else oneself(account)
    found = _classes(account, whose, today, only=key)
    if not found:
        return None
    mine = next(iter(found.values()))[0]
    students = [row for row in whose if _key(row) in found]
    if account.kind == "teacher":
        places = _places(account.district_id, "student").filter(source_id=key[0], section=key[1])
        there = Person.objects.filter(district_id=account.district_id, source_id=key[0], status="active")
        rows = there.filter(sourced_id__in=places.values("person")).order_by("family_name", "given_name", "sourced_id")
        students = list(rows[: STUDENTS + 1])
    put_overrides(account.district_id, "person", students)
    return OneClass(mine, students[:STUDENTS], len(students) > STUDENTS)


def schools(account: Account) -> list[str]:
    """Return the names of the schools at which somebody has a role.

    Shape: four statements.
    """
    roles = rows_of(
        Role.objects.filter(district_id=account.district_id, status="active"), "person", [_key(row) for row in oneself(account)]
    )
    keys = {(role.source_id, role.org) for role in roles}
    return sorted(set(names_of(Org, "name", account.district_id, keys).values()))


def called(district: int, schools: Sequence[int]) -> list[str]:
    """Return the names of schools by their ids."""
    return list(Org.objects.filter(district_id=district, pk__in=schools).order_by("name").values_list("name", flat=True))


def _classes(account: Account, whose: list[Person], today: str, only: Key | None = None) -> dict[Key, list[Mine]]:
    """Return the active classes of these people, or one of them, by person: as teacher for a teacher, else as student."""
    district = account.district_id
    role = "teacher" if account.kind == "teacher" else "student"
    places = _places(district, role)
    if only is not None:
        places = places.filter(source_id=only[0], section=only[1])
    mine = rows_of(places, "person", [_key(row) for row in whose])
    active = Section.objects.filter(district_id=district, status="active")
    sections = rows_of(active, "sourced_id", {(place.source_id, place.section) for place in mine})
    put_overrides(district, "section", sections)
    keys = {_key(row) for row in sections}
    schools = names_of(Org, "name", district, {(row.source_id, row.school) for row in sections})
    courses = names_of(Course, "title", district, {(row.source_id, row.course) for row in sections})
    listed = {(row.source_id, term) for row in sections for term in (row.terms or "").split(",")}
    terms = {_key(row): row for row in rows_of(AcademicSession.objects.filter(district_id=district), "sourced_id", listed)}
    teachers = _teachers(district, keys)
    sizes = _sizes(district, keys) if role == "teacher" else {}
    known: dict[Key, Mine] = {}
    for row in sections:
        its = [terms[row.source_id, term] for term in (row.terms or "").split(",") if (row.source_id, term) in terms]
        known[_key(row)] = Mine(
            row,
            schools.get((row.source_id, row.school), ""),
            courses.get((row.source_id, row.course), ""),
            sorted(its, key=lambda term: (term.start_date or "", term.title or "")),
            _under_way(its, today),
            teachers.get(_key(row), []),
            sizes.get(_key(row), 0),
        )
    found: dict[Key, list[Mine]] = {}
    for each in sorted(known.values(), key=lambda one: (not one.now, one.row.title or "", one.row.pk)):
        for place in mine:
            if (place.source_id, place.section) == _key(each.row):
                here = found.setdefault((place.source_id, place.person), [])
                if each not in here:
                    here.append(each)
    return found


def _places(district: int, role: str) -> QuerySet[Enrollment]:
    return Enrollment.objects.filter(district_id=district, status="active", role=role)


def _teachers(district: int, sections: set[Key]) -> dict[Key, list[str]]:
    taught = rows_of(_places(district, "teacher"), "section", sections)
    active = Person.objects.filter(district_id=district, status="active")
    named = rows_of(active, "sourced_id", {(each.source_id, each.person) for each in taught})
    put_overrides(district, "person", named)
    names = {_key(row): full_name(row) for row in named}
    found: dict[Key, list[str]] = {}
    for each in sorted(taught, key=lambda place: (place.primary != "true", place.pk)):
        here, name = found.setdefault((each.source_id, each.section), []), names.get((each.source_id, each.person), "")
        if name and name not in here:
            here.append(name)
    return found


def _sizes(district: int, sections: set[Key]) -> dict[Key, int]:
    there = Person.objects.filter(
        district_id=district, source_id=OuterRef("source_id"), sourced_id=OuterRef("person"), status="active"
    )
    places = pairs(_places(district, "student"), "section", sections).filter(Exists(there))
    counted = places.values_list("source_id", "section").annotate(n=Count("person", distinct=True))
    return {(source, section): n for source, section, n in counted}


def _under_way(terms: list[AcademicSession], today: str) -> bool:
    dated = [(term.start_date, term.end_date) for term in terms if term.start_date and term.end_date]
    return not dated or any(start <= today < end for start, end in dated)


def _key(row: Person | Section | AcademicSession) -> Key:
    return row.source_id, row.sourced_id
