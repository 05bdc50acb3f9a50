"""One invented district that sends its files, and what became of them: every story starts here."""

import csv
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from rollbook.actions import actor, runs, sources
from rollbook.domain.entities import ENTITIES, entity
from rollbook.domain.rights import ADMINISTRATOR
from rollbook.domain.runs import Trigger
from rollbook.sandbox.maple_grove import write_people
from rollbook.store import accounts
from rollbook.store.models import MODELS, Account, District, Run, Source
from rollbook.store.snapshots import files_of

#: A package: file name without .csv -> its rows, by heading.
Files = dict[str, list[dict[str, str]]]

HEADINGS = {
    "orgs": "sourcedId status dateLastModified name type identifier parentSourcedId",
    "academicSessions": "sourcedId status dateLastModified title type startDate endDate parentSourcedId schoolYear",
    "courses": "sourcedId status dateLastModified schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes",
    "classes": "sourcedId status dateLastModified title grades courseSourcedId classCode classType location schoolSourcedId "
    "termSourcedIds subjects subjectCodes periods",
    "users": "sourcedId status dateLastModified enabledUser orgSourcedIds role username userIds givenName familyName middleName "
    "identifier email sms phone agentSourcedIds grades password",
    "users 1.2": "sourcedId status dateLastModified enabledUser username userIds givenName familyName "
    "middleName identifier email sms phone agentSourcedIds grades password "
    "userMasterIdentifier preferredGivenName preferredMiddleName preferredFamilyName primaryOrgSourcedId pronouns",
    "roles": "sourcedId status dateLastModified userSourcedId roleType role beginDate endDate orgSourcedId userProfileSourcedId",
    "enrollments": "sourcedId status dateLastModified classSourcedId schoolSourcedId userSourcedId role primary beginDate "
    "endDate",
    "manifest": "propertyName value",
}
NEVER_SENT = ("categories", "classResources", "courseResources", "demographics", "lineItems", "resources", "results")


def columns(name: str, version: str = "1.1") -> list[str]:
    return HEADINGS.get(f"{name} {version}", HEADINGS[name]).split()


def row(name: str, version: str = "1.1", /, **values: str) -> dict[str, str]:
    """Return one row with these values; all other cells are empty."""
    assert set(values) <= set(columns(name, version))
    return dict.fromkeys(columns(name, version), "") | values


def user(one: str, role: str = "student", orgs: str = "s1", **values: str) -> dict[str, str]:
    """Return a user of 1.1, with names and an address of their own."""
    named = {"givenName": f"G{one}", "familyName": f"F{one}", "username": f"u.{one}", "email": f"{one}@maple.example"}
    return row("users", sourcedId=one, enabledUser="true", role=role, orgSourcedIds=orgs, **(named | values))


def enrollment(section: str, person: str, role: str = "student", school: str = "s1", **values: str) -> dict[str, str]:
    own = {"sourcedId": f"{person}.{section}", "classSourcedId": section, "userSourcedId": person, "schoolSourcedId": school}
    return row("enrollments", role=role, **(own | values))


def section(one: str, school: str = "s1", **values: str) -> dict[str, str]:
    own = {"sourcedId": one, "title": f"Class {one}", "courseSourcedId": "c1", "classType": "scheduled"}
    return row("classes", schoolSourcedId=school, termSourcedIds=values.pop("termSourcedIds", "t1"), **(own | values))


def school(one: str, **values: str) -> dict[str, str]:
    return row("orgs", **({"sourcedId": one, "name": f"School {one}", "type": "school", "parentSourcedId": "d1"} | values))


def term(one: str, **values: str) -> dict[str, str]:
    own = {"title": f"Term {one}", "type": "term", "startDate": "2026-08-01", "endDate": "2027-01-15", "schoolYear": "2027"}
    return row("academicSessions", sourcedId=one, **(own | {"parentSourcedId": "y27"} | values))


def course(one: str, **values: str) -> dict[str, str]:
    own = {"title": f"Course {one}", "schoolYearSourcedId": "y27", "orgSourcedId": "s1"}
    return row("courses", sourcedId=one, **(own | values))


def manifest(version: str = "1.1", **modes: str) -> list[dict[str, str]]:
    files = ["orgs", "academicSessions", "courses", "classes", "users", "enrollments", *(["roles"] if version == "1.2" else [])]
    lines = {"manifest.version": "1.0", "oneroster.version": version}
    lines |= {f"file.{name}": "absent" for name in NEVER_SENT} | {f"file.{name}": "bulk" for name in files}
    lines |= {f"file.{name}": mode for name, mode in modes.items()}
    return [{"propertyName": name, "value": value} for name, value in lines.items()]


def small(students: int = 4) -> Files:
    """Return a sound package: a district, two schools, two classes with a teacher each, some students, a parent."""
    pupils = [f"p{number}" for number in range(1, students + 1)]
    return {
        "manifest": manifest(),
        "orgs": [row("orgs", sourcedId="d1", name="Maple Grove", type="district"), school("s1"), school("s2")],
        "academicSessions": [
            term("y27", type="schoolYear", endDate="2027-08-01", parentSourcedId=""),
            term("t1"),
            term("t2", startDate="2027-01-15", endDate="2027-06-12"),
        ],
        "courses": [course("c1"), course("c2")],
        "classes": [section("k1"), section("k2", "s2")],
        "users": [
            user("t1", "teacher"),
            user("t2", "teacher", "s2"),
            *(user(one, agentSourcedIds="g1" if one == "p1" else "") for one in pupils),
            user("g1", "parent"),
        ],
        "enrollments": [
            enrollment("k1", "t1", "teacher", primary="true"),
            enrollment("k2", "t2", "teacher", "s2", primary="true"),
            *(enrollment("k1", one) for one in pupils),
        ],
    }


def as_1_2(files: Files) -> Files:
    """Return the same package as OneRoster 1.2 writes it: the roles in a file of their own."""
    new = {name: [dict(each) for each in rows] for name, rows in files.items()}
    modes = {line["propertyName"].removeprefix("file."): line["value"] for line in files["manifest"]}
    new["manifest"] = manifest("1.2", **{name: modes[name] for name in ("users", "enrollments") if name in modes})
    new["users"] = [
        row("users", "1.2", **{k: v for k, v in each.items() if k in columns("users", "1.2")}) for each in files["users"]
    ]
    wide = {each["sourcedId"] for each in files["orgs"] if each["type"] == "district"}

    def spoken(role: str, org: str) -> str:
        return role if role != "administrator" else "districtAdministrator" if org in wide else "siteAdministrator"

    new["roles"] = [
        row("roles", userSourcedId=each["sourcedId"], roleType="primary", role=spoken(each["role"], org), orgSourcedId=org)
        for each in files["users"]
        for org in each["orgSourcedIds"].split(",")
    ]
    return new


def read(folder: Path) -> Files:
    """Read a package back."""
    found = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            found[path.stem] = list(csv.DictReader(file))
    return found


def write(folder: Path, files: Files) -> Path:
    """Write a package, and nothing else, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    version = next((line["value"] for line in files.get("manifest", []) if line["propertyName"] == "oneroster.version"), "1.1")
    for name, rows in files.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]) if rows else columns(name, version), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


class Grove:
    """A district with one administrator, Ada, and one source, lincoln, that reads what lies in `folder`."""

    def __init__(self, home: Path, name: str = "Maple Grove", time_zone: str = "UTC") -> None:
        self.folder = home / name.replace(" ", "-").lower()
        self.row = District.objects.create(name=name, time_zone=time_zone)
        self.account = Account(district=self.row, email=f"ada@{self.folder.name}.example")
        self.account.set_unusable_password()
        self.account.save()
        accounts.give(self.account, ADMINISTRATOR)
        self.ada = actor.of_account(self.account)
        self.folder.mkdir(parents=True)
        self._source = sources.add(self.ada, "oneroster-csv", "lincoln", {"path": str(self.folder)}).pk

    @property
    def source(self) -> Source:
        return Source.objects.select_related("district").get(pk=self._source)

    # --- what it does ---

    def imports(self, people: int = 300, *, trigger: Trigger = Trigger.MANUAL, **more: Any) -> Run:
        """Send Maple Grove with so many of its 300 students, the first ones, and import it."""
        self.writes(people, **more)
        return self.runs(trigger)

    def writes(self, people: int = 300, **more: Any) -> None:
        more.setdefault("leave_out", range(people + 1, 301))
        write_people(self.folder, **{"students": 300, **more})

    def sends(self, files: Files, trigger: Trigger = Trigger.MANUAL) -> Run:
        """Send these files and import them."""
        write(self.folder, files)
        return self.runs(trigger)

    def applies(self, files: Files) -> Run:
        """Send these files and import them; say yes where that takes a yes."""
        run = self.sends(files)
        run = self.approves(run) if run.state == "held" else run
        assert run.state == "applied", run.message
        return run

    def runs(self, trigger: Trigger = Trigger.MANUAL) -> Run:
        return runs.perform(runs.start(self.ada, self.source, trigger))

    def approves(self, run: Run) -> Run:
        return runs.perform(runs.approve(self.ada, run.pk))

    def undoes(self, run: Run, *, also_changed: bool = False) -> Run:
        return runs.perform(runs.undo(self.ada, run.pk, also_changed=also_changed))

    # --- what one sees ---

    def again(self, run: Run) -> Run:
        return runs.get(self.ada, run.pk)

    def active(self, name: str) -> int:
        return MODELS[name].objects.filter(source_id=self._source, status="active").count()

    def rows(self, name: str, status: str | None = "active") -> dict[str, dict[str, str | None]]:
        """Return the values of the rows of an entity, by their ids."""
        names = entity(name).names
        found = MODELS[name].objects.filter(source_id=self._source, **({"status": status} if status else {}))
        return {each[0]: dict(zip(names, each[1:], strict=True)) for each in found.values_list("sourced_id", *names)}

    def roster(self) -> dict[str, dict[str, dict[str, str | None]]]:
        """Return the active rows of every entity and their values."""
        return {each.name: self.rows(each.name) for each in ENTITIES}

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every column of every row, for comparing a roster with itself to the letter."""
        return {
            each.name: sorted(MODELS[each.name].objects.filter(source_id=self._source).values_list(), key=repr)
            for each in ENTITIES
        }

    def one(self, name: str, sourced_id: str) -> Any:
        return MODELS[name].objects.get(source_id=self._source, sourced_id=sourced_id)

    def findings(self, run: Run, *rules: str) -> list[dict[str, Any]]:
        """Return the findings of a run, or those of some rules."""
        found = files_of(run.source_id, run.pk).findings()
        rows = found.collect().to_dicts() if found is not None else []
        return [each for each in rows if not rules or each["rule"] in rules]

    def changes(self, run: Run, name: str) -> dict[str, str]:
        """Return what would become, or became, of an entity's rows: id -> kind."""
        found = files_of(run.source_id, run.pk).changes(entity(name))
        return {} if found is None else dict(found.select("sourced_id", "kind").collect().iter_rows())

    def history(self, run: Run) -> list[str]:
        return list(run.events.order_by("pk").values_list("event", flat=True))

    def closed(self, run: Run) -> list[str]:
        """Name the limits that held a run."""
        return list(run.measures.filter(closed=True).order_by("pk").values_list("key", flat=True))


def without(rows: list[dict[str, str]], *ids: str) -> list[dict[str, str]]:
    """Leave out the rows with these ids, and those of people who are left out."""
    return [
        each for each in rows if not {each.get("sourcedId"), each.get("userSourcedId"), each.get("classSourcedId")} & set(ids)
    ]


def edited(rows: list[dict[str, str]], one: str, **values: str) -> list[dict[str, str]]:
    """Give the row with an id other values."""
    return [each | values if each.get("sourcedId") == one else each for each in rows]


def minus(files: Files, *ids: str) -> Files:
    """Leave people, and their places in classes, out of a package."""
    return files | {name: without(files[name], *ids) for name in ("users", "enrollments", "classes") if name in files}


def plus(files: Files, **rows: Iterable[dict[str, str]]) -> Files:
    """Add rows to a package."""
    return files | {name: [*files[name], *more] for name, more in rows.items()}


class Clock:
    """The one clock, stopped."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at
