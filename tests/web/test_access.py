"""The fear that a page opens to somebody who may not see it: every address is tried by everybody who must not."""

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from rollbook.store.models import AuditEntry, Notice, Run, Source
from rollbook.web.access import May, who_may
from rollbook.web.middleware import Doorkeeper
from tests.district import Grove

OPEN = {"sign-in", "sign-out", "first-start"}
#: What stands for a part of an address: things of Ada's district, which exist.
TAB, KIND = "changes", "oneroster-csv"


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


def test_a_view_that_says_nothing_is_shut() -> None:
    def forgotten(request: HttpRequest) -> HttpResponse:
        return HttpResponse("children")

    door = Doorkeeper(forgotten)
    with pytest.raises(PermissionDenied):
        door.process_view(RequestFactory().get("/"), forgotten, (), {})


def filled(address: str, district: Grove) -> str:
    """Put things of Ada's district into an address."""
    run = Run.objects.filter(district=district.row).order_by("pk").first()
    assert run is not None
    values = {"number": run.pk, "source": district.source.pk, "tab": TAB, "kind": KIND, "key": "p1", "name": "x.eml"}

    def put(part: re.Match[str]) -> str:
        return str(values[part[1].rpartition(":")[2]])

    return "/" + re.sub(r"<([^>]+)>", put, address)


def asked(client: Client, address: str) -> list[tuple[str, int, str]]:
    """Ask for an address in both ways; return what came."""
    answers = []
    for method in ("get", "post"):
        response = getattr(client, method)(address)
        if response.status_code != 405:
            answers.append((method, response.status_code, response.headers.get("Location", "")))
    return answers


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


def test_who_administers_nothing_sees_no_import_and_no_roster(imported: Grove, ben: Client) -> None:
    for address, route in ROUTES:
        if who_may(route.callback) is May.ADMINISTRATORS:
            for method, status, _ in asked(ben, filled(address, imported)):
                assert status == 403, f"{method} /{address}"


def test_who_has_left_is_out_at_once(imported: Grove, ada: Client) -> None:
    assert ada.get("/imports/").status_code == 200
    imported.account.is_active = False
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
        if "<" in address and route.name not in OPEN:
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
    strict.force_login(imported.account)
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
