"""Every page in every state that people can meet it in: where it is, and what has to be done to see it.

A page, a template or a state that is not among these fails `test_every_page.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.template.loader import render_to_string
from playwright.sync_api import Page

from rollbook.actions import archive, notices, overrides, people, runs, sources
from rollbook.actions.powerschool import STEPS, Sign, Step, Tested
from rollbook.connectors.protocol import Probe
from rollbook.domain.errors import SourceRefused
from rollbook.domain.rights import ADMINISTRATOR, TECH_COACH
from rollbook.domain.runs import Trigger
from rollbook.lib import clock
from rollbook.store import accounts, audit
from rollbook.store.models import Account, District, Notice, Run, Source
from tests.district import Files, Grove, edited, enrollment, minus, plus, small, user, write

PASSWORD = "four odd words together"

#: What is not a page: fragments and downloads, and what only takes what a form sends.
NO_PAGES = {
    "account-act",
    "audit-export",
    "import-again",
    "import-changes-csv",
    "import-findings-csv",
    "import-progress",
    "sign-out",
    "source-enable",
    "source-plugin",
    "source-plugin-xml",
    "source-start",
    "source-upload",
}


@dataclass(frozen=True)
class Scene:
    """One page in one state."""

    name: str
    address: str
    act: Callable[[Page], object] = lambda page: None
    who: str = "ada"
    html: str = ""  # what is looked at by itself, because its page lets no script in


def press(button: str, **fields: str) -> Callable[[Page], object]:
    """Fill in fields, and press; what the browser itself would complain of is left to the server."""

    def act(page: Page) -> None:
        page.evaluate("document.querySelectorAll('form').forEach(form => form.noValidate = true)")
        for name, value in fields.items():
            page.locator(f"main [name='{name}']").first.fill(value)
        page.get_by_role("main").get_by_role("button", name=button).first.click()
        page.wait_for_load_state()

    return act


def first_start() -> list[Scene]:
    """Needs: a database in which there is nobody."""
    wrong = press("Start", district="", email="ada at maple", password="short", again="short")
    differs = press("Start", district="Maple Grove", email="ada@maple.example", password=PASSWORD, again="another")
    return [
        Scene("first-start", "/first-start/", who=""),
        Scene("first-start-complaints", "/first-start/", wrong, who=""),
        Scene("first-start-differs", "/first-start/", differs, who=""),
    ]


def stranger() -> list[Scene]:
    """Needs: a district."""

    def without_cookies(page: Page) -> None:
        page.context.clear_cookies()
        press("Sign in", email="ada@maple.example", password="whatever it was")(page)

    return [
        Scene("sign-in", "/sign-in/", who=""),
        Scene("sign-in-complaint", "/sign-in/", press("Sign in", email="ada@maple.example", password="wrong"), who=""),
        Scene("sign-in-too-old", "/sign-in/", without_cookies, who=""),
        Scene("broken", "/broken/", who=""),
    ]


def empty() -> list[Scene]:
    """Needs: somebody who has a district, and nothing in it."""
    named = {
        f"empty-{name}": f"/{name}/"
        for name in ("imports", "people", "classes", "schools", "accounts", "audit", "mail", "manage")
    }
    return [Scene("empty-home", "/", who="eve"), *(Scene(name, address, who="eve") for name, address in named.items())]


def others() -> list[Scene]:
    return [Scene("home-others", "/", who="ben"), Scene("not-allowed", "/imports/", who="ben")]


def administrator(made: dict[str, int]) -> list[Scene]:
    """Return all pages of an administrator, by the numbers of what was made for them."""
    source, bare, stopped = made["source"], made["bare"], made["stopped"]
    pages = {
        "home": "/",
        "imports": "/imports/",
        "imports-of-one": f"/imports/?source={source}",
        "people": "/people/?status=all",
        "people-nobody": "/people/?q=nobody",
        "person": f"/people/{source}/p1/",
        "person-gone": f"/people/{source}/p20/",
        "classes": "/classes/",
        "classes-none": "/classes/?q=nothing",
        "class": f"/classes/{source}/k1/",
        "schools": "/schools/",
        "school": f"/schools/{source}/s1/",
        "audit": "/audit/",
        "audit-none": "/audit/?about=nothing&since=yesterday",
        "mail": "/mail/",
        "mail-one": f"/mail/{mail_name()}/",
        "manage": "/manage/",
        "source-new": "/manage/new/",
        "settings": f"/manage/{source}/settings/",
        "settings-stopped": f"/manage/{stopped}/settings/",
        "settings-leaving": f"/manage/{made['leaving']}/settings/",
        "setup": f"/manage/{source}/setup/",
        "setup-bare": f"/manage/{bare}/setup/",
        "manage-import": f"/manage/{source}/import/",
        "manage-import-bare": f"/manage/{bare}/import/",
        "manage-import-stopped": f"/manage/{stopped}/import/",
        "manage-import-failed": f"/manage/{made['failing']}/import/",
        "manage-import-busy": f"/manage/{made['busy']}/import/",
        "limits": f"/manage/{source}/limits/",
        "limits-bare": f"/manage/{bare}/limits/",
        "method": f"/manage/{source}/method/powerschool/",
        "disable": f"/manage/{source}/disable/",
        "disable-busy": f"/manage/{made['busy']}/disable/",
        "powerschool": f"/manage/{made['powerschool']}/setup/",
        "powerschool-stopped": f"/manage/{made['powerschool-stopped']}/setup/",
        "powerschool-devices": f"/manage/{made['powerschool']}/devices/?to=none",
        "powerschool-disable": f"/manage/{made['powerschool']}/disable/",
        "usernames": "/settings/usernames/",
        "usernames-tried": "/settings/usernames/?rule=name",
        "usernames-same": "/settings/usernames/?rule=source",
        "nowhere": "/nowhere/",
        "only-a-button": f"/imports/{made['held']}/again/",
        "no-such-import": "/imports/999999/",
    }
    tabs = ("changes", "findings", "limits", "rows", "result", "history")
    pages |= {f"held-{tab}": f"/imports/{made['held']}/{tab}/" for tab in tabs}
    pages |= {f"faulty-{tab}": f"/imports/{made['faulty']}/{tab}/" for tab in ("findings", "result", "history")}
    pages |= {f"failed-{tab}": f"/imports/{made['failed']}/{tab}/" for tab in tabs}
    pages |= {f"working-{tab}": f"/imports/{made['working']}/{tab}/" for tab in tabs}
    pages |= {f"run-{name}": f"/imports/{made[name]}/" for name in RUNS}
    pages |= {
        "faulty-one-rule": f"/imports/{made['faulty']}/findings/?rule=empty",
        "held-no-change-like-that": f"/imports/{made['held']}/changes/?q=nobody",
        "first-rows-like-nothing": f"/imports/{made['applied']}/rows/?q=nobody",
        "approve": f"/imports/{made['held']}/approve/",
        "reject-archive": f"/imports/{made['archive']}/reject/",
        "approve-preview": f"/imports/{made['preview']}/approve/",
        "reject": f"/imports/{made['held']}/reject/",
        "undo": f"/imports/{made['faulty']}/undo/",
    }
    forms = {
        "reject-complaint": (pages["reject"], press("Reject this import")),
        "settings-complaints": (pages["settings"], press("Save settings", name="", times="25 o’clock", told="ada at maple")),
        "source-new-complaints": (pages["source-new"], press("Save and go on", name="", times="noon-ish")),
        "setup-complaints": (pages["setup-bare"], press("Save setup")),
        "powerschool-fields": (pages["powerschool"], opened),
        "powerschool-complaints": (pages["powerschool-stopped"], press("Continue")),
        "powerschool-tested": (pages["powerschool"], lambda page: _answered(page, works=True)),
        "powerschool-not-tested": (pages["powerschool"], lambda page: _answered(page, works=False)),
        "powerschool-refused": (pages["powerschool"], press("Continue", url="https://127.0.0.1")),
        "setup-tested": (pages["setup"], press("Test connection")),
        "setup-not-readable": (pages["setup-bare"], press("Test connection", path="/nowhere/at/all")),
        "setup-no-files": (pages["setup"], press("Upload and use these files")),
        "limits-complaints": (pages["limits"], lambda page: _limits(page, "a lot", "Save limits")),
        "limits-tried": (pages["limits"], lambda page: _limits(page, "1", "Try on the last")),
        "undone-too-late": (f"/imports/{made['rejected']}/approve/", lambda page: None),
    }
    return [
        *desk(made),
        *(Scene(name, address) for name, address in pages.items()),
        *(Scene(name, address, act) for name, (address, act) in forms.items()),
        Scene("mail-results", f"/mail/{mail_name()}/html/", html=_mail(made["held"], "results")),
        Scene("mail-check", f"/mail/{mail_name()}/html/", html=_mail(made["held"], "check")),
        Scene("mail-applied", f"/mail/{mail_name()}/html/", html=_mail(made["faulty"], "results")),
        Scene("mail-failed", f"/mail/{mail_name()}/html/", html=_mail(made["failed"], "results")),
    ]


def desk(made: dict[str, int]) -> list[Scene]:
    """Return the pages on which accounts are looked after."""
    pages = {
        "accounts": "/accounts/",
        "accounts-nobody": "/accounts/?q=nobody",
        "account": f"/accounts/{made['follows']}/",
        "account-parent": f"/accounts/{made['parent']}/",
        "account-edit-parent": f"/accounts/{made['parent']}/edit/",
        "account-edit": f"/accounts/{made['follows']}/edit/",
        "account-delete": f"/accounts/{made['stand-in']}/delete/",
        "account-no-delete": f"/accounts/{made['follows']}/delete/",
        "account-adopt": f"/accounts/{made['stand-in']}/adopt/?key=t1",
        "account-no-adopt": f"/accounts/{made['stand-in']}/adopt/?key=p3",
        "account-rights": f"/accounts/{made['coach']}/rights/",
        "account-no-rights": f"/accounts/{made['parent']}/rights/",
        "audit-of-one": f"/audit/?concerns={made['follows']}",
        "my-history": "/me/history/",
    }
    find = press("Find students", words="Fp1")
    return [
        *(Scene(name, address) for name, address in pages.items()),
        Scene("account-new", "/accounts/new/", find),
        Scene("account-new-complaints", "/accounts/new/", press("Make this account", username="lee")),
        Scene("account-rights-set", pages["account-rights"], press("Tech coach")),
    ]


def looked_after(grove: Grove) -> dict[str, int]:
    """Make an account of each origin; return their numbers."""
    child = grove.one("person", "p1").pk
    follows = Account.objects.get(district=grove.row, person=child, kind="student")
    overrides.change(grove.ada, follows, {"email": "sara.of.a.long.name@lincoln-elementary.example"})
    Account.objects.filter(pk=follows.pk).update(locked_until=clock.now() + timedelta(hours=1))
    parent = people.make(grove.ada, "guardian", "Nia <b>O'Neil</b>", "nia", "", [child])
    coach = people.make(grove.ada, "staff", "Lee Coach", "lee", "lee@maple.example")
    stand_in = people.make(grove.ada, "teacher", "Tee Stand-In", "tee", "")
    accounts.give(coach, TECH_COACH, grove.one("org", "s1").pk)
    return {"follows": follows.pk, "parent": parent.pk, "coach": coach.pk, "stand-in": stand_in.pk}


def opened(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")


def _answered(page: Page, *, works: bool) -> None:
    """Press Test connection, and get the answer of a PowerSchool that is not there."""
    fault = SourceRefused("PowerSchool turned down the client ID or the client secret (401 at the token address)")
    probe = Probe("ps.maple.example is a PowerSchool. It takes the client ID and the client secret.", ("Guardians do not come.",))
    signs = [Sign.DONE] * 3 if works else [Sign.DONE, Sign.FAILED, Sign.LATER]
    steps = tuple(Step(title, sign) for (title, _), sign in zip(STEPS, signs, strict=True))
    tested = Tested(steps, probe, None) if works else Tested(steps, None, fault)
    said = render_to_string("manage/_tested.html", {"tested": tested, "happened": str(fault)})
    page.route("**/setup/", lambda route: route.fulfill(body=f'<div id="tested">{said}</div>', content_type="text/html"), times=1)
    page.get_by_role("button", name="Test connection").click()
    page.get_by_text("The connection works." if works else "The connection does not work yet.").wait_for()


def _mail(run: int, kind: str) -> str:
    return Notice.objects.filter(run=run, kind=kind).order_by("-pk")[0].html


#: The imports that `prepared` makes, by what is special about each.
RUNS = (
    "applied",
    "nothing",
    "faulty",
    "undone",
    "undo",
    "rejected",
    "preview",
    "preview-old",
    "superseded",
    "held",
    "failed",
    "queued",
    "behind",
    "again-later",
    "working",
    "writing",
    "archive",
    "archived",
)


def _limits(page: Page, text: str, button: str) -> None:
    row = page.locator("#limit-person\\.vanish\\.student\\.org\\.share")
    row.locator("input").first.fill(text)
    row.locator("input").last.fill("1")
    page.get_by_role("button", name=button).last.click()
    page.wait_for_load_state()


def mail_name() -> str:
    """Name the mail that says most: the results of a held import."""
    from django.conf import settings

    found = sorted(Path(settings.MAIL_FOLDER).glob("*.eml"))
    return next((path.name for path in reversed(found) if b"on hold" in path.read_bytes()), "none.eml")


def nobody_yet() -> Account:
    """Make somebody whose district is empty."""
    return _account(District.objects.create(name="Elm Hollow", time_zone="America/Denver"), "eve", administrator=True)


def _account(district: District, name: str, *, administrator: bool) -> Account:
    account = Account(district=district, email=f"{name}@maple.example")
    account.set_password(PASSWORD)
    account.save()
    if administrator:
        accounts.give(account, ADMINISTRATOR)
    return account


def prepared(home: Path) -> dict[str, int]:
    """Make a district in which every state of an import, and of a source, is met once; return the numbers to find them by."""
    grove = Grove(home, "Maple Grove")
    grove.account.email = "ada@maple.example"
    grove.account.set_password(PASSWORD)
    grove.account.save()
    _account(grove.row, "ben", administrator=False)
    sources.set_told(grove.ada, grove.source, [])
    sources.set_schedule(grove.ada, grove.source, ["02:00"], [0, 1, 2, 3, 4])
    whole = named()
    made = {"source": grove.source.pk}
    made["applied"] = grove.applies(whole).pk
    made["nothing"] = grove.applies(whole).pk
    one_less = minus(whole, "p20")
    gone = grove.applies(one_less)
    made["undone"], made["undo"] = gone.pk, grove.undoes(gone).pk
    sources.set_told(grove.ada, grove.source, ["ada@maple.example", "principal.of.a.long.name@lincoln-elementary.example"])
    made["faulty"] = grove.applies(faulty(one_less)).pk
    made["preview-old"] = grove.runs(Trigger.PREVIEW).pk
    half = minus(one_less, *(f"p{number}" for number in range(9, 20)))
    rejected = grove.sends(half)
    runs.reject(grove.ada, rejected.pk, "Half of Lincoln is missing from the file; the office exports again tomorrow.")
    made["rejected"] = rejected.pk
    write(grove.folder, edited_users(one_less))
    made["superseded"] = grove.sends(half).pk
    made["held"] = grove.sends(minus(half, "p8")).pk
    write(grove.folder, edited_users(one_less))
    made["preview"] = grove.runs(Trigger.PREVIEW).pk
    made |= _elsewhere(grove, home)
    Account.objects.filter(username="u.p4", by_hand=False).update(wanted="u.p3")
    made |= looked_after(grove)
    notices.send()
    return made


def _elsewhere(grove: Grove, home: Path) -> dict[str, int]:
    """Make the sources of which each stands somewhere else."""
    made: dict[str, int] = {}

    def source(name: str, files: Files | None = None) -> Source:
        folder = write(home / name, small(2) if files is None else files)
        return sources.add(grove.ada, "oneroster-csv", name, {"path": str(folder)})

    failing = source("Adams")
    sources.set_told(grove.ada, failing, ["ada@maple.example"])
    (home / "Adams" / "users.csv").unlink()
    made["failing"] = failing.pk
    made["failed"] = runs.perform(runs.start(grove.ada, failing)).pk
    made["queued"] = runs.start(grove.ada, source("Bryant")).pk
    later = runs.start(grove.ada, source("Clara Barton"))
    Run.objects.filter(pk=later.pk).update(not_before=clock.now() + timedelta(minutes=20), attempt=1)
    made["again-later"] = later.pk
    busy = source("Douglass")
    made["busy"] = busy.pk
    made["working"] = runs.start(grove.ada, busy).pk
    made["behind"] = runs.start(grove.ada, busy, Trigger.PREVIEW).pk
    far = {"stage": "extract", "done": 6, "of": 8, "what": "enrollment"}
    come = [
        ["Students", 20_000, 20_000],
        ["Students of classes of a year", 120_000, 410_000],
        ["Contacts of students", 0, 36_215],
    ]
    at = {"started_at": clock.now() - timedelta(minutes=3, seconds=20), "heartbeat_at": clock.now()}
    Run.objects.filter(pk=made["working"]).update(state="working", stage="extract", progress=far, arriving=come, **at)
    writing = runs.start(grove.ada, source("Ellison"))
    Run.objects.filter(pk=writing.pk).update(state="working", approved_digest="x", **at)
    made["writing"] = writing.pk
    stopped = source("Franklin")
    runs.perform(runs.start(grove.ada, stopped))
    made["stopped"] = sources.set_enabled(grove.ada, stopped, enabled=False).pk
    for name, called in (("archive", "Jefferson"), ("archived", "Kingston")):
        left = source(called)
        made.setdefault("leaving", left.pk)
        runs.perform(runs.start(grove.ada, left))
        made[name] = runs.perform(archive.disable(grove.ada, left)).pk
    runs.perform(runs.approve(grove.ada, made["archived"]))
    made |= _powerschools(grove)
    bare = source("Garfield")
    Source.objects.filter(pk=bare.pk).update(settings={})
    made["bare"] = bare.pk
    return made


def _powerschools(grove: Grove) -> dict[str, int]:
    """Make a PowerSchool for which an older plugin was downloaded, and one that was disabled."""
    keys = {"key": "4d2a", "secret": "5e3b", "devices": "chromebooks"}
    on = sources.add(grove.ada, "powerschool", "Hamilton", keys | {"url": "ps.maple.example"})
    older = {"version": "0.9.0", "guardians": True, "release": "0.9", "source": on.pk}
    audit.note(grove.row.pk, grove.ada.name, "plugin.downloaded", on.name, **older)
    off = sources.add(grove.ada, "powerschool", "Irving", keys | {"url": "ps.elm.example"})
    sources.set_enabled(grove.ada, off, enabled=False)
    return {"powerschool": on.pk, "powerschool-stopped": off.pk}


def named() -> Files:
    """Return a package with the names that break pages: long ones, from right to left, with what HTML means something by."""
    files = small(20)
    users = edited(files["users"], "p1", givenName="שרה", familyName="בן־דוד", email="sara@maple.example", grades="09")
    users = edited(users, "p2", givenName="Wolfeschlegelsteinhausenbergerdorff" * 2, familyName="<b>O'Neil</b>")
    users = edited(users, "p20", givenName="Zoë", familyName="Núñez-Ångström", identifier="0012345")
    classes = edited(files["classes"], "k1", title="Introduction to the History of the Pacific Northwest, Period 3 (Honors)")
    orgs = edited(files["orgs"], "s1", name="Lincoln Elementary")
    return files | {"users": users, "classes": classes, "orgs": orgs}


def edited_users(files: Files) -> Files:
    users = edited(files["users"], "p3", givenName="Maria", email="maria.of.another.address@maple.example")
    return plus(files | {"users": users}, users=[user("p31", grades="10")], enrollments=[enrollment("k1", "p31")])


def faulty(files: Files) -> Files:
    """Return a package in which many rows break a few rules."""
    nameless = [user(f"x{number}", **{("givenName", "familyName")[number % 2]: ""}) for number in range(12)]
    strange = [user("y1", "wizard"), user("y2", orgs="s9"), user("y3", agentSourcedIds="y3")]
    odd = [each | {"enabledUser": word} for each, word in zip(strange, ("perhaps", "maybe", "TRUE"), strict=True)]
    return plus(files, users=[*nameless, *odd], enrollments=[enrollment("k9", "p1"), enrollment("k1", "p99")])
