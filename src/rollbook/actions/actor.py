"""Who asks, and whether they may."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rollbook.domain.errors import NotAllowed
from rollbook.domain.rights import MEANINGS, Right
from rollbook.store.models import Account, AccountRight, District

#: Where a right holds: at these schools (Org.id), or, where it is None, in the whole district.
Where = frozenset[int] | None


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
    rights: dict[Right, Where] = {}
    name = account.email or account.username or f"account {account.pk}"
    if account.is_active:
        known = set(Right)
        for right, school in AccountRight.objects.filter(account=account).values_list("right", "school"):
            if right in known:
                before = rights.get(Right(right), frozenset())
                rights[Right(right)] = None if school == 0 or before is None else before | {school}
    return Actor(name, account.district_id, rights, account.pk)


def of_command_line(district: District) -> Actor:
    """Return whoever may run commands on this machine: they could open the database as well."""
    return Actor("command line", district.pk, dict.fromkeys(Right))
