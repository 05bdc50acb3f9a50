"""What people see who look after no imports: own classes, own children, own rights; and how it looks to see it as one of them."""

from rollbook.domain.rights import TECH_COACH
from rollbook.store import accounts
from rollbook.store.models import Account, District, Org, Person
from tests.browser.scenes import Scene, press

#: What only takes what a form sends.
NO_PAGES = {"view-as-stop"}
#: Name -> kind, and key in the roster; nora is known to no source, and cora has rights.
PEOPLE = {
    "tess": ("teacher", "t1"),
    "sam": ("student", "p1"),
    "gus": ("guardian", "g1"),
    "nora": ("student", ""),
    "cora": ("staff", ""),
}


def homes(made: dict[str, int]) -> list[Scene]:
    """Needs: a district with an import, and the number of its source."""
    source = made["source"]
    for name in PEOPLE:
        _account(name, source)
    accounts.give(_named("cora"), TECH_COACH, Org.objects.get(source=source, sourced_id="s1").pk)
    view = f"/view-as/{_named('tess').pk}/"
    begin = press("Begin", reason="Her class does not show")
    return [
        *(Scene(f"home-{who}", "/", who=who) for who in PEOPLE),
        *(Scene(f"my-class-{who}", f"/my/classes/{source}/k1/", who=who) for who in ("tess", "gus")),
        Scene("coach-class", f"/classes/{source}/k1/", who="cora"),
        Scene("coach-new-account", "/accounts/new/", who="cora"),
        Scene("view-as", view),
        Scene("view-as-complaint", view, press("Begin")),
        Scene("viewing", view, begin),
        Scene("viewing-refused", view, lambda page: (begin(page), page.goto("/sign-in/"))),
    ]


def _account(name: str, source: int) -> None:
    kind, key = PEOPLE[name]
    district = District.objects.get(name="Maple Grove")
    values = {"email": f"{name}@maple.example", "state": "active"}
    person = Person.objects.get(source=source, sourced_id=key).pk if key else None
    if person is None:
        Account.objects.create(district=district, kind=kind, **values)
    else:
        Account.objects.update_or_create(district=district, kind=kind, person=person, defaults=values)


def _named(name: str) -> Account:
    return Account.objects.get(email=f"{name}@maple.example")
