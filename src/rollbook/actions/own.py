"""What an account does to itself: it is written down, and what matters asks for the password again."""

from typing import Any

from rollbook.domain.errors import ConfigError
from rollbook.store import audit, failures
from rollbook.store.models import Account

#: So many wrong answers to "your password, once more" in a row, and there is a rest: somebody found an open browser.
WRONG = 10


def name_of(account: Account) -> str:
    """Return what the audit log calls an account."""
    return account.email or account.username or f"account {account.pk}"


def note(account: Account, act: str, about: str = "", **detail: Any) -> None:
    """Write down what somebody did to the own account."""
    audit.note(account.district_id, name_of(account), act, about, concerns=account.pk, **detail)


def prove(account: Account, password: str, field: str = "old") -> None:
    """Return if this is the account's password. Raises ConfigError, at the field that it was typed into."""
    key = f"proof {account.pk}"
    if failures.rests_until(key, WRONG):
        raise ConfigError(fields={field: "was wrong too often. Wait a quarter of an hour or longer, then try again"})
    if not account.check_password(password[:256]):
        failures.add(key)
        raise ConfigError(fields={field: "is not right"})
    failures.forget(key)
