"""Finds accounts: by how people call themselves, and by what they may do."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from rollbook.domain.rights import Right
from rollbook.store.models import Account, AccountRight


def called(name: str) -> list[Account]:
    """Return the active accounts with this email or username, in lower case: several, if one human has several."""
    found = Account.objects.select_related("district").filter(Q(email=name) | Q(username=name), state="active")
    return list(found.order_by("pk")[:10]) if name else []


def holders(district: int, right: Right) -> QuerySet[Account]:
    """Return the active accounts that have a right in the whole district."""
    given = AccountRight.objects.filter(district_id=district, right=right, school=0).values("account")
    return Account.objects.filter(district_id=district, state="active", pk__in=given).order_by("email", "pk")


def give(account: Account, rights: Iterable[Right], school: int = 0) -> None:
    """Add rights to an account; those that it has stay."""
    rows = [
        AccountRight(district_id=account.district_id, account=account, right=right, school=school) for right in sorted(rights)
    ]
    AccountRight.objects.bulk_create(rows, ignore_conflicts=True)
