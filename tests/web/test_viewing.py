"""The fear that View As lets somebody do, or see, what is another's: or that nobody knows that they did."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from rollbook.actions import sessions, work
from rollbook.domain.rights import TECH_COACH, Right
from rollbook.lib import clock
from rollbook.store import accounts
from rollbook.store.models import Account, AccountRight, AuditEntry, District
from rollbook.web.access import is_secret
from tests.district import Clock, Grove, enrollment, plus, small, user
from tests.web.conftest import of
from tests.web.persons import account

Make = Callable[..., Account]


@pytest.fixture
def make(imported: Grove) -> Make:
    def make(kind: str, key: str = "", **more: Any) -> Account:
        return account(imported, kind, key, **{"email": f"{kind}{key}@maple.example", **more})

    return make


@pytest.fixture
def teacher(make: Make) -> Account:
    return make("teacher", "t1", name="Tess Teacher")


def begin(client: Client, whom: Account, reason: str = "a class does not show", back: str = "/people/") -> Any:
    return client.post(f"/view-as/{whom.pk}/", {"reason": reason, "next": back})


def began(client: Client, whom: Account) -> Client:
    response = begin(client, whom)
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    return client


def text(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, address
    return response.content.decode()


def acts(act: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(act=act).order_by("pk"))


def test_what_is_shown_is_what_the_person_sees(imported: Grove, ada: Client, teacher: Account) -> None:
    own = of(teacher)
    began(ada, teacher)
    mine = f"/my/classes/{imported.source.pk}/k1/"
    for address in ("/", mine):
        shown, seen = text(ada, address), text(own, address)
        assert shown[shown.index("<main") : shown.index("</main")] == seen[seen.index("<main") : seen.index("</main")]
    for address in ("/people/", "/imports/", "/manage/"):
        assert ada.get(address).status_code == own.get(address).status_code == 403


def test_both_names_are_on_every_page_even_where_something_is_refused(imported: Grove, ada: Client, teacher: Account) -> None:
    began(ada, teacher)
    for address, status in (("/", 200), ("/people/", 403), ("/nowhere/", 404), (f"/my/classes/{imported.source.pk}/k9/", 404)):
        page = text(ada, address, status)
        banner = page[page.index('class="viewing" role="status"') : page.index("Stop viewing")]
        assert "Tess Teacher" in banner
        assert imported.account.email in banner


def test_stopping_leads_back_to_where_it_began(ada: Client, teacher: Account) -> None:
    began(ada, teacher)
    assert ada.post("/view-as/stop/").headers["Location"] == "/people/"
    assert 'class="viewing"' not in text(ada, "/people/")


def test_where_it_began_is_a_page_of_ours(ada: Client, teacher: Account) -> None:
    begin(ada, teacher, back="https://elsewhere.example/")
    assert ada.post("/view-as/stop/").headers["Location"] == "/"


def test_it_ends_after_an_hour_and_nothing_is_done_by_mistake_as_oneself(
    ada: Client, teacher: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Clock(clock.now())
    monkeypatch.setattr(clock, "now", stopped)
    began(ada, teacher)
    stopped.at += timedelta(minutes=59)
    assert 'class="viewing"' in text(ada, "/")
    stopped.at += timedelta(minutes=1)
    response = ada.post("/manage/new/", {"name": "by mistake"})
    assert (response.status_code, response.headers["Location"]) == (302, "/people/")
    assert "Viewing has ended" in text(ada, "/people/")
    assert len(acts("view-as.ended")) == 1


def test_signing_out_ends_it(ada: Client, teacher: Account) -> None:
    began(ada, teacher)
    assert ada.post("/sign-out/").status_code == 302
    assert acts("view-as.ended")[0].detail == {"how": "signed out"}
    assert ada.get("/").status_code == 302


def test_a_view_that_nobody_comes_back_to_has_an_end_in_the_log(
    ada: Client, teacher: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Clock(clock.now())
    monkeypatch.setattr(clock, "now", stopped)
    began(ada, teacher)
    work.once()
    stopped.at += timedelta(minutes=59)
    assert 'class="viewing"' in text(ada, "/")
    work.once()
    assert not acts("view-as.ended")
    stopped.at += timedelta(minutes=1)
    work.once()
    work.once()
    ended = acts("view-as.ended")
    assert [(each.concerns, each.detail) for each in ended] == [(teacher.pk, {"how": "its time was over"})]
    assert ada.get("/").headers["Location"] == "/people/"
    assert len(acts("view-as.ended")) == 1, "whoever comes back ends nothing a second time"


def test_a_view_ends_with_its_session_whoever_ends_that(imported: Grove, ada: Client, teacher: Account) -> None:
    began(ada, teacher)
    sessions.end_others(imported.account, "")
    assert ada.get("/").headers["Location"].startswith("/sign-in/")
    second = began(of(imported.account), teacher)
    sessions.ended(second.session.session_key or "")
    assert [each.detail["how"] for each in acts("view-as.ended")] == ["the session was ended", "signed out"]


def test_a_view_ends_where_the_session_of_its_viewer_is_too_old(
    ada: Client, teacher: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Clock(clock.now())
    monkeypatch.setattr(clock, "now", stopped)
    for _ in range(14):
        ada.get("/")
        stopped.at += timedelta(minutes=50)
    began(ada, teacher)
    stopped.at += timedelta(minutes=30)
    assert ada.get("/").headers["Location"].startswith("/sign-in/")
    assert acts("view-as.ended")[0].detail == {"how": "the session was over"}


def lose_right(viewer: Account, viewed: Account) -> None:
    AccountRight.objects.filter(account=viewer, right=Right.VIEW_AS).delete()


def lose_school(viewer: Account, viewed: Account) -> None:
    AccountRight.objects.filter(account=viewer, right=Right.VIEW_AS).update(school=999_999)


def rise(viewer: Account, viewed: Account) -> None:
    AccountRight.objects.filter(account=viewer, right=Right.EXPORT).delete()
    accounts.give(viewed, [Right.EXPORT])


def leave(viewer: Account, viewed: Account) -> None:
    Account.objects.filter(pk=viewed.pk).update(state="inactive")


@pytest.mark.parametrize("change", [lose_right, lose_school, rise, leave])
def test_it_ends_at_once_when_what_allowed_it_is_gone(imported: Grove, ada: Client, teacher: Account, change: Any) -> None:
    began(ada, teacher)
    change(imported.account, teacher)
    assert ada.get("/").headers["Location"] == "/people/"
    assert 'class="viewing"' not in text(ada, "/")
    assert len(acts("view-as.ended")) == 1


def test_a_viewer_who_is_shut_out_is_out_of_both(imported: Grove, ada: Client, teacher: Account) -> None:
    began(ada, teacher)
    Account.objects.filter(pk=imported.account.pk).update(state="inactive")
    assert ada.get("/").headers["Location"].startswith("/sign-in/")
    assert len(acts("view-as.ended")) == 1


def named_routes(patterns: Any = None) -> list[tuple[str, URLPattern]]:
    found = []
    for each in get_resolver().url_patterns if patterns is None else patterns:
        found += named_routes(each.url_patterns) if isinstance(each, URLResolver) else [(str(each.name), each)]
    return found


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_nothing_can_be_changed_and_each_try_is_written_down(imported: Grove, ada: Client, teacher: Account, method: str) -> None:
    began(ada, teacher)
    assert getattr(ada, method)("/").status_code == 403
    refused = acts("view-as.refused")
    assert len(refused) == 1
    assert (refused[0].by, refused[0].concerns, refused[0].detail["page"]) == (imported.account.email, teacher.pk, "home")


def test_what_is_a_secret_of_somebody_says_so() -> None:
    """Pages about passwords, factors, sessions and exports, by what they are called: a new one has to say that it is one."""
    words = re.compile(
        "password|factor|passkey|recovery|session|export|csv|audit|history|mail|view-as$|plugin|link|add-app|switch|choose|provider-|my-providers"
    )
    assert not [name for name, each in named_routes() if words.search(name) and not is_secret(each.callback)]


def test_a_secret_page_is_refused_and_that_is_written_down(imported: Grove, ada: Client, make: Make) -> None:
    auditor = make("staff", name="Otto")
    accounts.give(auditor, [Right.AUDIT, Right.VIEW_AS])
    assert "<table" in text(of(auditor), "/audit/")
    began(ada, auditor)
    page = text(ada, "/audit/", 403)
    assert "This page is not shown while you see Rollbook as Otto does." in page
    assert acts("view-as.refused")[0].detail == {"page": "audit", "method": "GET"}


def test_there_is_no_second_view(ada: Client, make: Make, teacher: Account) -> None:
    coach = make("staff")
    accounts.give(coach, [Right.VIEW_AS])
    began(ada, coach)
    assert begin(ada, teacher).status_code == 403
    assert ada.get(f"/view-as/{teacher.pk}/").status_code == 403
    assert 'class="viewing"' in text(ada, "/")


def test_a_sign_in_within_a_view_is_refused(ada: Client, teacher: Account) -> None:
    began(ada, teacher)
    for address in ("/sign-in/", "/first-start/"):
        assert ada.get(address).status_code == 403
        assert ada.post(address, {"email": "x", "password": "y"}).status_code == 403


def test_a_form_of_before_is_not_sent_in_another_s_place_and_the_other_way_round(imported: Grove, teacher: Account) -> None:
    strict = of(imported.account)
    strict.handler.enforce_csrf_checks = True

    def token(address: str) -> str:
        page = text(strict, address)
        return page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]

    before = token(f"/view-as/{teacher.pk}/")
    form = {"reason": "to see", "csrfmiddlewaretoken": before}
    assert strict.post(f"/view-as/{teacher.pk}/", form).status_code == 302
    within = token("/")
    assert strict.post("/view-as/stop/", {"csrfmiddlewaretoken": before}).status_code == 403
    assert strict.post("/view-as/stop/", {"csrfmiddlewaretoken": within}).status_code == 302
    assert strict.post("/sign-out/", {"csrfmiddlewaretoken": within}).status_code == 403


def test_a_reason_is_asked_for_and_kept_with_both_names(imported: Grove, ada: Client, teacher: Account) -> None:
    response = begin(ada, teacher, reason="  ")
    assert response.status_code == 400
    assert "is needed" in response.content.decode()
    assert not acts("view-as.began")
    began(ada, teacher)
    entry = acts("view-as.began")[0]
    assert (entry.by, entry.concerns, entry.detail["reason"]) == (imported.account.email, teacher.pk, "a class does not show")
    assert "Tess" not in str(entry.detail)


def test_whom_one_may_not_view_as(imported: Grove, ada: Client, make: Make) -> None:
    """Oneself, one's other account, somebody who is not there, whoever has a right that one lacks."""
    weaker = make("staff", name="Vera")
    accounts.give(weaker, [Right.VIEW_AS, Right.ROSTER])
    vera = of(weaker)
    Account.objects.filter(pk=weaker.pk).update(one=7)
    assert begin(vera, weaker).status_code == 403
    assert begin(vera, make("teacher", "t2", one=7)).status_code == 403
    assert begin(vera, make("guardian", "g1", state="inactive")).status_code == 403
    assert begin(vera, imported.account).status_code == 403
    pending = make("student", "p2", state="pending")
    accounts.give(pending, [Right.EXPORT])
    assert begin(vera, pending).status_code == 403
    assert vera.get("/view-as/999999/").status_code == 404
    assert [entry.by for entry in acts("view-as.refused")] == ["staff@maple.example"] * 5
    assert not acts("view-as.began")
    began(ada, weaker)


def test_who_waits_for_a_first_sign_in_can_be_viewed_as(ada: Client, make: Make) -> None:
    began(ada, make("student", "p1", state="pending"))
    assert "Class k1" in text(ada, "/")


def test_nobody_without_the_right_views_as_anybody(make: Make, teacher: Account) -> None:
    for client in (of(teacher), of(make("student", "p1")), of(make("staff"))):
        assert begin(client, teacher).status_code == 403
    assert not acts("view-as.began")


def test_a_coach_views_as_people_who_are_of_the_own_school_alone(imported: Grove, make: Make) -> None:
    files = small()
    both = [user("t3", "teacher", orgs="s1,s2"), user("h1", "parent"), user("q1", orgs="s2", agentSourcedIds="h1")]
    imported.applies(plus(files, users=both, enrollments=[enrollment("k2", "t3", "teacher", "s2")]))
    coach = make("staff")
    accounts.give(coach, TECH_COACH, imported.one("org", "s1").pk)
    client = of(coach)
    for kind, key in (("teacher", "t2"), ("teacher", "t3"), ("guardian", "h1"), ("student", "q1"), ("guardian", "")):
        assert begin(client, make(kind, key)).status_code == 404, key
    assert begin(client, imported.account).status_code == 404
    assert not acts("view-as.began")
    began(client, make("student", "p2"))
    client.post("/view-as/stop/")
    began(client, make("guardian", "g1"))


def test_accounts_of_another_district_are_not_there(ada: Client, make: Make) -> None:
    far = District.objects.create(name="Far")
    assert begin(ada, Account.objects.create(district=far, email="x@far.example")).status_code == 404


def test_a_person_s_page_leads_to_view_as_for_those_who_may(imported: Grove, ada: Client, make: Make, teacher: Account) -> None:
    address = f"/people/{imported.source.pk}/t1/"
    assert f'href="/view-as/{teacher.pk}/?next={address}"' in text(ada, address)
    looker = make("staff")
    accounts.give(looker, [Right.ROSTER])
    assert "/view-as/" not in text(of(looker), address)
