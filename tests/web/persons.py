"""Accounts of people in the roster, who may sign in, for tests that look at Rollbook as one of them."""

from typing import Any

from rollbook.store.models import Account
from tests.district import Grove


def account(grove: Grove, kind: str, key: str = "", **more: Any) -> Account:
    """Return the account of somebody in the roster, or one that belongs to nobody there."""
    values = {"email": f"{kind}.{key}@maple.example", "state": "active", **more}
    if not key:
        return Account.objects.create(district=grove.row, kind=kind, **values)
    mine = {"district": grove.row, "kind": kind, "person": grove.one("person", key).pk}
    made: Account = Account.objects.update_or_create(**mine, defaults=values)[0]
    return made
