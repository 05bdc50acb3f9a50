"""For any two districts: importing the second over the first gives the second, and undo gives the first."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rollbook.domain.entities import ENTITIES
from rollbook.store.models import Run
from tests.district import Files, Grove, as_1_2, course, enrollment, manifest, row, school, section, term, user
from tests.oracle import expected

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs", "Cf", "Cn"]), min_size=1, max_size=6
)
SOME = st.one_of(st.just(""), TEXTS)
KINDS = ("student", "student", "student", "teacher", "parent", "aide", "relative", "administrator")


@st.composite
def districts(draw: Any) -> Files:
    """A small, sound district over few ids, so that two of them share most."""

    def some(of: list[str], least: int = 1) -> list[str]:
        return draw(st.lists(st.sampled_from(of), unique=True, min_size=least, max_size=len(of)))

    schools = some(["s1", "s2", "s3", "S1"])
    terms = some(["t1", "t2", "01", "1"])
    courses, sections, people = some(["c1", "c2"]), some(["k1", "k2", "k3"]), some(["p1", "p2", "p3", "p4", "p5", "0p", "P1"])
    users = []
    for one in people:
        orgs = ",".join(some(schools))
        agents = ",".join(some([other for other in people if other != one], 0)) if len(people) > 1 else ""
        users.append(
            user(
                one,
                draw(st.sampled_from(KINDS)),
                orgs,
                familyName=draw(TEXTS),
                email=draw(SOME),
                middleName=draw(SOME),
                agentSourcedIds=agents,
                grades=draw(st.sampled_from(["", "09", "09,10"])),
            )
        )
    places = draw(st.lists(st.tuples(st.sampled_from(sections), st.sampled_from(people)), unique=True, min_size=1, max_size=8))
    made: Files = {
        "manifest": manifest(),
        "orgs": [
            row("orgs", sourcedId="d1", name=draw(TEXTS), type="district"),
            *(school(one, name=draw(TEXTS), parentSourcedId=draw(st.sampled_from(["", "d1"]))) for one in schools),
        ],
        "academicSessions": [
            term("y27", type="schoolYear", parentSourcedId=""),
            *(term(one, title=draw(TEXTS), parentSourcedId=draw(st.sampled_from(["", "y27"]))) for one in terms),
        ],
        "courses": [course(one, orgSourcedId=draw(st.sampled_from(["d1", *schools])), title=draw(TEXTS)) for one in courses],
        "classes": [
            section(
                one,
                draw(st.sampled_from(schools)),
                courseSourcedId=draw(st.sampled_from(courses)),
                termSourcedIds=",".join(some(terms)),
                location=draw(SOME),
            )
            for one in sections
        ],
        "users": users,
        "enrollments": [
            enrollment(at, one, draw(st.sampled_from(["student", "teacher"])), draw(st.sampled_from(schools)))
            for at, one in places
        ],
    }
    for name in ("orgs", "users", "enrollments", "classes"):
        made[name] = draw(st.permutations(made[name]))
    return as_1_2(made) if draw(st.booleans()) else made


def adds_up(run: Run) -> None:
    for name, n in run.counts.items():
        assert n["read"] == n["appear"] + n["alter"] + n["return"] + n["same"] + n["unfit"], (name, n)
        assert min(n.values()) >= 0, (name, n)
    for line in run.summary:
        said = sum(line[key] for key in ("added", "changed", "returned", "unchanged", "errors"))
        assert line["read"] == said, line
        assert min(value for value in line.values() if isinstance(value, int)) >= 0, line


def effort(examples: int, *, repeatable: bool) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=repeatable,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


NewDistrict = Callable[[], AbstractContextManager[Grove]]


@pytest.fixture
def new_district(db: None, settings: Any, tmp_path: Path) -> NewDistrict:
    """Make one district after the other, each with folders of its own; the database forgets each before the next.

    The test is one transaction. Without forgetting, it holds the locks of all temporary tables of all imports, and after some
    hundred imports PostgreSQL has no room for more.
    """
    numbers = count(1)

    @contextmanager
    def make() -> Iterator[Grove]:
        number = next(numbers)
        settings.DATA_DIR = tmp_path / str(number) / "kept"
        with transaction.atomic():
            yield Grove(tmp_path / str(number), f"Maple {number}")
            transaction.set_rollback(True)

    return make


@effort(3, repeatable=True)
@given(a=districts(), b=districts())
def test_the_second_import_gives_the_second_district_and_undo_the_first(new_district: NewDistrict, a: Files, b: Files) -> None:
    with new_district() as district:
        first_second_undo(district, a, b)


@pytest.mark.torture
@effort(150, repeatable=False)
@given(a=districts(), b=districts())
def test_the_same_for_many_districts(new_district: NewDistrict, a: Files, b: Files) -> None:
    with new_district() as district:
        first_second_undo(district, a, b)


@pytest.mark.torture
@effort(60, repeatable=False)
@given(a=districts(), b=districts(), c=districts(), also_changed=st.booleans())
def test_undo_of_an_older_import_leaves_nothing_hanging(
    new_district: NewDistrict, a: Files, b: Files, c: Files, also_changed: bool
) -> None:
    """Whatever came since, all that a row points to is there, and only what came with the import leaves."""
    with new_district() as district:
        district.applies(a)
        second = district.applies(b)
        district.applies(c)

        undone = district.undoes(second, also_changed=also_changed)
        undone = district.approves(undone) if undone.state == "held" else undone

        assert undone.state == "applied", undone.message
        adds_up(undone)
        roster = district.roster()
        for entity in ENTITIES:
            for one, values in roster[entity.name].items():
                for column in entity.references:
                    targets = set((values[column.name] or "").split(",")) - {""}
                    assert targets <= set(roster[column.refers_to or ""]), (entity.name, one, column.name)
            came = {one for one, kind in district.changes(second, entity.name).items() if kind in ("appear", "return")}
            left = {one for one, kind in district.changes(undone, entity.name).items() if kind == "vanish"}
            assert also_changed or left <= came, (entity.name, left - came)


def first_second_undo(district: Grove, a: Files, b: Files) -> None:
    first = district.applies(a)
    adds_up(first)
    compare(district, a)
    before = district.roster()
    state = district.everything()

    second = district.sends(b)
    adds_up(second)
    if second.state == "held":
        assert district.everything() == state
        second = district.approves(second)
    assert second.state == "applied", second.message
    compare(district, b, before)

    undone = district.undoes(second)
    if undone.state == "held":
        undone = district.approves(undone)
    assert undone.state == "applied", undone.message
    adds_up(undone)
    assert not undone.findings.get("error"), district.findings(undone)
    assert district.roster() == before

    again = district.sends(b)  # by hand, so it does not wait
    again = district.approves(again) if again.state == "held" else again
    assert again.state == "applied"
    compare(district, b, before)
    night = district.runs()
    assert not sum(n[k] for n in night.counts.values() for k in ("appear", "alter", "vanish", "return")), night.counts


def compare(district: Grove, files: Files, before: dict[str, Any] | None = None) -> None:
    """Hold the roster against an independent reading of the same files."""
    due, roster = expected(files), district.roster()
    assert set(due) == {each.name for each in ENTITIES}
    for name, rows in due.items():
        assert set(roster[name]) == set(rows), name
        for one, values in rows.items():
            has = roster[name][one]
            assert {k: has[k] for k in values} == values, (name, one)
            rest = {k: v for k, v in has.items() if k not in values and v is not None}
            assert not rest or (before and before[name].get(one) and {k: before[name][one][k] for k in rest} == rest)
