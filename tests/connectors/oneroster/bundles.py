"""Small packages of invented people, written file by file; a test changes the one thing that it is about."""

import csv
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

LEAD = ["sourcedId", "status", "dateLastModified"]

#: The columns of each file after the three that all have.
HEADERS = {
    "orgs": "name type identifier parentSourcedId",
    "academicSessions": "title type startDate endDate parentSourcedId schoolYear",
    "courses": "schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes",
    "classes": (
        "title grades courseSourcedId classCode classType location schoolSourcedId termSourcedIds subjects subjectCodes periods"
    ),
    "users 1.1": (
        "enabledUser orgSourcedIds role username userIds givenName familyName middleName identifier email sms phone "
        "agentSourcedIds grades password"
    ),
    "users 1.2": (
        "enabledUser username userIds givenName familyName middleName identifier email sms phone agentSourcedIds grades password "
        "userMasterIdentifier preferredGivenName preferredMiddleName preferredFamilyName primaryOrgSourcedId pronouns"
    ),
    "roles": "userSourcedId roleType role beginDate endDate orgSourcedId userProfileSourcedId",
    "enrollments": "classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate",
}

ROWS = {
    "orgs": [
        ["d1", "", "", "Maple Grove", "district", "", ""],
        ["s1", "", "", "Alder School", "school", "101", "d1"],
    ],
    "academicSessions": [
        ["y27", "", "", "2026-2027", "schoolYear", "2026-08-01", "2027-08-01", "", "2027"],
        ["t1", "", "", "Fall", "term", "2026-08-01", "2027-01-15", "y27", "2027"],
    ],
    "courses": [["c1", "", "", "y27", "Algebra", "MA1", "09,10", "d1", "Mathematics", "02052"]],
    "classes": [["k1", "", "", "Algebra 1", "09", "c1", "MA1-1", "scheduled", "R 12", "s1", "t1", "Mathematics", "02052", "1,2"]],
    "enrollments": [
        ["e1", "", "", "k1", "s1", "u1", "teacher", "true", "2026-08-01", "2027-01-15"],
        ["e2", "", "", "k1", "s1", "u2", "student", "", "2026-08-01", ""],
    ],
}

#: Three people: id, orgs, role, username, given and family name, agents, grades.
PEOPLE = [
    ["u1", "s1", "teacher", "tina", "Tina", "Tester", "", ""],
    ["u2", "s1", "student", "sam", "Sam", "Sample", "u3", "09"],
    ["u3", "s1", "parent", "pat", "Pat", "Sample", "", ""],
]


def users(version: str) -> list[list[str]]:
    if version == "1.1":
        return [
            [
                one,
                "",
                "",
                "true",
                orgs,
                role,
                name,
                "{SIS:" + one + "}",
                given,
                family,
                "",
                "",
                f"{name}@example.org",
                "",
                "",
                agents,
                grades,
                "hunter2",
            ]
            for one, orgs, role, name, given, family, agents, grades in PEOPLE
        ]
    return [
        [
            one,
            "",
            "",
            "true",
            name,
            "{SIS:" + one + "}",
            given,
            family,
            "",
            "",
            f"{name}@example.org",
            "",
            "",
            agents,
            grades,
            "hunter2",
            "",
            "",
            "",
            "",
            "s1",
            "",
        ]
        for one, orgs, role, name, given, family, agents, grades in PEOPLE
    ]


def roles() -> list[list[str]]:
    return [[f"r{place}", "", "", one, "primary", role, "", "", orgs, ""] for place, (one, orgs, role, *_) in enumerate(PEOPLE)]


def file_names(version: str) -> list[str]:
    return [*ROWS, "users", *(["roles"] if version == "1.2" else [])]


def header(name: str, version: str) -> list[str]:
    return LEAD + HEADERS.get(f"{name} {version}", HEADERS.get(name, "")).split()


def text(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def manifest(version: str, **modes: str) -> str:
    never = ["categories", "classResources", "courseResources", "demographics", "lineItems", "resources", "results"]
    lines = {"manifest.version": "1.0", "oneroster.version": version}
    lines |= {f"file.{name}": "absent" for name in never} | {f"file.{name}": "bulk" for name in file_names(version)}
    lines |= {f"file.{name}": mode for name, mode in modes.items()}
    return text([["propertyName", "value"], *([name, value] for name, value in lines.items())])


def texts(version: str = "1.1") -> dict[str, str]:
    """Return every file of a sound package, by its name."""
    rows = ROWS | {"users": users(version)} | ({"roles": roles()} if version == "1.2" else {})
    return {f"{name}.csv": text([header(name, version), *rows[name]]) for name in rows} | {"manifest.csv": manifest(version)}


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files into a folder; return it."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def write_zip(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files into a ZIP; return it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
