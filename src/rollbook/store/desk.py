"""What the desk of accounts reads: accounts to find, and people of the roster to choose from."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from rollbook.domain.rights import Right
from rollbook.store.accounts import of_one_human, rights_in
from rollbook.store.models import Account, AccountRight, AuditEntry, Child, Enrollment, Org, Override, Person, Role
from rollbook.store.reads import FEW, PAGE, kind_of, the_few, words_of
from rollbook.store.scope import only_there, people_of

STATES = ("active", "pending", "inactive")
#: So many people are offered at once to choose from; whoever looks for another one types more letters.
OFFERED = 20
#: Counting stops here: to count a million accounts takes longer than to show fifty of them.
COUNTED_TO = 100_000
#: These acts say why an account is in its state.
STATE_ACTS = ("account.activated", "account.deactivated", "account.reactivated", "account.made")


@dataclass(frozen=True)
class Wanted:
    """What somebody asks the list of accounts for."""

    words: str = ""
    kind: str = ""
    state: str = ""
    origin: str = ""  # hand, source
    right: str = ""  # one of domain.rights, or "any"
    school: int | None = None  # Org.id
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True)
class Page:
    """One page of accounts, and how many there are of each state, counted until there are more than `limit`."""

    rows: list[Account]
    counts: dict[str, int]
    limit: int
    before: int | None
    after: int | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def many(self) -> bool:
        return self.total > self.limit


def accounts(district: int, schools: frozenset[int] | None = None) -> QuerySet[Account]:
    """Return the accounts of a district, or those of people who are at some of these schools.

    A guardian whom no source knows is where the children are; another account without a person is nowhere.
    """
    rows = Account.objects.select_related("district").filter(district_id=district)
    if schools is None:
        return rows
    mine, people = Account.objects.filter(district_id=district), people_of(district, schools).values("pk")
    children = Child.objects.filter(district_id=district, student__in=people).values("guardian")
    known, by_hand = mine.filter(person__in=people), mine.filter(by_hand=True, person=None, pk__in=children)
    return rows.filter(pk__in=known.values("pk").union(by_hand.values("pk")))  # with OR: everybody in the district is looked at


def with_no_more_than(rows: QuerySet[Account], district: int, rights: Mapping[Right, frozenset[int] | None]) -> QuerySet[Account]:
    """Leave out the accounts that hold a right which is not among these."""
    covered = Q(pk__in=[])
    for right, where in rights.items():
        covered |= Q(right=right) if where is None else Q(right=right, school__in=where)
    return rows.exclude(pk__in=AccountRight.objects.filter(district_id=district).exclude(covered).values("account"))


def page(rows: QuerySet[Account], district: int, wanted: Wanted) -> Page:
    """Return one page by name.

    Shape: four statements at most; an index gives the order. A search for words looks at every account, once.
    """
    kept, limit = _matching(rows, district, wanted), COUNTED_TO
    if wanted.words:
        kept, limit = the_few(kept, district), FEW
    backwards = wanted.after is None and wanted.before is not None
    edge = wanted.after or wanted.before
    name = rows.filter(pk=edge).values_list("name", flat=True).first() if edge else None
    shown = kept.order_by("-name", "-pk") if backwards else kept.order_by("name", "pk")
    if name is not None:  # the plain comparison of the name is what the index can use
        from_here = Q(name__lte=name) if backwards else Q(name__gte=name)
        shown = shown.filter(from_here).exclude(Q(name=name, pk__gte=edge) if backwards else Q(name=name, pk__lte=edge))
    got = list(shown[: PAGE + 1])
    more, got = len(got) > PAGE, got[:PAGE]
    if backwards:
        got.reverse()
    earlier, later = (more, name is not None) if backwards else (name is not None, more)
    return Page(
        rows=got,
        counts=_counts(kept, limit)
        if earlier or later
        else {state: [each.state for each in got].count(state) for state in STATES},
        limit=limit,
        before=got[0].pk if got and earlier else None,
        after=got[-1].pk if got and later else None,
    )


def _counts(rows: QuerySet[Account], limit: int) -> dict[str, int]:
    first = rows.order_by()[: limit + 1]
    return first.aggregate(**{state: Count("pk", filter=Q(state=state)) for state in STATES})


def _matching(rows: QuerySet[Account], district: int, wanted: Wanted) -> QuerySet[Account]:
    for word in words_of(wanted.words):
        # SQLite knows upper and lower case of English letters only.
        forms = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
        met = Q(username__contains=word.lower()) | Q(email__contains=word.lower())
        for form in forms:
            met |= Q(name__icontains=form)
        rows = rows.filter(met)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.origin:
        rows = rows.filter(by_hand=wanted.origin == "hand")
    if wanted.right:
        given = AccountRight.objects.filter(district_id=district)
        rows = rows.filter(pk__in=(given if wanted.right == "any" else given.filter(right=wanted.right)).values("account"))
    if wanted.school is not None:
        rows = rows.filter(pk__in=accounts(district, frozenset({wanted.school})).values("pk"))
    return rows


def schools(district: int, only: frozenset[int] | None = None) -> list[Org]:
    """Return the schools to choose from, by name; with `only`, those of them."""
    rows = Org.objects.filter(district_id=district, type="school")
    return list((rows if only is None else rows.filter(pk__in=only)).order_by("name", "pk"))


def given(account: Account) -> dict[Right, frozenset[int] | None]:
    """Return the rights of an account, whatever its state, and where each holds."""
    return rights_in(AccountRight.objects.filter(account=account))


def given_to_one_human(account: Account, person: int | None = None) -> dict[Right, frozenset[int] | None]:
    """Return the rights that whoever is in this account has, there or in the accounts that are linked to it.

    With `person`, also those that would be linked if the account belonged to that person of the roster.
    """
    return rights_in(_of_one_human(account, person).filter(district_id=account.district_id))


def has_rights_elsewhere(account: Account) -> bool:
    """Say whether an account that is linked to this one has rights in another district."""
    return _of_one_human(account, None).exclude(district_id=account.district_id).exists()


def _of_one_human(account: Account, person: int | None) -> QuerySet[AccountRight]:
    would_be = copy(account)
    would_be.person = account.person if person is None else person
    same = of_one_human(account) | of_one_human(would_be)
    return AccountRight.objects.filter(account__in=same.values("pk"))


def is_only_at(account: Account, schools: frozenset[int] | None) -> bool:
    """Say whether everything that an account is about is at these schools; for a guardian whom no source knows, all children."""
    if schools is None or account.person is not None:
        return only_there(account, schools)
    children = Child.objects.filter(guardian=account)
    elsewhere = children.exclude(student__in=people_of(account.district_id, schools).values("pk"))
    return account.by_hand and children.exists() and not elsewhere.exists()


def one_human(account: Account, person: int | None = None) -> list[Account]:
    """Return an account and all others that are one human's with it; with `person`, as if it belonged to that person."""
    would_be = copy(account)
    would_be.person = account.person if person is None else person
    return [would_be, *(of_one_human(account) | of_one_human(would_be)).exclude(pk=account.pk)]


def linked(account: Account) -> list[Account]:
    """Return the other accounts of the same human in the district."""
    rows = of_one_human(account).filter(district_id=account.district_id)
    return list(rows.exclude(pk=account.pk).order_by("kind", "pk"))


def person_of(account: Account) -> Person | None:
    """Return the person in the roster that an account belongs to."""
    if account.person is None:
        return None
    return Person.objects.select_related("source").filter(district_id=account.district_id, pk=account.person).first()


def kinds_of(person: Person) -> list[str]:
    """Return which of the four kinds of people somebody is, by the roles held now."""
    roles = Role.objects.filter(
        district_id=person.district_id, source_id=person.source_id, person=person.sourced_id, status="active"
    )
    return list(dict.fromkeys(kind_of(role) for role in roles.order_by("pk").values_list("role", flat=True)))


def has_seat(account: Account, person: Person) -> bool:
    """Say whether somebody still is, as the source says, what an account is for."""
    return person.status == "active" and person.enabled != "false" and account.kind in kinds_of(person)


def children_of(account: Account, where: frozenset[int] | None = None) -> list[Person]:
    """Return the students whom somebody chose for a guardian, or those of them who are at some of these schools."""
    chosen = Child.objects.filter(guardian=account).values("student")
    rows = people_of(account.district_id, where).select_related("source").filter(pk__in=chosen)
    return list(rows.order_by("family_name", "given_name", "pk"))


def students(district: int, where: frozenset[int] | None) -> QuerySet[Person]:
    """Return the active students, or those who are at some of these schools."""
    roles = Role.objects.filter(
        district_id=district, source_id=OuterRef("source_id"), person=OuterRef("sourced_id"), role="student", status="active"
    )
    rows = people_of(district, where).select_related("source").filter(Exists(roles), status="active")
    return rows.order_by("family_name", "given_name", "pk")


def students_like(district: int, where: frozenset[int] | None, words: str) -> list[Person]:
    """Return students by parts of their name, or by number or id."""
    rows = students(district, where)
    for word in words_of(words):
        forms = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
        met = Q(identifier=word) | Q(sourced_id=word)
        for form in forms:
            met |= Q(given_name__icontains=form) | Q(family_name__icontains=form)
        rows = rows.filter(met)
    return list(rows[:OFFERED]) if words.split() else []


def people_called(district: int, where: frozenset[int] | None, key: str) -> list[Person]:
    """Return the people with exactly this id at the source, or this number."""
    rows = people_of(district, where).select_related("source")
    return list(rows.filter(Q(sourced_id=key) | Q(identifier=key)).order_by("status", "pk")[:OFFERED]) if key else []


def overrides_of(person: Person) -> dict[str, Override]:
    """Return what somebody set by hand over what the source says of a person, by field."""
    rows = Override.objects.filter(district_id=person.district_id, entity="person", row=person.pk)
    return {each.field: each for each in rows}


def was_enrolled(person: Person) -> bool:
    """Say whether somebody has, or ever had, a place in a class."""
    mine = {"district_id": person.district_id, "source_id": person.source_id, "person": person.sourced_id}
    return Enrollment.objects.filter(**mine).exists()


def why(account: Account) -> AuditEntry | None:
    """Return the last entry of the audit log that says how an account came into its state."""
    mine = AuditEntry.objects.filter(district_id=account.district_id, concerns=account.pk, act__in=STATE_ACTS)
    return mine.order_by("-at", "-pk").first()


def named(district: int, numbers: Iterable[int | None]) -> dict[int, Account]:
    """Return accounts of a district by their numbers."""
    wanted = {number for number in numbers if number is not None}
    return Account.objects.filter(district_id=district).in_bulk(list(wanted)) if wanted else {}


def number_of(district: int, text: str) -> int | None:
    """Return the account that somebody means by a username, an email or a number."""
    mine = Account.objects.filter(district_id=district)
    if text.isdecimal() and len(text) < 19 and mine.filter(pk=int(text)).exists():
        return int(text)
    met = Q(username=text.lower()) | Q(email=text.lower())
    return mine.filter(met).order_by("pk").values_list("pk", flat=True).first() if text else None
