"""An independent reading of a package, row by row with Python's csv module: what a roster must hold after it was applied."""

import csv
import io
import re
from datetime import date
from pathlib import Path

from tests.district import Files

Rows = dict[str, dict[str, str | None]]

GRADE = {str(number): f"{number:02}" for number in range(1, 10)} | {f"{number:02}": f"{number:02}" for number in range(1, 14)}
WIDE = ("district", "local", "state", "national")

#: file -> entity, and heading -> (our column, how its cells are written).
FILES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "orgs": (
        "org",
        {
            "name": ("name", "text"),
            "type": ("type", "word"),
            "identifier": ("identifier", "text"),
            "parentSourcedId": ("parent", "text"),
        },
    ),
    "academicSessions": (
        "academic_session",
        {
            "title": ("title", "text"),
            "type": ("type", "word"),
            "startDate": ("start_date", "date"),
            "endDate": ("end_date", "date"),
            "parentSourcedId": ("parent", "text"),
            "schoolYear": ("school_year", "text"),
        },
    ),
    "courses": (
        "course",
        {
            "schoolYearSourcedId": ("school_year", "text"),
            "title": ("title", "text"),
            "courseCode": ("course_code", "text"),
            "grades": ("grades", "grades"),
            "orgSourcedId": ("org", "text"),
            "subjects": ("subjects", "list"),
            "subjectCodes": ("subject_codes", "list"),
        },
    ),
    "classes": (
        "section",
        {
            "title": ("title", "text"),
            "grades": ("grades", "grades"),
            "courseSourcedId": ("course", "text"),
            "classCode": ("section_code", "text"),
            "classType": ("section_type", "word"),
            "location": ("location", "text"),
            "schoolSourcedId": ("school", "text"),
            "termSourcedIds": ("terms", "list"),
            "subjects": ("subjects", "list"),
            "subjectCodes": ("subject_codes", "list"),
            "periods": ("periods", "list"),
        },
    ),
    "users": (
        "person",
        {
            "enabledUser": ("enabled", "boolean"),
            "username": ("username", "text"),
            "userIds": ("user_ids", "ids"),
            "givenName": ("given_name", "text"),
            "familyName": ("family_name", "text"),
            "middleName": ("middle_name", "text"),
            "identifier": ("identifier", "text"),
            "email": ("email", "text"),
            "sms": ("sms", "text"),
            "phone": ("phone", "text"),
            "grades": ("grades", "grades"),
            "userMasterIdentifier": ("master_identifier", "text"),
            "preferredGivenName": ("preferred_given_name", "text"),
            "preferredMiddleName": ("preferred_middle_name", "text"),
            "preferredFamilyName": ("preferred_family_name", "text"),
            "primaryOrgSourcedId": ("primary_org", "text"),
            "pronouns": ("pronouns", "text"),
        },
    ),
    "enrollments": (
        "enrollment",
        {
            "classSourcedId": ("section", "text"),
            "schoolSourcedId": ("school", "text"),
            "userSourcedId": ("person", "text"),
            "role": ("role", "word"),
            "primary": ("primary", "boolean"),
            "beginDate": ("begin_date", "date"),
            "endDate": ("end_date", "date"),
        },
    ),
}
WORDS = {
    word.lower(): word
    for word in (
        *("school", "district", "department", "local", "state", "national", "schoolYear", "semester"),
        *("term", "gradingPeriod", "homeroom", "scheduled", "student", "teacher", "proctor", "administrator"),
        *("aide", "guardian", "parent", "relative", "primary", "secondary", "districtAdministrator", "siteAdministrator"),
        *("systemAdministrator", "counselor", "principal"),
    )
}


def listed(text: str) -> list[str]:
    separator = next((each for each in ",;|" if each in text), ",")
    if separator != "," and ";" in text and "|" in text:
        separator = ","
    return [each.strip() for each in text.split(separator) if each.strip()]


def value(cell: str, form: str) -> str | None:
    """Read one cell the way that section 7 of the standard's notes forgives it."""
    cell = cell.strip()
    if not cell:
        return None
    match form:
        case "boolean":
            return {"true": "true", "1": "true", "yes": "true", "false": "false", "0": "false", "no": "false"}.get(
                cell.lower(), cell
            )
        case "word":
            return WORDS.get(cell.lower(), cell)
        case "date":
            return cell[:10] if re.match(r"\d{4}-\d\d-\d\d[T ]", cell) else cell
        case "list":
            return ",".join(listed(cell)) or None
        case "grades":
            return ",".join(GRADE.get(each.lower().replace(" ", ""), each) for each in listed(cell)) or None
        case "ids":
            whole = re.compile(r"^\{[^:{}]+:[^{}]*\}$")
            return (
                ",".join(each if whole.match(each) else "{unknown:" + each.strip("{}").strip() + "}" for each in listed(cell))
                or None
            )
    return cell


def key(*parts: str | None) -> str:
    return "|".join((part or "").replace("%", "%25").replace("|", "%7C") for part in parts)


def expected(files: Files) -> dict[str, Rows]:
    """Return what the rows of a package say, by entity and id, none of them judged. Of an id twice, the last one counts."""
    found: dict[str, Rows] = {}
    for file, (name, columns) in FILES.items():
        if file not in files:
            continue
        found[name] = {}
        for each in files[file]:
            one = (each.get("sourcedId") or "").strip()
            found[name][one] = {
                column: value(each[heading] or "", form) for heading, (column, form) in columns.items() if heading in each
            }
    if "roles" in files:
        found["role"] = {
            key(*(str(each[heading]).strip() for heading in ("userSourcedId", "orgSourcedId")), value(each["role"], "word")): {
                "person": value(each["userSourcedId"], "text"),
                "org": value(each["orgSourcedId"], "text"),
                "role": value(each["role"], "word"),
                "role_type": value(each["roleType"], "word"),
                "begin_date": value(each["beginDate"], "date"),
                "end_date": value(each["endDate"], "date"),
            }
            for each in files["roles"]
        }
    elif "users" in files:
        wide = {one for one, values in found.get("org", {}).items() if values["type"] in WIDE}
        found["role"] = {}
        for each in files["users"]:
            for org in listed(each["orgSourcedIds"]):
                role = value(each["role"], "word")
                if role == "administrator":
                    role = "districtAdministrator" if org in wide else "siteAdministrator"
                person = each["sourcedId"].strip()
                found["role"][key(person, org, role)] = {"person": person, "org": org, "role": role, "role_type": "primary"}
    if "role" in found and "users" in files and any("agentSourcedIds" in each for each in files["users"]):
        found["guardianship"] = guardianships(files, found["role"])
    return found


def guardianships(files: Files, roles: Rows) -> Rows:
    """Pair children and adults: whoever of two is a student is the child; else the one who lists the other."""
    has: dict[str | None, set[str | None]] = {}
    if "roles" in files:
        for values in roles.values():
            has.setdefault(values["person"], set()).add(values["role"])
    else:
        for each in files["users"]:
            has.setdefault(each["sourcedId"].strip(), set()).add(value(each["role"], "word"))
    found: Rows = {}
    for each in files["users"]:
        one = each["sourcedId"].strip()
        for other in listed(each["agentSourcedIds"] or ""):
            if one == other:
                continue
            turned = "student" not in has.get(one, set()) and "student" in has.get(other, set())
            student, guardian = (other, one) if turned else (one, other)
            kind = next((word for word in ("guardian", "parent", "relative") if word in has.get(guardian, set())), None)
            found[key(student, guardian, kind)] = {"student": student, "guardian": guardian, "relationship": kind}
    return found


def real_date(text: str | None) -> bool:
    try:
        return not text or bool(date.fromisoformat(text))
    except ValueError:
        return False


def read_text(content: bytes) -> list[dict[str, str]]:
    """Read the rows of one file as anybody with Python would: its encoding guessed, its headings folded. Raises csv.Error."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    headings = [heading.strip() for heading in next(reader)]
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(headings):
            continue
        rows.append({heading: cell.replace("\n", " ") for heading, cell in zip(headings, cells, strict=True)})
    return rows


# --- packages that are broken ---

MISSPELT = {"grade": "grades", "agents": "agentSourcedIds", "userid": "userIds", "prefferedgivenname": "preferredGivenName"}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2060\ufeff]")
ZERO_WIDTH = re.compile("[\u200b\u200e\u200f\u2060\ufeff]")
KEYS = ("sourcedId", "userSourcedId", "orgSourcedId", "classSourcedId", "schoolSourcedId", "courseSourcedId", "parentSourcedId")
LOCAL = re.compile(r"^(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})$")


def decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def rows_of(content: bytes, headings: list[str]) -> list[dict[str, str]]:
    """Read whatever rows of a broken file can be read, under the headings that the standard gives it."""
    text = decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    known = {heading.lower(): heading for heading in headings}
    header: list[str] | None = None
    width, rows = 0, []
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            continue
        if cells is None:
            return rows
        if header is None:
            if not any(UNSEEN.sub("", cell).strip() for cell in cells):
                continue
            width = len(cells)
            header = [UNSEEN.sub("", cell.replace("\n", " ")).strip() for cell in cells]
            while header and not header[-1]:
                header.pop()
            lower = [heading.lower() for heading in header]
            header = [
                known.get(each) or (MISSPELT.get(each, each) if MISSPELT.get(each, "").lower() not in lower else each)
                for each in lower
            ]
            continue
        if not len(header) <= len(cells) <= width or any(cell.strip() for cell in cells[len(header) :]):
            continue
        row = {}
        for heading, cell in zip(header, cells, strict=False):
            if heading.endswith(("SourcedId", "sourcedId", "SourcedIds")):
                cell = ZERO_WIDTH.sub("", cell)
            clean = CONTROL.sub("", cell.replace("\t", " ")).replace("\n", " ")
            row[heading] = "\ufffd" + clean if heading in KEYS and clean.strip() != cell.strip() else clean
        if any(cell.strip() for heading, cell in row.items() if heading in known.values()):
            rows.append(row)


def of_folder(folder: Path) -> tuple[Files, bytes]:
    """Read a broken package; return its files, and which version it says it has."""
    paths = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower() == ".csv" and not path.name.startswith(("~$", "."))
    ]
    top = [path for path in paths if path.parent == folder]
    by_name = {name.lower(): name for name in (*FILES, "roles", "manifest")}
    files: Files = {}
    for path in top or paths:
        name = by_name.get(path.stem.lower().strip())
        if name:
            files[name] = rows_of(path.read_bytes(), HEADINGS_OF[name])
    said = (
        decoded(next((path for path in top if path.stem.lower() == "manifest"), folder / "none").read_bytes())
        if "manifest" in files
        else ""
    )
    return files, said.encode()


HEADINGS_OF = {
    "manifest": ["propertyName", "value"],
    "roles": ["status", "userSourcedId", "roleType", "role", "beginDate", "endDate", "orgSourcedId"],
    **{
        name: ["sourcedId", "status", *columns, "orgSourcedIds", "role", "agentSourcedIds"]
        for name, (_, columns) in FILES.items()
    },
}


def told(files: Files, *, is_1_2: bool) -> dict[str, dict[str, list[dict[str, str | None]]]]:
    """Return what the readable rows of a broken package say: by entity and id, each different reading once."""
    found: dict[str, dict[str, list[dict[str, str | None]]]] = {}

    def say(name: str, one: str, values: dict[str, str | None]) -> None:
        here = found[name].setdefault(one, [])
        if values not in here:
            here.append(values)

    for file, (name, columns) in FILES.items():
        if file not in files:
            continue
        found[name] = {}
        for each in files[file]:
            one = each.get("sourcedId", "").strip()
            if one and "\ufffd" not in one:
                say(
                    name,
                    one,
                    {
                        column: value(each[heading], form)
                        for heading, (column, form) in columns.items()
                        if heading in each and _read(file, heading, is_1_2)
                    },
                )
    known = {word.lower() for word in (ROLES_1_2 if is_1_2 else ROLES_1_1)}

    def is_role(text: str) -> bool:
        return text.strip().lower() in known or (is_1_2 and text.strip().startswith("ext:") and len(text.strip().encode()) > 4)

    if is_1_2 and "roles" in files:
        found["role"] = {}
        for each in files["roles"]:
            person, org = (each.get(heading, "").strip() for heading in ("userSourcedId", "orgSourcedId"))
            if person and org and "\ufffd" not in person + org and is_role(each.get("role", "")):
                values = {
                    "person": person,
                    "org": org,
                    "role": value(each["role"], "word"),
                    "role_type": value(each.get("roleType", ""), "word"),
                }
                values |= {
                    column: value(each[heading], "date")
                    for heading, column in (("beginDate", "begin_date"), ("endDate", "end_date"))
                    if heading in each
                }
                say("role", key(person, org, values["role"]), values)
    elif not is_1_2 and "users" in files:
        wide = {
            each.get("sourcedId", "").strip() for each in files.get("orgs", []) if each.get("type", "").strip().lower() in WIDE
        }
        found["role"] = {}
        for each in files["users"]:
            person = each.get("sourcedId", "").strip()
            if not person or "\ufffd" in person or not is_role(each.get("role", "")) or "\ufffd" in each.get("orgSourcedIds", ""):
                continue
            for org in listed(each.get("orgSourcedIds", "")):
                role = value(each["role"], "word")
                if role == "administrator":
                    role = "districtAdministrator" if org in wide else "siteAdministrator"
                say("role", key(person, org, role), {"person": person, "org": org, "role": role, "role_type": "primary"})
    if "role" in found and "users" in files and (not files["users"] or any("agentSourcedIds" in each for each in files["users"])):
        found["guardianship"] = {}
        sound = [each for each in files["users"] if each.get("sourcedId", "").strip() and "\ufffd" not in each["sourcedId"]]
        has: dict[str, set[str]] = {}
        source = [(each.get("userSourcedId", ""), each.get("role", "")) for each in files.get("roles", [])]
        for person, role in source if is_1_2 else [(each.get("sourcedId", ""), each.get("role", "")) for each in files["users"]]:
            has.setdefault(person.strip(), set()).add(role.strip().lower() if is_role(role) else "unclear")
        somebody = any(not person or "\ufffd" in person for person in has)  # has a role, and nobody can say who that is
        for each in sound:
            one = each["sourcedId"].strip()
            for other in listed(each.get("agentSourcedIds", "")):
                if one == other or "\ufffd" in other:
                    continue
                if "unclear" in has.get(one, set()) | has.get(other, set()) or (somebody and not {one, other} <= has.keys()):
                    continue
                turned = "student" not in has.get(one, set()) and "student" in has.get(other, set())
                student, guardian = (other, one) if turned else (one, other)
                kind = next((word for word in ("guardian", "parent", "relative") if word in has.get(guardian, set())), None)
                say(
                    "guardianship", key(student, guardian, kind), {"student": student, "guardian": guardian, "relationship": kind}
                )
    return found


ROLES_1_1 = ["administrator", "aide", "guardian", "parent", "proctor", "relative", "student", "teacher"]
ROLES_1_2 = (
    *("aide", "counselor", "districtAdministrator", "guardian", "parent", "principal"),
    *("proctor", "relative", "siteAdministrator", "student", "systemAdministrator", "teacher"),
)
ONLY_1_2 = (
    "userMasterIdentifier",
    "preferredGivenName",
    "preferredMiddleName",
    "preferredFamilyName",
    "primaryOrgSourcedId",
    "pronouns",
)


def _read(file: str, heading: str, is_1_2: bool) -> bool:
    return is_1_2 or heading not in ONLY_1_2
