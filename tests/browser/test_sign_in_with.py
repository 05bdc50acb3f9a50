"""Somebody signs in at a provider that others wrote, in a browser: there, and back to their own page."""

from collections.abc import Iterator
from typing import Any

import oidc_provider_mock
import pytest
from playwright.sync_api import Page

from rollbook.store.models import Account, SignInProvider
from tests.district import Grove

pytestmark = [pytest.mark.browser, pytest.mark.once]


@pytest.fixture
def provider(district: Grove, settings: Any) -> Iterator[SignInProvider]:
    settings.ALLOWED_NETWORKS = ["localhost"]
    mia = oidc_provider_mock.User(sub="s-mia", claims={"email": "mia@maple.example", "email_verified": True})
    with oidc_provider_mock.run_server_in_thread(user_claims=[mia]) as server:
        yield SignInProvider.objects.create(
            district=district.row,
            kind="openid",
            title="School",
            issuer=f"http://localhost:{server.server_port}",
            client_id="rollbook",
            client_secret="s",
            domains=["maple.example"],
        )


def test_somebody_goes_there_and_comes_back_to_the_own_page(page: Page, district: Grove, provider: SignInProvider) -> None:
    Account.objects.create(district=district.row, kind="student", email="mia@maple.example", name="Mia Hill", by_hand=False)
    page.route("**/*", lambda route: route.abort() if "cdn" in route.request.url else route.continue_())
    page.goto("/me/")
    page.get_by_role("link", name="Sign in with School").click()
    page.get_by_role("button", name="Authorize as s-mia").click()
    page.wait_for_url("**/me/")
    assert page.get_by_role("banner").get_by_text("Mia Hill").is_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in with School").click()
    page.get_by_label("Subject").fill("s-stranger")
    page.get_by_role("button", name="Authorize", exact=True).click()
    page.get_by_text("Nobody was signed in.").wait_for()
    page.get_by_role("link", name="Other ways to sign in").click()
    assert page.get_by_label("Password").is_visible()
