"""The fear that the door cannot be opened by those who live there: each way in is gone in a real browser."""

import pytest
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Page, expect

from rollbook.actions import sources
from rollbook.domain.rights import Right
from rollbook.store import accounts
from rollbook.store.models import Account, Factor, Session
from tests.browser.conftest import PASSWORD, be, sets_up_an_app, sign_in
from tests.district import Grove
from tests.signing_in import account

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]


def comes(page: Page, district: Grove) -> None:
    page.goto("/sign-in/")
    page.get_by_label("Username or email").fill(district.account.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_an_administrator_sets_an_app_up_and_comes_back_with_a_recovery_code(page: Page, district: Grove) -> None:
    comes(page, district)
    expect(page.get_by_role("heading", level=1)).to_have_text("Protect this account first")
    codes = sets_up_an_app(page)
    expect(page.get_by_role("link", name="Imports")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    comes(page, district)
    page.get_by_label("Code").fill(codes[3])
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("link", name="Imports")).to_be_visible()


def test_a_passkey_is_made_and_opens_the_door(page: Page, district: Grove) -> None:
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    shape = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    made = device.send("WebAuthn.addVirtualAuthenticator", {"options": shape | {"isUserVerified": True}})
    comes(page, district)
    page.get_by_role("link", name="Set up a passkey").click()
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep these codes")
    page.get_by_role("link", name="I have kept them").click()
    assert Factor.objects.get(account=district.account).kind == "passkey"
    page.get_by_role("button", name="Sign out").click()

    comes(page, district)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("link", name="Imports")).to_be_visible()
    assert Factor.objects.get(account=district.account).used_at is not None
    page.get_by_role("button", name="Sign out").click()

    device.send("WebAuthn.setUserVerified", {"authenticatorId": made["authenticatorId"], "isUserVerified": False})
    device.send("WebAuthn.clearCredentials", {"authenticatorId": made["authenticatorId"]})
    comes(page, district)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("The browser did not give a passkey")).to_be_visible()


def test_a_password_can_be_looked_at_and_is_not_remembered_as_text(page: Page, district: Grove) -> None:
    page.goto("/sign-in/")
    password = page.get_by_label("Password")
    password.fill(PASSWORD)
    page.get_by_role("button", name="Show it").click()
    expect(password).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide it").click()
    expect(password).to_have_attribute("type", "password")


def test_a_button_that_is_refused_in_a_view_says_so_where_it_was_pressed(page: Page, district: Grove) -> None:
    """It asks for a part of the page, and an answer that is none would else be dropped without a word."""
    keys = {"url": "ps.maple.example", "key": "4d2a", "secret": "5e3b", "devices": "none"}
    hamilton = sources.add(district.ada, "powerschool", "Hamilton", keys)
    otto = Account.objects.create(district=district.row, kind="staff", name="Otto Quist", email="otto@maple.example")
    accounts.give(otto, [Right.IMPORTS])
    sign_in(page, district)
    page.goto(f"/view-as/{otto.pk}/")
    page.get_by_label("Why").fill("the test fails")
    page.get_by_role("button", name="Begin").click()
    page.goto(f"/manage/{hamilton.pk}/setup/")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Nothing can be changed while you see Rollbook as Otto Quist does")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("That could not be done")
    page.get_by_role("button", name="Stop viewing").click()
    expect(page.get_by_role("button", name="Stop viewing")).to_have_count(0)


def test_a_session_that_is_over_says_so_at_the_door_and_leads_back(page: Page, district: Grove) -> None:
    una = account(district.row, "una")
    be(page, una)
    page.goto("/me/history/")
    session = SessionStore(Session.objects.get(account=una).key)
    session["since"] -= 7 * 24 * 3600
    session.save()
    page.reload()
    expect(page.get_by_text("You were signed out")).to_be_visible()
    page.get_by_label("Username or email").fill("una")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/me/history/")
