"""The pages of sign-in by a provider, in every state."""

from collections.abc import Callable

from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Page

from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.store import accounts, audit
from rollbook.store.models import Account, District, Identity, SignInProvider
from tests.browser.scenes import Scene, press

#: What only takes what a form sends.
NO_PAGES = {"identity-answer"}


def provided() -> list[Scene]:
    """Return the scenes, and make what they need. Needs: the district of `prepared`."""
    district = District.objects.get(name="Maple Grove")
    ada = Account.objects.get(email="ada@maple.example")
    boss = Account.objects.create(district=district, email="boss.of.all.schools@maple.example", name="Boss Núñez-Ångström")
    accounts.give(boss, [Right.ROSTER])
    made = {
        kind: SignInProvider.objects.create(
            district=district,
            kind=kind,
            title=title,
            issuer="https://127.0.0.1",
            client_id="r",
            client_secret="s",
            domains=domains,
        )
        for kind, title, domains in (
            ("google", "Google", ["maple.example", "students.maple.example"]),
            ("openid", "The single sign-on of our schools", ["maple.example"]),
        )
    }
    stopped = SignInProvider.objects.create(
        district=district, kind="microsoft", title="Microsoft", issuer="https://127.0.0.1", client_id="r", domains=["m.example"]
    )
    SignInProvider.objects.filter(pk=stopped.pk).update(enabled=False)
    common = {"district": district, "provider": made["google"], "issuer": "i", "made_at": clock.now()}
    Identity.objects.create(**common, account=ada, subject="1", used_at=clock.now())
    Identity.objects.create(**common, account=ada, subject="2", confirmed=False)
    Identity.objects.create(**common, account=boss, subject="3", confirmed=False)
    why = "several accounts have the address"
    audit.note(district.pk, "somebody", "sign-in.unclear", "Google", because=why, accounts=[ada.pk, boss.pk])
    one = f"/settings/sign-in/{made['openid'].pk}/"
    complaints = press("Save and offer it", title="", client_id="a b", domains="gmail.com")
    pages: dict[str, tuple[str, Callable[[Page], object]]] = {
        "providers": ("/settings/sign-in/", _nothing),
        "provider": (one, _nothing),
        "provider-test": (one, press("Test")),
        "provider-stopped": (f"/settings/sign-in/{stopped.pk}/", _nothing),
        "provider-complaints": ("/settings/sign-in/new/openid/", complaints),
        "provider-remove": (f"{one}remove/", _nothing),
        "clever": ("/settings/sign-in/clever/", _nothing),
        "my-providers": ("/me/sign-in/", _nothing),
        "my-providers-asks": ("/me/sign-in/", lambda page: _proves(page, ada, made["google"])),
    } | {f"provider-new-{kind}": (f"/settings/sign-in/new/{kind}/", _nothing) for kind in ("google", "microsoft", "clever")}
    outside = {
        "sign-in-offers": "/sign-in/",
        "start": f"/start/?district={district.pk}&with=clever",
        "sign-in-with-nobody": f"/sign-in/with/{made['google'].pk}/",
        "sign-in-back-too-late": "/sign-in/back/?state=x&code=y",
    }
    return [
        *(Scene(name, address, act) for name, (address, act) in pages.items()),
        Scene("providers-none", "/settings/sign-in/", who="eve"),
        Scene("clever-none", "/settings/sign-in/clever/", who="eve"),
        Scene("my-providers-none", "/me/sign-in/", who="eve"),
        *(Scene(name, address, who="") for name, address in outside.items()),
    ]


def _nothing(page: Page) -> None: ...


def _proves(page: Page, account: Account, provider: SignInProvider) -> None:
    """Put into the session what a provider has proved a moment ago."""
    key = next(each["value"] for each in page.context.cookies() if each["name"] == "rollbook_session")
    session = SessionStore(key)
    shown = "a.very.long.name.of.somebody@students.maple.example"
    proved = {"account": account.pk, "provider": provider.pk, "issuer": "i", "subject": "4", "shown": shown}
    session["proven"] = proved | {"at": clock.now().timestamp()}
    session.save()
    page.reload()
