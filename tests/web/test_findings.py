"""The fear that one row's fault is read as the fault of all: what findings of one rule are called together."""

import pytest
from django.test import Client

from rollbook.actions import review
from tests.district import Grove, edited, small


def strange(**words: str) -> list[dict[str, str]]:
    users = small()["users"]
    for one, word in words.items():
        users = edited(users, one, enabledUser=word)
    return users


@pytest.mark.once
def test_many_findings_of_a_rule_are_called_by_what_they_share(district: Grove, ada: Client) -> None:
    run = district.sends(small() | {"users": strange(p1="perhaps", p2="maybe", p3="often", p4="never")})
    group = next(each for each in review.finding_groups(run) if each.rule == "boolean")
    assert (group.text, group.count) == ("enabledUser … is neither true nor false.", 4)
    assert (group.files, group.fields) == (["users.csv"], ["enabledUser"])
    assert [each.message.split("'")[1] for each in group.examples] == ["perhaps", "maybe", "often"]
    page = ada.get(f"/imports/{run.pk}/findings/").content.decode()
    assert "enabledUser … is neither true nor false." in page
    assert f"users.csv, line {group.examples[0].line}: enabledUser" in page


@pytest.mark.once
def test_a_single_finding_says_its_own_words_once(district: Grove) -> None:
    run = district.sends(small() | {"users": strange(p1="perhaps")})
    group = next(each for each in review.finding_groups(run) if each.rule == "boolean")
    assert group.text == "enabledUser 'perhaps' is neither true nor false."
    assert [each.message for each in group.examples] == [""]
