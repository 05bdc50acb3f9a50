"""A test that did not run is told from a test that passed."""

import pytest

from tests.conftest import needs


def test_what_is_there_is_used() -> None:
    assert needs("/usr/bin/browser", "no browser") == "/usr/bin/browser"


def test_on_a_desk_a_missing_program_skips_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.conftest.CI", False)
    with pytest.raises(pytest.skip.Exception, match="no browser"):
        needs(None, "no browser")


def test_on_the_build_server_a_missing_program_cannot_hide_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.conftest.CI", True)
    with pytest.raises(pytest.fail.Exception, match="no browser"):
        needs(None, "no browser")
