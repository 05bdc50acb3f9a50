"""Who asks, and whether they may."""

from dataclasses import dataclass

from rollbook.domain.errors import NotAllowed
from rollbook.store.models import Account, District


@dataclass(frozen=True)
class Actor:
    """Somebody who asks for something, inside one district."""

    name: str
    district: int
    administrator: bool

    def must_administer(self) -> None:
        """Raise NotAllowed unless this is an administrator of the district."""
        if not self.administrator:
            raise NotAllowed("Only administrators of the district may do that")


def of_account(account: Account) -> Actor:
    """Return the actor that an account is."""
    return Actor(account.email, account.district_id, account.is_active and account.is_administrator)


def of_command_line(district: District) -> Actor:
    """Return whoever may run commands on this machine: they could open the database as well."""
    return Actor("command line", district.pk, administrator=True)
