"""Narrows what somebody sees to the schools that their right holds at."""

from typing import Any

from django.db.models import Q, QuerySet

from rollbook.store.models import Account, Guardianship, Org, Person, Role, SamePerson, Section

#: The schools that a right holds at (Org.id); None: the whole district.
Where = frozenset[int] | None


def seen(rows: QuerySet[Any], district: int, where: Where) -> QuerySet[Any]:
    """Keep the orgs, classes or people of these schools: somebody has an active role there, or is guardian of a student who has.

    Shape: one statement, for the schools' keys; all else becomes part of the statement of `rows`.
    """
    rows = rows.filter(district_id=district)
    if where is None:
        return rows
    if rows.model is Org:
        return rows.filter(pk__in=where)
    met = Q(pk__in=[])
    for source, keys in _keys(district, where).items():
        met |= Q(source_id=source, school__in=keys) if rows.model is Section else _is_of(district, source, keys)
    return rows.filter(met)


def people_of(district: int, where: Where) -> QuerySet[Person]:
    """Return the people whom a right at these schools shows."""
    return seen(Person.objects.all(), district, where)


def oneself(account: Account) -> list[Person]:
    """Return the active rows of the roster that are whoever has this account: several, where several sources are joined.

    Shape: two statements.
    """
    if account.person is None:
        return []
    mine = {"district_id": account.district_id}
    one = SamePerson.objects.filter(**mine, person=account.person).values("one")
    joined = SamePerson.objects.filter(**mine, one__in=one).values_list("person", flat=True)
    return list(Person.objects.filter(**mine, status="active", pk__in={account.person, *joined}).order_by("pk"))


def only_there(account: Account, where: Where) -> bool:
    """Say whether an account is of somebody of these schools, who is, and whose children are, at no other school.

    Shape: five statements at most, and one for each further source that knows them. Needs: schools of the account's district.
    """
    if where is None:
        return True
    rows = oneself(account)
    if not people_of(account.district_id, where).filter(pk__in=[row.pk for row in rows]).exists():
        return False
    keys = _keys(account.district_id, where)
    return not any(_elsewhere(row, keys.get(row.source_id, []), with_children=account.kind == "guardian") for row in rows)


def _elsewhere(row: Person, keys: list[str], *, with_children: bool) -> bool:
    """Say whether somebody has an active role at a school that is not one of these."""
    here: dict[str, Any] = {"district_id": row.district_id, "source_id": row.source_id}
    schools = Org.objects.filter(**here, type="school").exclude(sourced_id__in=keys).values("sourced_id")
    roles = Role.objects.filter(**here, status="active", org__in=schools)
    children = Guardianship.objects.filter(**here, status="active", guardian=row.sourced_id).values("student")
    whose = Q(person=row.sourced_id) | (Q(person__in=children) if with_children else Q(pk__in=[]))
    return roles.filter(whose).exists()


def _is_of(district: int, source: int, keys: list[str]) -> Q:
    here: dict[str, Any] = {"district_id": district, "source_id": source, "status": "active"}
    there = Role.objects.filter(**here, org__in=keys).values("person")
    parents = Guardianship.objects.filter(**here, student__in=there).values("guardian")
    return Q(
        source_id=source, sourced_id__in=there.union(parents)
    )  # not two with OR: that would look at everybody in the district


def _keys(district: int, where: frozenset[int]) -> dict[int, list[str]]:
    """Return the schools' keys, by source."""
    keys: dict[int, list[str]] = {}
    for source, key in Org.objects.filter(district_id=district, pk__in=where).values_list("source_id", "sourced_id"):
        keys.setdefault(source, []).append(key)
    return keys
