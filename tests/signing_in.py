"""Signs somebody in: without the door, as a browser that has given everything that it asks for, or by trying it."""

from typing import Any

from django.test import Client

from rollbook.store.models import Account, District
from rollbook.web.accounts.entering import PASSED  # which writes down who signs in, too

PASSWORD, OTHER = "four odd words together", "another four odd words"


def of(account: Account) -> Client:
    """Return the browser of somebody who has signed in, with password and second factor."""
    client = Client()
    passes(client, account)
    return client


def passes(client: Client, account: Account) -> None:
    """Let a browser go in as an account."""
    client.force_login(account)
    session = client.session
    session[PASSED] = True
    session.save()


def account(district: District, called: str, password: str = PASSWORD, **more: Any) -> Account:
    """Make an account that has a password."""
    made = Account(district=district, username=called, email=f"{called}@maple.example", **({"kind": "teacher"} | more))
    made.set_password(password)
    made.save()
    return made


def tries(name: str, password: str = "wrong", client: Client | None = None, address: str = "198.51.100.7") -> int:
    """Type a name and a password at the door; return what comes."""
    answers = {"email": name, "password": password}
    return (client or Client()).post("/sign-in/", answers, REMOTE_ADDR=address).status_code
