"""The one door through which a person moves an account from one state to another."""

from rollbook.domain.rights import Right
from rollbook.store import audit
from rollbook.store.accounts import holders
from rollbook.store.models import Account, AccountRight, District


def move(account: Account, *, before: str, after: str) -> bool:
    """Move an account on from the state that was seen; say whether it was in it. What an import took away is forgotten."""
    mine = Account.objects.filter(district_id=account.district_id, pk=account.pk)
    return mine.filter(state=before).update(state=after, before_leaving="") == 1


def keep_who_gives_rights(district: int, left: list[int]) -> None:
    """Open those accounts again that have just left with an import, if nobody else could give rights now.

    Needs: the transaction in which they left. Shape: few accounts can give rights, so a list of them costs nothing.
    """
    hold_rights(district)
    if somebody_gives_rights(district):
        return
    given = AccountRight.objects.filter(district_id=district, right=Right.RIGHTS, school=0).values_list("account", flat=True)
    for account in sorted(set(left) & set(given)):
        left_active = Account.objects.filter(pk=account, before_leaving="active")
        if left_active.filter(state="inactive").update(state="active", before_leaving=""):
            audit.note(district, "import", "account.kept", f"account {account}", concerns=account)


def hold_rights(district: int) -> None:
    """Let nobody else change who may give rights until this transaction ends. On SQLite every transaction that writes does."""
    District.objects.select_for_update(no_key=True).get(pk=district)


def somebody_gives_rights(district: int) -> bool:
    """Say whether an active account can still give rights in the whole district."""
    return holders(district, Right.RIGHTS).exists()
