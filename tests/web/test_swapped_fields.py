"""The fear that a form takes a number of somebody elsewhere: every form gets them, in every field that names something."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from rollbook import web
from rollbook.domain.rights import TECH_COACH
from rollbook.lib import clock
from rollbook.store import accounts
from rollbook.store.models import Account, AccountRight, Child, Factor, Identity, Session, SignInProvider
from tests.district import Grove, edited, enrollment, plus, small, user
from tests.signing_in import of
from tests.web.persons import account
from tests.web.test_access import OPEN, ROUTES, filled

#: Fields whose value is a key, and no row of a table: which limit; what somebody typed.
NO_ROWS = {"key", "reset"}
#: The family name of whoever is elsewhere.
HIDDEN = "Xanthippakis"
#: What a field says that makes a page go further than its first complaint.
SAID = {
    "find": "yes",
    "words": "Zebedee",
    "kind": "guardian",
    "name": "Nia",
    "username": "nia",
    "act": "unlock",
    "reason": "to see",
}


def ids(grove: Grove, person: str, school: str) -> dict[str, list[int | str]]:
    """Return what forms could name of one place, by field."""
    row, org, source = grove.one("person", person).pk, grove.one("org", school).pk, grove.source.pk
    theirs = Account.objects.get(district=grove.row, person=row)
    provider, _ = SignInProvider.objects.get_or_create(district=grove.row, kind="openid", title="T", issuer="https://i.example")
    at: dict[str, Any] = {"made_at": clock.now()}
    known = Identity.objects.get_or_create(
        district=grove.row, provider=provider, account=theirs, subject=person, defaults=at | {"confirmed": True}
    )[0]
    factor = Factor.objects.get_or_create(
        account=theirs, kind="app", name="T", secret="x", defaults=at | {"confirmed_at": clock.now()}
    )
    of(theirs)
    return {
        "account": [theirs.pk],
        "children": [row],
        "person": [row],
        "school": [org, f"{source}.{school}"],
        "session": [Session.objects.filter(account=theirs).latest("pk").pk],
        "factor": [factor[0].pk],
        "identity": [known.pk],
        "source": [source],
        "concerns": [theirs.pk],
        "after": [theirs.pk, f"{source}.{person}"],
        "before": [theirs.pk, f"{source}.{person}"],
    }


def everything(people: Iterable[Account]) -> dict[str, list[dict[str, Any]]]:
    """Return these accounts, and all rows that hang on them."""
    mine = [each.pk for each in people]
    found = {"Account": list(Account.objects.filter(pk__in=mine).order_by("pk").values())}
    for model in apps.get_app_config("store").get_models():
        if "account" in {field.name for field in model._meta.get_fields()} and model is not Account:
            found[model.__name__] = list(model._default_manager.filter(account__in=mine).order_by("pk").values())
    return found


def test_every_field_that_names_a_row_is_swapped_here(imported: Grove) -> None:
    templates = Path(web.__file__).parent / "templates"
    named = re.compile(r'name="([a-z_-]+)"[^>]{0,60}value="\{\{[^}]*(?:pk|number|key|sourced_id|source_id)[^}]*\}\}')
    found = {name for each in templates.rglob("*.html") for name in named.findall(each.read_text())}
    assert "children" in found
    assert not found - NO_ROWS - set(ids(imported, "p1", "s1")), "a form names something by a field that no test swaps"


@pytest.mark.once
@pytest.mark.parametrize("called", ["administrator", "tech coach", "teacher", "guardian"])
def test_ids_of_elsewhere_in_every_field_change_nothing_there_and_show_nothing(
    district: Grove, tmp_path: Path, called: str
) -> None:
    far, away = Grove(tmp_path / "far", "Elsewhere"), small(2)
    at_two = user("q2", orgs="s2", givenName="Zebedee", familyName=HIDDEN if called == "tech coach" else "Shown")
    district.applies(plus(small(), users=[at_two], enrollments=[enrollment("k2", "q2", school="s2")]))
    far.applies(away | {"users": edited(away["users"], "p1", givenName="Zebedee", familyName=HIDDEN)})
    there = ids(far, "p1", "s1")
    who = {
        "administrator": lambda: district.account,
        "tech coach": lambda: account(district, "staff", name="Coach"),
        "teacher": lambda: account(district, "teacher", "t1"),
        "guardian": lambda: account(district, "guardian", "g1"),
    }[called]()
    if called == "tech coach":
        accounts.give(who, TECH_COACH, district.one("org", "s1").pk)
        there = {name: [*values, *there[name]] for name, values in ids(district, "q2", "s2").items()}
    foreign = list(Account.objects.filter(pk__in=there["account"]))
    before = everything(foreign)
    for address, route in ROUTES:
        for method in ("get", "post") if route.name not in OPEN else ():
            page = getattr(of(who), method)(filled(address, district), there | SAID)
            assert page.status_code < 500, f"{method} /{address}"
            assert HIDDEN.encode() not in (page.getvalue() if page.streaming else page.content), f"{method} /{address}"
    assert everything(foreign) == before
    assert not Child.objects.filter(district=district.row, student__in=there["children"]).exists()
    assert not AccountRight.objects.filter(district=district.row, school__in=there["school"][:1]).exists()
    theirs = Account.objects.filter(district=district.row, person__in=there["person"])
    assert not theirs.exclude(pk__in=[each.pk for each in foreign]).exists()
