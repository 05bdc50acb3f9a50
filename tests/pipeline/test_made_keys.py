"""Roles and links to parents have no id of their own: a faulty row of them is never taken for a missing one."""

import pytest

from tests.district import Files, Grove, as_1_2, edited, enrollment, plus, small, user

pytestmark = pytest.mark.django_db

START = plus(
    small(),
    users=[user("p9", orgs="s1,s2"), user("g9", "guardian", orgs="s1,s2")],
    enrollments=[enrollment("k1", "p9")],
)


def sent(version: str, files: Files) -> Files:
    return as_1_2(files) if version == "1.2" else files


def roles(district: Grove, one: str) -> set[str]:
    return {key for key, each in district.rows("role").items() if each["person"] == one}


def links(district: Grove) -> set[str]:
    return set(district.rows("guardianship"))


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("org", ["S1", "nowhere"])
def test_a_role_at_an_unknown_school_leaves_the_role_that_is_there(district: Grove, version: str, org: str) -> None:
    district.applies(sent(version, START))
    run = district.applies(sent(version, START | {"users": edited(START["users"], "p2", orgSourcedIds=org)}))

    assert roles(district, "p2") == {"p2|s1|student"}
    assert run.counts["role"]["vanish"] == 0 and run.counts["role"]["unfit"] == 1
    assert "the source and the roster agree, but for what was left out as faulty" in run.message


def test_a_role_of_an_unknown_person_leaves_the_role_that_it_may_mean(district: Grove) -> None:
    start = as_1_2(START)
    district.applies(start)
    wrong = [each | {"userSourcedId": "P2"} if each["userSourcedId"] == "p2" else each for each in start["roles"]]
    moved = [each for each in wrong if (each["userSourcedId"], each["orgSourcedId"]) != ("p9", "s2")]
    run = district.applies(start | {"roles": moved})

    assert roles(district, "p2") == {"p2|s1|student"}
    assert roles(district, "p9") == {"p9|s1|student"}  # at another school, so it is not meant
    assert run.counts["role"]["vanish"] == 1


def test_where_neither_person_nor_school_is_known_nobody_loses_a_role(district: Grove) -> None:
    start = as_1_2(START)
    district.applies(start)
    lost = {"userSourcedId": "P2", "orgSourcedId": "S1"}
    wrong = [each | lost if each["userSourcedId"] == "p2" else each for each in start["roles"]]
    moved = [each for each in wrong if (each["userSourcedId"], each["orgSourcedId"]) != ("p9", "s2")]
    run = district.applies(start | {"roles": moved})

    assert roles(district, "p2") == {"p2|s1|student"} and len(roles(district, "p9")) == 2
    assert run.counts["role"]["vanish"] == 0


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("agent", ["G1", "nobody"])
def test_an_unknown_parent_leaves_the_parent_who_is_there(district: Grove, version: str, agent: str) -> None:
    district.applies(sent(version, START))
    before = links(district)
    run = district.applies(sent(version, START | {"users": edited(START["users"], "p1", agentSourcedIds=agent)}))

    assert links(district) == before != set()
    assert run.counts["guardianship"]["unfit"] == 1


def test_an_unknown_child_leaves_the_child_who_is_there(district: Grove) -> None:
    listed = edited(edited(START["users"], "p1", agentSourcedIds=""), "g1", agentSourcedIds="p1")
    district.applies(START | {"users": listed})
    before = links(district)
    district.applies(START | {"users": edited(listed, "g1", agentSourcedIds="P1")})

    assert links(district) == before != set()


@pytest.mark.parametrize("other", [{"orgSourcedIds": "s2"}, {"role": "teacher"}, {"orgSourcedIds": "s1,s2"}])
def test_nothing_is_taken_of_a_row_that_is_refused(district: Grove, other: dict[str, str]) -> None:
    district.applies(START)
    run = district.applies(START | {"users": edited(START["users"], "p2", enabledUser="maybe", **other)})

    assert roles(district, "p2") == {"p2|s1|student"}
    assert run.counts["role"]["vanish"] == run.counts["role"]["appear"] == 0
    assert {each["sourced_id"][:2] for each in district.findings(run, "depends_on_refused_row")} == {"p2"}


def test_a_refused_row_that_names_fewer_schools_or_parents_takes_none_away(district: Grove) -> None:
    district.applies(START)
    before = links(district)
    fewer = edited(START["users"], "p9", enabledUser="maybe", orgSourcedIds="s1")
    district.applies(START | {"users": edited(fewer, "p1", familyName="", agentSourcedIds="")})

    assert len(roles(district, "p9")) == 2
    assert links(district) == before


def test_two_rows_of_one_id_give_nobody_a_role_or_a_parent(district: Grove) -> None:
    district.applies(START)
    before = links(district)
    second = user("p3", "teacher", "s2", familyName="Another", agentSourcedIds="g1")
    run = district.applies(plus(START, users=[second]))

    assert roles(district, "p3") == {"p3|s1|student"}
    assert links(district) == before
    assert run.counts["role"]["appear"] == run.counts["guardianship"]["appear"] == 0


@pytest.mark.parametrize("other", [{"orgs": "s2"}, {"role": "teacher"}])
def test_two_rows_of_one_person_that_disagree_about_the_role_are_both_refused(district: Grove, other: dict[str, str]) -> None:
    run = district.applies(plus(START, users=[user("p3", **other)]))
    first, second = district.findings(run, "same_id_twice")

    assert (
        first["message"] == second["message"] == "users.csv lines 6 and 11 have the same id 'p3' and differ. Neither was taken."
    )
    assert "p3" not in district.rows("person") and not roles(district, "p3")

    district.applies(START)
    again = district.applies(plus(START, users=[user("p3", **other)]))
    assert roles(district, "p3") == {"p3|s1|student"}
    assert len(district.findings(again, "same_id_twice")) == 2


def test_a_row_that_is_sent_twice_to_the_letter_is_one(district: Grove) -> None:
    run = district.applies(plus(START, users=[user("p3"), user("p1", agentSourcedIds="g1")]))

    assert roles(district, "p3") == {"p3|s1|student"}
    assert not sum(each["unfit"] for each in run.counts.values())


def test_two_rows_that_say_different_things_of_one_role_are_named_as_that(district: Grove) -> None:
    start = as_1_2(START)
    (second,) = (each for each in start["roles"] if each["userSourcedId"] == "p2")
    run = district.applies(plus(start, roles=[second | {"roleType": "secondary"}]))

    (message,) = {each["message"] for each in district.findings(run, "same_id_twice")}
    assert "say different things of one role at a school, 'p2|s1|student'. Neither was taken." in message


def test_roles_in_a_file_of_their_own_go_their_own_way(district: Grove) -> None:
    start = as_1_2(START)
    district.applies(start)
    users = edited(start["users"], "p9", enabledUser="maybe")
    fewer = [each for each in start["roles"] if (each["userSourcedId"], each["orgSourcedId"]) != ("p9", "s2")]
    district.applies(start | {"users": users, "roles": fewer})

    assert roles(district, "p9") == {"p9|s1|student"}


def test_a_faulty_role_keeps_nobody_who_leaves(district: Grove) -> None:
    district.applies(START)
    gone = [each for each in edited(START["users"], "p2", orgSourcedIds="S1") if each["sourcedId"] != "p9"]
    district.applies(
        START | {"users": gone, "enrollments": [each for each in START["enrollments"] if each["userSourcedId"] != "p9"]}
    )

    assert roles(district, "p2") and not roles(district, "p9")


def test_a_role_that_comes_right_again_moves(district: Grove) -> None:
    district.applies(START)
    district.applies(START | {"users": edited(START["users"], "p2", orgSourcedIds="S2")})
    run = district.applies(START | {"users": edited(START["users"], "p2", orgSourcedIds="s2")})

    assert roles(district, "p2") == {"p2|s2|student"}
    assert (run.counts["role"]["vanish"], run.counts["role"]["appear"]) == (1, 1)


def test_a_role_with_a_faulty_date_stands_for_itself_alone(district: Grove) -> None:
    start = as_1_2(START)
    district.applies(start)
    wrong = [
        each | {"beginDate": "2026-02-30"} if (each["userSourcedId"], each["orgSourcedId"]) == ("p9", "s1") else each
        for each in start["roles"]
        if (each["userSourcedId"], each["orgSourcedId"]) != ("p9", "s2")
    ]
    district.applies(start | {"roles": wrong})

    assert roles(district, "p9") == {"p9|s1|student"}
