"""The fear that a page opens to somebody who may not see it: every address is tried by everybody who must not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from rollbook.actions.actor import Where, of_account
from rollbook.domain.rights import MEANINGS, TECH_COACH, Right
from rollbook.lib import clock
from rollbook.store import accounts
from rollbook.store.models import Account, AuditEntry, Identity, Notice, Run, SignInProvider, Source
from rollbook.web.access import May, who_may
from rollbook.web.middleware import Doorkeeper
from tests.district import Grove, small
from tests.signing_in import of, passes
from tests.web.persons import account

OPEN = {
    "first-start",
    "forgot-password",
    "new-password",
    "new-password-link",
    "sign-in",
    "sign-in-back",
    "sign-in-with",
    "sign-out",
    "start",
}
#: What everybody who has signed in may open, whatever their kind and rights: about oneself alone.
EVERYBODYS = {
    "add-app",
    "add-passkey",
    "change-password",
    "choose-account",
    "end-session",
    "first-factor",
    "home",
    "link-accounts",
    "link-by-mail",
    "my-account",
    "my-accounts",
    "my-class",
    "my-factors",
    "my-history",
    "my-providers",
    "my-sessions",
    "recovery-codes",
    "remove-factor",
    "second-factor",
    "second-factor-passkey",
    "switch-account",
    "unlink-account",
    "view-as-stop",
}
#: What stands for a part of an address: things of Ada's district, which exist.
TAB, KIND = "changes", "oneroster-csv"
#: Parts of addresses that stand for something of one district. What is not here is a word, or a secret.
OF_A_DISTRICT = {"number", "source", "key", "account", "provider", "identity", "name"}
#: There is nothing to show at these addresses in the district of the tests, even to those who may.
EMPTY = {"mail", "mail-one", "one-mail", "mail-html", "source-plugin", "source-plugin-xml", "source-devices"}
#: These need their right in the whole district.
WHOLE = {"usernames"}


def routes(patterns: list[URLPattern | URLResolver] | None = None, prefix: str = "") -> list[tuple[str, URLPattern]]:
    found: list[tuple[str, URLPattern]] = []
    for each in get_resolver().url_patterns if patterns is None else patterns:
        here = prefix + str(each.pattern)
        found += routes(each.url_patterns, here) if isinstance(each, URLResolver) else [(here, each)]
    return found


ROUTES = routes()


@pytest.mark.parametrize(("address", "route"), ROUTES, ids=[address for address, _ in ROUTES])
def test_every_view_says_who_may(address: str, route: URLPattern) -> None:
    may = who_may(route.callback)
    assert may is not None, f"/{address} says nothing"
    assert (may is May.ANYONE) == (route.name in OPEN), f"/{address} is open to {may}"
    assert (may is May.SIGNED_IN) == (route.name in EVERYBODYS), f"/{address} is open to {may}"


def test_a_view_that_says_nothing_is_shut() -> None:
    def forgotten(request: HttpRequest) -> HttpResponse:
        return HttpResponse("children")

    door = Doorkeeper(forgotten)
    with pytest.raises(PermissionDenied):
        door.process_view(RequestFactory().get("/"), forgotten, (), {})


def names_something(address: str) -> bool:
    """Say whether an address names something that belongs to a district."""
    return not OF_A_DISTRICT.isdisjoint(parts(address))


def parts(address: str) -> list[str]:
    return [part.rpartition(":")[2] for part in re.findall(r"<([^>]+)>", address)]


def filled(address: str, district: Grove, school: str = "s1") -> str:
    """Put things of a district, and of a school of it, into an address."""
    run = Run.objects.filter(district=district.row).order_by("pk").first()
    assert run is not None
    person = "p2" if school == "s1" else "t2"
    keys = {"classes": "k1" if school == "s1" else "k2", "schools": school}
    key = keys.get(address.removeprefix("my/").partition("/")[0], person)
    values = {"number": run.pk, "source": district.source.pk, "tab": TAB, "kind": KIND, "key": key, "name": "x.eml", "clear": "x"}
    values["account"] = Account.objects.get(district=district.row, person=district.one("person", person).pk).pk
    values |= _providers(district, address)

    def put(part: re.Match[str]) -> str:
        return str(values[part[1].rpartition(":")[2]])

    return "/" + re.sub(r"<([^>]+)>", put, address)


def _providers(district: Grove, address: str) -> dict[str, int | str]:
    """Return what stands for parts of the addresses of sign-in by providers."""
    mine = {"district": district.row}
    provider = SignInProvider.objects.get_or_create(**mine, kind="openid", title="Ours", issuer="https://id.example")[0]
    identity = Identity.objects.get_or_create(
        **mine, provider=provider, account=district.account, subject="1", defaults={"confirmed": False, "made_at": clock.now()}
    )[0]
    found: dict[str, int | str] = {"provider": provider.pk, "identity": identity.pk}
    return found | ({"kind": "google"} if address.startswith("settings/sign-in/") else {})


def asked(client: Client, address: str) -> list[tuple[str, int, str]]:
    """Ask for an address in both ways; return what came."""
    answers = []
    for method in ("get", "post"):
        response = getattr(client, method)(address)
        if response.status_code != 405:
            answers.append((method, response.status_code, response.headers.get("Location", "")))
    return answers


@pytest.mark.once
def test_nobody_gets_in_without_signing_in(imported: Grove) -> None:
    for address, route in ROUTES:
        if route.name not in OPEN:
            for method, status, location in asked(Client(), filled(address, imported)):
                assert status == 302, f"{method} /{address}"
                assert location.startswith("/sign-in/"), f"{method} /{address}"


def test_a_fragment_sends_the_whole_page_to_the_sign_in(imported: Grove) -> None:
    response = Client().get(filled("imports/<int:number>/progress/", imported), headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == "/sign-in/"
    assert not response.content


@pytest.mark.once
def test_who_administers_nothing_sees_no_import_and_no_roster(imported: Grove, ben: Client) -> None:
    for address, route in ROUTES:
        if isinstance(who_may(route.callback), Right):
            for method, status, _ in asked(ben, filled(address, imported)):
                assert status == 403, f"{method} /{address}"


def test_who_has_left_is_out_at_once(imported: Grove, ada: Client) -> None:
    assert ada.get("/imports/").status_code == 200
    imported.account.state = "inactive"
    imported.account.save()
    assert ada.get("/imports/").status_code == 302


def test_an_administrator_of_elsewhere_finds_nothing_of_ours(imported: Grove, cleo: Client) -> None:
    def everything() -> tuple[int, ...]:
        ours = {"district": imported.row}
        return (
            Run.objects.filter(**ours).count(),
            AuditEntry.objects.filter(**ours).count(),
            Notice.objects.filter(**ours).count(),
            Source.objects.filter(**ours, enabled=True).count(),
        )

    before = everything()
    for address, route in ROUTES:
        if names_something(address) and route.name not in OPEN:
            for method, status, _ in asked(cleo, filled(address, imported)):
                assert status == 404, f"{method} /{address}"
    assert everything() == before


def test_lists_show_only_ones_own_district(imported: Grove, cleo: Client) -> None:
    for address, route in ROUTES:
        if "<" not in address and route.name not in OPEN:
            page = cleo.get("/" + address, follow=True)
            content = page.getvalue() if page.streaming else page.content
            assert b"Maple Grove" not in content, f"/{address}"
            assert imported.account.email.encode() not in content, f"/{address}"


def test_a_change_needs_a_token_of_ones_own_page(imported: Grove) -> None:
    strict = Client(enforce_csrf_checks=True)
    passes(strict, imported.account)
    run = Run.objects.get(district=imported.row)
    assert strict.post(f"/imports/{run.pk}/undo/", {"also_changed": "no"}).status_code == 403
    assert not Run.objects.filter(undo_of=run).exists()


def test_no_page_lets_strange_scripts_or_styles_in(imported: Grove, ada: Client) -> None:
    for address, route in ROUTES:
        if who_may(route.callback) is not May.ANYONE:
            page = ada.get(filled(address, imported))
            if page.status_code == 200 and "text/html" in page.headers["Content-Type"] and not page.streaming:
                text = page.content.decode()
                assert " style=" not in text, f"/{address}"
                assert "<script>" not in text, f"/{address}"
                assert " onclick=" not in text, f"/{address}"
                assert "script-src 'self'" in page.headers["Content-Security-Policy"]


# --- the matrix: everybody, at every address, with things of their own school, of another school, and of another district ---

PLACES = ("own school", "other school", "other district")
GONE = {403, 404}


@dataclass(frozen=True)
class Somebody:
    """One of those who ask."""

    called: str
    client: Client
    account: Account | None = None

    def has(self, may: May | Right | None) -> bool:
        if may is May.ANYONE:
            return True
        return self.account is not None and (may is May.SIGNED_IN or may in self.rights)

    def has_for_schools_only(self, may: May | Right | None) -> bool:
        return isinstance(may, Right) and self.rights.get(may) is not None

    @cached_property
    def rights(self) -> Mapping[Right, Where]:
        return of_account(self.account).rights if self.account else {}


def everybody(ours: Grove, theirs: Grove) -> list[Somebody]:
    coach, plain = account(ours, "staff", name="Coach"), account(ours, "staff", email="plain@maple.example")
    accounts.give(coach, TECH_COACH, ours.one("org", "s1").pk)
    people = {
        "student": account(ours, "student", "p1"),
        "teacher": account(ours, "teacher", "t1"),
        "guardian": account(ours, "guardian", "g1"),
        "staff": plain,
        "tech coach": coach,
        "administrator": ours.account,
        "of elsewhere": theirs.account,
    }
    return [Somebody("nobody", Client()), *(Somebody(called, of(each), each) for called, each in people.items())]


def statuses(client: Client, address: str) -> set[int]:
    """Ask in both ways, to look and to change."""
    return {status for _, status, _ in asked(client, address)}


@pytest.mark.once
def test_everybody_at_every_address_with_things_of_three_places(imported: Grove, tmp_path: Path) -> None:
    far = Grove(tmp_path / "far", "Elsewhere")
    far.applies(small(2))
    places = dict(zip(PLACES, ((imported, "s1"), (imported, "s2"), (far, "s1")), strict=True))
    addresses = {
        (address, place): filled(address, grove, school) for address, _ in ROUTES for place, (grove, school) in places.items()
    }
    wrong, lines = [], []
    for who in everybody(imported, far):
        for address, route in ROUTES:
            may = who_may(route.callback)
            if may is May.ANYONE:
                continue
            cells = []
            # Whether somebody has a right at all is asked before anything is looked for: what is looked for makes no difference.
            for place in PLACES if names_something(address) and who.has(may) else PLACES[:1]:
                asks = addresses[address, place]
                shut = names_something(address) and (place == "other district") != (who.called == "of elsewhere")
                if place == "other school" and who.has_for_schools_only(may):
                    shut = shut or not {"key", "account"}.isdisjoint(parts(address))
                met = statuses(who.client, asks) if shut or not who.has(may) else {int(who.client.get(asks).status_code)}
                cells.append("/".join(str(each) for each in sorted(met)))
                if fault := _fault(who, route, met, shut=shut):
                    wrong.append(f"{who.called} at {asks} ({place}): {met}: {fault}")
            lines.append((who.called, f"/{address}", str(may), *cells))
    print(f"\nWho, address, who may, then what is answered for {', '.join(PLACES)}:")
    print("\n".join(f"{who:14} {address:58} {may:10} {' | '.join(cells)}" for who, address, may, *cells in lines))
    assert not wrong, "\n".join(wrong)


def _fault(who: Somebody, route: URLPattern, met: set[int], *, shut: bool) -> str:
    may = who_may(route.callback)
    if who.account is None:
        return "" if met == {302} else "is not led to the sign-in"
    if not who.has(may) or (route.name in WHOLE and who.has_for_schools_only(may)):
        return "" if met == {403} else "has not the right"
    if shut:
        return "" if met <= GONE else "is not theirs"
    if isinstance(may, Right) and not met <= {200, 302, 400, 405} and not (route.name in EMPTY and met == {404}):
        return "should be open"
    return "" if max(met) < 500 else "is broken"


@pytest.mark.parametrize("kind", ["student", "teacher", "guardian"])
def test_nobody_opens_a_class_that_is_not_their_own(imported: Grove, kind: str) -> None:
    client = of(account(imported, kind, {"student": "p1", "teacher": "t1", "guardian": "g1"}[kind]))
    mine = "my/classes/<int:source>/<path:key>/"
    assert client.get(filled(mine, imported, "s1")).status_code == 200
    assert statuses(client, filled(mine, imported, "s2")) == {404}


def test_a_right_that_holds_at_schools_says_so_and_the_others_do_not() -> None:
    """What a tech coach has at one school must be narrowed to it; a right of the whole district has no pages that narrow."""
    assert {right for right in Right if MEANINGS[right].at_schools} == TECH_COACH


@pytest.mark.parametrize("part", ["99999999999999999999999", "a%00b", "%ff", "..%2F..%2Fetc"])
def test_an_address_that_nobody_ever_made_is_not_there_and_breaks_nothing(imported: Grove, ada: Client, part: str) -> None:
    for address, route in ROUTES:
        kinds = re.findall(r"<(\w+):", address)
        if kinds and route.name not in OPEN and not (part.isdecimal() is False and set(kinds) == {"int"}):
            asks = "/" + re.sub(r"<(\w+):\w+>", lambda met: part if part.isdecimal() or met[1] != "int" else "1", address)
            assert statuses(ada, asks) <= {200, 302, 400, 403, 404, 409}, asks
