"""Who asks, and whether they may."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rollbook.domain.errors import NotAllowed
from rollbook.domain.rights import MEANINGS, Right
from rollbook.store.accounts import rights_in
from rollbook.store.models import Account, AccountRight, District
from rollbook.store.scope import Where


@dataclass(frozen=True)
class Actor:
    """Somebody who asks for something, inside one district."""

    name: str
    district: int
    rights: Mapping[Right, Where] = field(default_factory=dict)
    account: int | None = None  # None: not an account, but whoever may run commands on this machine

    def may(self, right: Right) -> bool:
        """Say whether this right was given at all, be it for one school."""
        return right in self.rights

    def must(self, right: Right, *, at: frozenset[int] | None = None) -> None:
        """Raise NotAllowed unless this right holds in the whole district, or, with `at`, at one of these schools at least."""
        where = self.rights.get(right, frozenset())
        if where is not None and not (at and where & at):
            raise NotAllowed(f"You do not have the right '{MEANINGS[right].title}' for this")


def of_account(account: Account) -> Actor:
    """Return the actor that an account is. An account that is not active has no rights.

    Shape: one statement.
    """
    name = account.email or account.username or f"account {account.pk}"
    rights = rights_in(AccountRight.objects.filter(account=account)) if account.is_active else {}
    return Actor(name, account.district_id, rights, account.pk)


def of_command_line(district: District) -> Actor:
    """Return whoever may run commands on this machine: they could open the database as well."""
    return Actor("command line", district.pk, dict.fromkeys(Right))
