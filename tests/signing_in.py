"""Signs somebody in without the door: a browser that has given everything that the door asks for."""

from django.test import Client

from rollbook.store.models import Account
from rollbook.web.accounts.entering import PASSED  # which writes down who signs in, too


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
