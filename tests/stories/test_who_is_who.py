"""The fear that one child becomes another, or two."""

from tests.district import Grove, edited, minus, read, small, user, write


def test_twins_swap_ids(district: Grove) -> None:
    """Only the id says who somebody is: the values go with it, and nothing else is touched."""
    files = small()
    files["users"] = edited(files["users"], "p1", familyName="Twin", givenName="Ann", email="ann@maple.example", username="ann")
    files["users"] = edited(files["users"], "p2", familyName="Twin", givenName="Ben", email="ben@maple.example", username="ben")
    district.applies(files)
    uuids = {one: district.one("person", one).uuid for one in ("p1", "p2")}
    ann = {k: v for k, v in files["users"][2].items() if k not in ("sourcedId", "agentSourcedIds")}
    ben = {k: v for k, v in files["users"][3].items() if k not in ("sourcedId", "agentSourcedIds")}
    files["users"] = edited(edited(files["users"], "p1", **ben), "p2", **ann)

    run = district.sends(files)

    assert run.state == "applied"
    assert district.changes(run, "person") == {"p1": "alter", "p2": "alter"}
    assert district.rows("person")["p1"]["given_name"] == "Ben" and district.rows("person")["p2"]["username"] == "ann"
    assert {one: district.one("person", one).uuid for one in ("p1", "p2")} == uuids
    assert not district.findings(run, "username_used_twice", "email_used_twice")


def test_a_new_id_with_the_same_email_is_named_and_never_merged(imported: Grove) -> None:
    files = small()
    files["users"] = [*files["users"], user("q1", email="P2@Maple.Example")]

    run = imported.sends(files)

    assert {"p2", "q1"} <= set(imported.rows("person"))
    said = imported.findings(run, "email_used_twice")
    assert said and all("p2" in each["message"] and "q1" in each["message"] for each in said)
    assert {each["level"] for each in said} == {"warning"}


def test_one_who_leaves_and_comes_under_a_new_id_is_named_and_never_merged(imported: Grove) -> None:
    files = minus(small(), "p2")
    files["users"] = [*files["users"], user("q1", email="P2@Maple.Example"), user("q2", email="q2@maple.example")]

    run = imported.applies(files)

    assert imported.changes(run, "person") == {"p2": "vanish", "q1": "appear", "q2": "appear"}
    said = imported.findings(run, "another_id")
    assert [(each["sourced_id"], each["level"]) for each in said] == [("q1", "warning")]
    assert "'q1' has the email of 'p2', who leaves" in said[0]["message"]


def test_a_returning_student_is_the_same_person(imported: Grove) -> None:
    was = imported.one("person", "p2")
    imported.applies(minus(small(), "p2"))
    assert imported.one("person", "p2").status == "inactive"

    run = imported.applies(small())

    again = imported.one("person", "p2")
    assert (again.pk, again.uuid, again.status) == (was.pk, was.uuid, "active")
    assert run.counts["person"]["return"] == 1 and run.counts["person"]["appear"] == 0
    assert imported.changes(run, "enrollment") == {"p2.k1": "return"}


def test_ids_that_lose_their_zeros_hold_and_are_named(district: Grove) -> None:
    """A spreadsheet program has eaten the zeros: everybody would leave, and come as somebody new."""
    district.writes(people=40, students=40, leave_out=())
    files = read(district.folder)
    shorter = {each["sourcedId"]: each["sourcedId"].replace("s-", "00") for each in files["users"]}

    def renamed(ids: dict[str, str]) -> dict[str, list[dict[str, str]]]:
        users = [each | {"sourcedId": ids[each["sourcedId"]]} for each in files["users"]]
        places = [each | {"userSourcedId": ids[each["userSourcedId"]]} for each in files["enrollments"]]
        return files | {"users": users, "enrollments": places}

    district.applies(renamed(shorter))
    before = district.everything()

    run = district.sends(renamed({old: new.lstrip("0") for old, new in shorter.items()}))

    assert run.state == "held"
    assert any("come back under another id" in reason for reason in run.reasons)
    assert len(district.findings(run, "id_almost_the_same")) == 40
    assert district.everything() == before


def test_new_ids_hold_however_usernames_and_addresses_are_written(district: Grove) -> None:
    files = small(60)
    district.applies(files)
    new = {f"p{number}": f"n{number}" for number in range(2, 7)}

    def rekeyed(each: dict[str, str]) -> dict[str, str]:
        one = new.get(each["sourcedId"])
        return each | {"sourcedId": one, "username": each["username"].upper(), "email": each["email"].upper()} if one else each

    run = district.sends(
        files
        | {
            "users": [rekeyed(each) for each in files["users"]],
            "enrollments": [
                each | {"userSourcedId": new.get(each["userSourcedId"], each["userSourcedId"])} for each in files["enrollments"]
            ],
        }
    )

    assert len(district.findings(run, "another_id")) == len(new)
    assert run.state == "held" and run.reasons[0].startswith("5 of 5 people who would leave come back under another id")


def test_an_id_with_blanks_around_it_is_the_same_id(imported: Grove) -> None:
    files = small()
    files["users"] = edited(files["users"], "p1", sourcedId=" p1 ")

    run = imported.sends(files)

    assert run.state == "applied" and not imported.changes(run, "person")


def test_ids_that_differ_by_case_are_two_people_and_a_warning(district: Grove) -> None:
    run = district.sends(small() | {"users": [*small()["users"], user("P1", username="upper", email="upper@maple.example")]})

    assert {"p1", "P1"} <= set(district.rows("person"))
    assert [each["level"] for each in district.findings(run, "id_almost_the_same")] == ["warning", "warning"]


def test_the_same_row_twice_is_one_person(district: Grove) -> None:
    files = small()
    files["users"] = [*files["users"], *files["users"]]
    run = district.sends(files)

    assert run.state == "applied"
    assert district.active("person") == 7 and district.active("role") == 7
    assert {each["rule"] for each in district.findings(run)} == {"identical_rows"}


def test_names_in_every_script_come_back_as_they_were_sent(district: Grove) -> None:
    names = ['O\'Brien, "Bob"', "=cmd()|'/C calc'!A0", "شريف", "Ж" * 255, "👩‍👧", "\\.", "NULL", "a\\nb", "%s {0}", "é́", "ß|x%7C"]
    files = small(len(names))
    for number, name in enumerate(names, 1):
        files["users"] = edited(files["users"], f"p{number}", familyName=name)
    district.applies(files)
    assert [district.rows("person")[f"p{number}"]["family_name"] for number in range(1, len(names) + 1)] == names
    district.applies(minus(files, "p1"))
    write(district.folder, files)
    run = district.runs()
    assert district.changes(run, "person") == {"p1": "return"}
    assert [district.rows("person")[f"p{number}"]["family_name"] for number in range(1, len(names) + 1)] == names
