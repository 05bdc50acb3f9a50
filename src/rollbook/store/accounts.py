"""Finds accounts: by how people call themselves, and by what they may do."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from rollbook.domain.rights import Right
from rollbook.store.models import Account, AccountRight
from rollbook.store.scope import Where


def called(name: str, most: int, district: int = 0) -> list[Account]:
    """Return the active accounts with this email or username, in lower case, of one district or of all, but no more than `most`.

    There are several, if one human has several, or several districts have somebody of that name.
    """
    found = Account.objects.select_related("district").filter(Q(email=name) | Q(username=name), state="active")
    return list((found.filter(district_id=district) if district else found).order_by("pk")[:most]) if name else []


def of_one_human(account: Account) -> QuerySet[Account]:
    """Return the accounts, in whatever state, that are one human's with this one, itself among them: who is in one gets into all.

    Two accounts of one person in the roster belong together by themselves, until one of them is unlinked or linked to another.
    """
    together = Q(pk=account.pk)
    if account.one is not None:
        together |= Q(one=account.one)
    elif account.person is not None:
        together |= Q(one=None, person=account.person, district_id=account.district_id)
    return Account.objects.filter(together)


def holders(district: int, right: Right) -> QuerySet[Account]:
    """Return the active accounts that have a right in the whole district."""
    given = AccountRight.objects.filter(district_id=district, right=right, school=0).values("account")
    return Account.objects.filter(district_id=district, state="active", pk__in=given).order_by("email", "pk")


def rights_in(rows: QuerySet[AccountRight]) -> dict[Right, Where]:
    """Return the rights that these rows give, each with where it holds: one row for the district counts more than any school."""
    found: dict[Right, Where] = {}
    known = set(Right)
    for right, school in rows.values_list("right", "school"):
        if right in known:
            before = found.get(Right(right), frozenset())
            found[Right(right)] = None if school == 0 or before is None else before | {school}
    return found


def give(account: Account, rights: Iterable[Right], school: int = 0) -> None:
    """Add rights to an account; those that it has stay."""
    rows = [
        AccountRight(district_id=account.district_id, account=account, right=right, school=school) for right in sorted(rights)
    ]
    AccountRight.objects.bulk_create(rows, ignore_conflicts=True)
