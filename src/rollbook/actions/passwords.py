"""Passwords: long rather than strange, never one that everybody knows, changed when there is a reason to."""

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.db import transaction

from rollbook.actions import factors, letters, links, own, sessions
from rollbook.domain.errors import ConfigError
from rollbook.lib import clock
from rollbook.store import accounts, failures
from rollbook.store.models import Account

#: So long is a password that stands alone, one that has a second factor beside it, and any (the hash of more costs too much).
ALONE, BESIDE, LONGEST = 15, 8, 256
#: So many letters must be left of a password when names that anybody could guess are taken out of it.
OWN = 6
#: What else is taken out: keys beside each other, and what guessers count with.
WALKS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwerty", "1234567890", "12345", "abcdefgh", "password", "rollbook")
#: So many links an hour may one name, and one address, ask for.
A_NAME, AN_ADDRESS = 3, 30
#: To so many accounts of one name links are sent.
LINKS = 10


def shortest(account: Account) -> int:
    """Return how long a password of this account has to be."""
    return BESIDE if factors.of(account) else ALONE


def complaint(account: Account, password: str) -> str:
    """Say what is wrong with a password for this account, to stand behind "The new password"; nothing, if nothing is.

    Source: NIST SP 800-63B-4: length, and a list of what is known; no rules on kinds of letters.
    """
    least = shortest(account)
    if len(password) < least:
        return f"has to have {least} characters or more. Four words that only you would put together do well"
    if len(password) > LONGEST:
        return f"may have {LONGEST} characters at most"
    rest = password.casefold()
    for word in _words(account):
        rest = rest.replace(word, "")
    if sum(each.isalnum() for each in rest) < OWN:
        return "is mostly made of a name or a row of keys that others would try first"
    if len(set(password)) < 5:
        return "repeats the same few characters"
    try:
        CommonPasswordValidator().validate(password)
    except ValidationError:
        return "is one of those that everybody tries first"
    return ""


def change(account: Account, old: str, new: str, again: str, *, session: str = "") -> None:
    """Give the account another password, and end all its sessions but this one. Raises ConfigError with every complaint."""
    own.prove(account, old)
    wrong = _wrong(account, new, again)
    if new == old and "new" not in wrong:
        wrong["new"] = "is the old one"
    if wrong:
        raise ConfigError(fields=wrong)
    with transaction.atomic():
        _set(account, new)
        sessions.end_others(account, session)
        own.note(account, "password.changed")
        _told(account)


def ask_for_link(name: str, address: str, district: int = 0) -> None:
    """Mail a link for a new password to each account of this name, in one district or in all, if there is any.

    What happened is told nobody.

    Shape: letters are sent by the worker, so that the time of the answer does not tell who has an account either.
    """
    name = name.strip().lower()[:254]
    keys = {f"link for {name}": A_NAME, f"links from {address}": AN_ADDRESS}
    if any(failures.count(key, links.HOLDS) >= most for key, most in keys.items()):
        return
    with transaction.atomic():
        failures.add(*keys)
        for account in accounts.called(name, LINKS, district):
            if account.email:
                where = f"{settings.PUBLIC_URL}/sign-in/new-password/{links.make(account, 'password')}/"
                letters.post(
                    account.email,
                    "A new password for Rollbook",
                    f"Somebody, probably you, asked for a new password of the {account.kind} account in {account.district.name}.",
                    f"Choose it here, within an hour: {where}",
                    "If that was not you, there is nothing to do: your password stays as it is.",
                )
                own.note(account, "password.link", address=address)


def set_by_link(clear: str, new: str, again: str) -> Account:
    """Give a new password to the account for which a link was mailed, and end all its sessions.

    Errors: LinkIsSpent; ConfigError with every complaint, and the link can be used again.
    """
    account = links.look(clear, "password").account
    if wrong := _wrong(account, new, again):
        raise ConfigError(fields=wrong)
    with transaction.atomic():
        links.use(clear, "password")
        account.email_verified_at = clock.now()  # whoever has the link reads that mail
        _set(account, new)
        sessions.end_others(account, "")
        own.note(account, "password.changed", way="link")
        _told(account)
    return account


def _set(account: Account, new: str) -> None:
    account.set_password(new)
    account.must_change_password = False
    account.save(update_fields=["password", "must_change_password", "email_verified_at"])


def _told(account: Account) -> None:
    letters.post(
        account.email,
        "Your Rollbook password was changed",
        f"The password of your account in {account.district.name} was changed, and other sessions were ended.",
        "If that was not you, tell an administrator of your district now.",
    )


def _wrong(account: Account, new: str, again: str) -> dict[str, str]:
    wrong = {}
    if said := complaint(account, new):
        wrong["new"] = said
    elif new != again:
        wrong["again"] = "is not the same as the first one"
    return wrong


def _words(account: Account) -> list[str]:
    """Return what guessers know: names of the product, the district and the holder; the longest first."""
    texts = [*WALKS, account.district.name, account.name, account.username or "", account.email.partition("@")[0]]
    whole = {text.casefold() for text in texts} | {text.casefold().replace(" ", "") for text in texts}
    parts = {word for text in texts for word in text.casefold().replace(".", " ").split()}
    return sorted((word for word in whole | parts if len(word) >= 3), key=len, reverse=True)
