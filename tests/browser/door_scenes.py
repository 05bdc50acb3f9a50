"""The pages of the door in every state: what is asked for on the way in, and what people look after themselves."""

from collections.abc import Callable

from django.conf import settings
from playwright.sync_api import Page

from rollbook.actions import factors, linking, links
from rollbook.lib import clock
from rollbook.store.models import Account, District, Factor, MailedLink
from tests.browser.scenes import PASSWORD, Scene, press
from tests.web.test_factors import shown

#: What only takes what a form sends.
NO_PAGES = {
    "end-session",
    "link-by-mail",
    "recovery-codes",
    "remove-factor",
    "second-factor-passkey",
    "switch-account",
    "unlink-account",
}


def door() -> list[Scene]:
    """Return the scenes, and make whom they need. Needs: the district of `prepared`."""
    district = District.objects.get(name="Maple Grove")
    tova, vera = _account(district, "tova", "teacher"), _account(district, "vera", "teacher")
    parent = _account(district, "vera.2", "guardian", email=vera.email)
    linking.link(parent, links.make(parent, "link"))
    linking.link(vera, links.make(vera, "link"))
    Account.objects.filter(pk=_account(district, "otto", "staff").pk).update(must_change_password=True)
    secret, _ = factors.begin_app(tova)
    factors.confirm_app(tova, shown(secret), "My phone", since=clock.now())
    key = {"kind": "passkey", "name": "A key with a long name that somebody gave it", "secret": "00"}
    Factor.objects.create(
        account=_account(district, "kim", "staff"), credential="00", made_at=tova.created_at, confirmed_at=tova.created_at, **key
    )
    wrong = {"old": "wrong", "new": "short", "again": "else"}
    pages = {
        "my-account": "/me/",
        "change-password": "/me/password/",
        "my-sessions": "/me/sessions/",
        "my-factors": "/me/second-factor/",
        "add-app": "/me/second-factor/app/",
        "add-passkey": "/me/second-factor/passkey/",
        "my-accounts": "/me/accounts/",
        "link-accounts": f"/me/accounts/link/{links.make(tova, 'link')}/",
        "link-accounts-spent": "/me/accounts/link/spent/",
    }
    acts = {
        "change-password-complaints": ("/me/password/", press("Change the password", **wrong)),
        "add-app-complaint": ("/me/second-factor/app/", press("Add this app", code="000000")),
        "my-factors-complaint": ("/me/second-factor/", _codes("wrong")),
        "recovery-codes": ("/me/second-factor/", _codes(PASSWORD)),
    }
    new = f"/sign-in/new-password/{links.make(parent, 'password')}/"
    assert MailedLink.objects.count() == 2
    return [
        *(Scene(name, address, who="tova") for name, address in pages.items()),
        *(Scene(name, address, act, who="tova") for name, (address, act) in acts.items()),
        Scene("my-accounts-linked", "/sign-in/choose/", comes("vera", "Teacher, Maple Grove"), who=""),
        Scene("my-factors-passkey", "/me/second-factor/", who="kim"),
        Scene("forgot-password", "/sign-in/forgot/", who=""),
        Scene("forgot-password-asked", "/sign-in/forgot/", press("Send the link", email="tova"), who=""),
        Scene("new-password", new, who=""),
        Scene("new-password-complaint", new, press("Change the password", new="short", again="else"), who=""),
        Scene("new-password-spent", "/sign-in/new-password/", who=""),
        Scene("second-factor", "/sign-in/second-factor/", comes("tova"), who=""),
        Scene("second-factor-complaint", "/sign-in/second-factor/", comes("tova", "Go on", code="000000"), who=""),
        Scene("choose-account", "/sign-in/choose/", comes("vera"), who=""),
        Scene("password-is-owed", "/me/password/", comes("otto"), who=""),
        Scene("first-factor", "/sign-in/first-factor/", _owes_a_factor, who=""),
    ]


def comes(name: str, button: str = "", **fields: str) -> Callable[[Page], object]:
    """Sign in with the password, and press another button then."""

    def act(page: Page) -> None:
        press("Sign in", email=name, password=PASSWORD)(page)
        if button:
            press(button, **fields)(page)

    return act


def _owes_a_factor(page: Page) -> None:
    settings.DEMO = False
    try:
        comes("ada@maple.example")(page)
        page.get_by_role("heading", name="Protect this account first").wait_for()
    finally:
        settings.DEMO = True


def _codes(password: str) -> Callable[[Page], object]:
    def act(page: Page) -> None:
        page.get_by_text("Make new recovery codes").click()
        page.locator("#password-codes").fill(password)
        page.get_by_role("button", name="Replace the old codes").click()
        page.wait_for_load_state()

    return act


def _account(district: District, name: str, kind: str, email: str = "") -> Account:
    account = Account(district=district, username=name, email=email or f"{name}@maple.example", kind=kind, name=name.title())
    account.set_password(PASSWORD)
    account.save()
    return account
