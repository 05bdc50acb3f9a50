"""Answers `/ws/v1`: its gate, its paths, pages and filters."""

from typing import Any
from xml.etree.ElementTree import Element

from rollbook.sandbox.powerschool import fiql, guesses, xml_json
from rollbook.sandbox.powerschool.answers import XML, Answer, Refused, Request, as_json, framework_error
from rollbook.sandbox.powerschool.grants import Call
from rollbook.sandbox.powerschool.installed import PAGE_SIZES, Installed
from rollbook.sandbox.powerschool.moving_clock import MovingClock
from rollbook.sandbox.powerschool.power_query import whole_number
from rollbook.sandbox.powerschool.v1_resources import RESOURCES, STUDENT, Resource

#: What is answered without a token, and whatever the access level is.
OPEN_PATHS = ("/ws/v1/metadata", "/ws/v1/time")
VERSION = "25.2.0.0"

_NO_LEVEL = "Plugin is missing required accessLevelV1Api READ permission"
_GRADUATED = 999_999
_TODAYS_YEAR = (
    "SELECT MAX(YEARID) FROM TERMS WHERE ISYEARREC = 1 AND SCHOOLID = :school AND FIRSTDAY <= :today"  # the latest that has begun
)


def open_to_all(request: Request, path: str, plugin: Installed | None, clock: MovingClock) -> Answer:
    """Answer metadata and time; only a good token learns its plugin's number."""
    if path == "/ws/v1/time":
        return _written(request, xml_json.element("time", {"current": clock.now().isoformat()}))
    sizes = plugin.page_sizes if plugin else dict.fromkeys(PAGE_SIZES, 100)
    found: dict[str, Any] = {
        "plugin_id": plugin.number if plugin else None,
        "powerschool_version": VERSION,
        "state": "ZZ",
        "district_timezone": "America/Chicago",
        **{f"{name}_max_page_size": size for name, size in sizes.items()},
        "machine_uptime": "12 days",
        "powerschool_uptime": "3 days",
        "mobile_api_version": "1.0",
        "state_reporting_version": "25.2",
    }
    return _written(request, xml_json.element("metadata", found))


def answer(call: Call, path: str) -> Answer:
    """Answer what stands after `/ws/v1/`."""
    if call.plugin.v1_level == "NONE" or "v1-closed" in call.faults:
        raise framework_error(401, _NO_LEVEL, wants_json=call.request.wants_json)
    if call.request.method != "GET":
        raise framework_error(405, "HTTP 405 Method Not Allowed", wants_json=call.request.wants_json)
    match path.strip("/").split("/"):
        case ["district"]:
            return _district(call)
        case ["district", "school" | "student" as name, *rest]:
            return _district_list(call, name, rest)
        case ["school"]:
            return _district_list(call, "school", [])
        case ["school", "count"]:
            return _district_list(call, "school", ["count"])
        case ["school", key, "student" | "staff" | "course" | "section" | "term" as name, *rest]:
            return _of_school(call, _school(call, key), name, rest)
        case ["section", key, "section_enrollment", *rest]:
            _single(call, RESOURCES["section"], key)
            return _list(call, RESOURCES["section_enrollment"], "s.SECTION_DCID = :section", {"section": int(key)}, rest)
        case [name, key] if name in RESOURCES:
            row = _single(call, RESOURCES[name], key)
            return _written(call.request, _element(call, RESOURCES[name], row))
        case ["student", key, "gpa"]:
            _single(call, STUDENT, key)
            return _written(call.request, xml_json.element("student", {"id": int(key), "gpa": ""}))
    raise _not_found(call)


def _district(call: Call) -> Answer:
    found = {row["NAME"]: row["VALUE"] for row in call.database.rows("SELECT NAME, VALUE FROM PREFS WHERE NAME LIKE 'district%'")}
    shown = {"uuid": found.get("districtuuid"), "name": found.get("districtname"), "district_number": found.get("districtnumber")}
    return _written(call.request, xml_json.element("district", shown))


def _district_list(call: Call, name: str, rest: list[str]) -> Answer:
    where = f"s.SCHOOL_NUMBER NOT IN (0, {_GRADUATED})" if name == "school" else "1=1"
    return _list(call, RESOURCES[name], where, {}, rest)


def _school(call: Call, key: str) -> dict[str, Any]:
    return _single(call, RESOURCES["school"], key)


def _of_school(call: Call, school: dict[str, Any], name: str, rest: list[str]) -> Answer:
    bound = {"school": school["SCHOOL_NUMBER"], "today": call.clock.today().isoformat()}
    asked = call.request.parameters.get("q", "")
    where = "s.SCHOOLID = :school"
    if name == "staff":
        where += " AND s.STATUS = 1"
    if name == "course":  # those of the district are taught in every school
        where = "s.SCHOOLID IN (0, :school)"
    if name == "section" and guesses.SECTION_YEAR not in asked:
        where += f" AND s.START_YEAR - 1990 = ({_TODAYS_YEAR})"
    default = guesses.SCHOOL_STUDENTS if name == "student" else ""
    return _list(call, RESOURCES[name], where, bound, rest, default)


def _list(call: Call, resource: Resource, where: str, bound: dict[str, Any], rest: list[str], default: str = "") -> Answer:
    if rest not in ([], ["count"]):
        raise _not_found(call)
    try:
        asked = _letters_large(fiql.parse(call.request.parameters.get("q", "") or default))
        filtered, values = fiql.condition(asked, resource.fields)
    except fiql.BadFilter as error:
        wants_json = call.request.wants_json
        raise framework_error(400, guesses.V1_BAD_QUERY.format(error), wants_json=wants_json) from error
    frm = f"FROM {resource.source} WHERE {where} AND {filtered}"
    bound = {**bound, **values}
    if rest:
        counted = call.database.number(f"SELECT COUNT(*) {frm}", bound)
        return _written(call.request, xml_json.element("resource", {"count": counted}))
    size, skip = _page(call, resource)
    sql = f"SELECT * {frm} ORDER BY {resource.order} LIMIT :size OFFSET :skip"
    rows = call.database.rows(sql, {**bound, "size": size, "skip": skip})
    if "empty" in call.faults:
        rows = []
    if "short-page" in call.faults and len(rows) > 1:
        rows.pop()
    made = xml_json.element(resource.plural, _asked_for(resource))
    made.extend(_element(call, resource, row, inside=True) for row in rows)
    return _written(call.request, made)


def _letters_large(terms: list[fiql.Term]) -> list[fiql.Term]:
    """The letters of a status may be small."""
    status = "school_enrollment.enroll_status"
    return [
        fiql.Term(term.field, term.operator, tuple(each.upper() for each in term.values)) if term.field == status else term
        for term in terms
    ]


def _page(call: Call, resource: Resource) -> tuple[int, int]:
    most = call.plugin.page_sizes[resource.name]
    parameters = call.request.parameters
    size, page = whole_number(parameters, "pagesize", most) or most, max(1, whole_number(parameters, "page", 1))
    if size > most and "large-page-refused" in call.faults:
        raise framework_error(400, guesses.V1_PAGE_TOO_LARGE.format(size, most), wants_json=call.request.wants_json)
    size = min(size, most)
    return size, (page - 1) * size


def _single(call: Call, resource: Resource, key: str) -> dict[str, Any]:
    sql = f"SELECT * FROM {resource.source} WHERE {resource.key} = ?"  # noqa: S608
    rows = call.database.rows(sql, [int(key)]) if key.isdigit() and len(key) < 18 else []
    if not rows:
        raise _not_found(call)
    return rows[0]


def _element(call: Call, resource: Resource, row: dict[str, Any], *, inside: bool = False) -> Element:
    parameters = call.request.parameters
    expansions = frozenset(each.strip() for each in parameters.get("expansions", "").split(","))
    shown = resource.write(row, expansions)
    wanted = [each for each in parameters.get("extensions", "").split(",") if each in resource.extensions]
    extra = {"_extension_data": {"_table_extension": [_extension(call, each, row) for each in wanted]}} if wanted else {}
    return xml_json.element(resource.name, {**({} if inside else _asked_for(resource)), **shown, **extra})


def _extension(call: Call, name: str, row: dict[str, Any]) -> dict[str, Any]:
    sql = f"SELECT * FROM {name.upper()} WHERE STUDENTSDCID = ?"  # noqa: S608
    found = call.database.rows(sql, [row["DCID"]])
    values = {key: value for key, value in found[0].items() if value is not None and key != "STUDENTSDCID"} if found else {}
    fields = [{"name": key.lower(), "type": "String", "value": value} for key, value in values.items()]
    return {"name": name, "recordFound": bool(found), "_field": fields}


def _asked_for(resource: Resource) -> dict[str, str]:
    return {"@expansions": ", ".join(resource.expansions), "@extensions": ",".join(resource.extensions)}


def _written(request: Request, made: Element) -> Answer:
    return as_json(xml_json.to_json(made)) if request.wants_json else Answer(200, xml_json.to_xml(made), XML)


def _not_found(call: Call) -> Refused:
    return framework_error(404, guesses.V1_NOT_FOUND, wants_json=call.request.wants_json)
