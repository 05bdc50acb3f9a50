"""The conversion from XML to JSON, which makes v1 what it is."""

from typing import Any

import pytest

from rollbook.sandbox.powerschool.xml_json import element, to_json, to_xml


def test_one_child_is_a_value_several_are_a_list_and_none_is_no_key() -> None:
    def students(*ids: int) -> Any:
        return to_json(element("students", {"@expansions": "a, b", "student": [{"id": each} for each in ids]}))

    assert students(1, 2) == {"students": {"@expansions": "a, b", "student": [{"id": 1}, {"id": 2}]}}
    assert students(1) == {"students": {"@expansions": "a, b", "student": {"id": 1}}}
    assert students() == {"students": {"@expansions": "a, b"}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10004", 10004),
        ("0", 0),
        ("-1", -1),
        ("5550100123", 5550100123),
        ("050010", "050010"),
        ("0.00", "0.00"),
        ("5.0", "5.0"),
        ("1e5", "1e5"),
        ("t.lee", "t.lee"),
        ("", ""),
        ("true", True),
        ("٣", "٣"),
    ],
)
def test_digits_become_a_number_unless_they_begin_with_zero(text: str, value: object) -> None:
    found = to_json(element("staff", {"local_id": text}))["staff"]["local_id"]
    assert found == value and type(found) is type(value)


def test_what_is_missing_has_no_key_and_what_is_empty_is_empty_text() -> None:
    assert to_json(element("student", {"phones": "", "name": None})) == {"student": {"phones": ""}}


def test_an_empty_root_is_empty_text_and_truth_is_small_in_xml() -> None:
    assert to_json(element("students")) == {"students": ""}
    assert b"<dropped>true</dropped>" in to_xml(element("section_enrollment", {"dropped": True}))
