"""The first day: init, settings, and what is said before there is anything."""

import socket
from pathlib import Path
from typing import Any

import pytest

from rollbook.server.config import Config
from rollbook.store.models import Account, District
from tests.cli.conftest import PASSWORD, Desk
from tests.connectors.oneroster import bundles


def test_a_second_init_does_no_harm(desk: Desk) -> None:
    assert desk.sees("init", "--district", "maple grove")["made"] is False
    assert desk.types("init", "--district", "Elm Creek").code == 6
    assert desk.types("init", "--district", "Maple Grove", "--admin", "Dana@maple-grove.example").code == 0
    assert Account.objects.count() == 1


def test_an_administrator_who_is_not_made_is_not_passed_over_in_silence(desk: Desk) -> None:
    said = desk.types("init", "--district", "Maple Grove", "--admin", "new@maple-grove.example")
    assert (said.code, "new@maple-grove.example has no account" in said.err) == (2, True)


def test_of_several_districts_a_second_init_looks_at_the_one_that_is_named(desk: Desk) -> None:
    District.objects.create(name="Second Lake")
    assert desk.sees("init", "--district", "second lake")["district"] == "Second Lake"
    said = desk.types("init", "--district", "Elm Creek")
    assert (said.code, "Maple Grove, Second Lake" in said.err) == (6, True)


def test_without_a_terminal_nobody_is_asked(db: None, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    said = Desk(tmp_path).types("init", "--json", answers="Maple Grove\n")
    assert said.code == 2
    assert set(said.json["fields"]) == {"--district", "--admin", "--password-file"}


def test_a_weak_password_and_a_wrong_address_are_told_together(db: None, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "password").write_text("short")
    words = ("init", "--district", "Maple Grove", "--admin", "dana", "--password-file", tmp_path / "password", "--json")
    said = Desk(tmp_path).types(*words)
    assert (said.code, set(said.json["fields"])) == (2, {"email", "password"})
    assert Desk(tmp_path).types("init", "--password-file", tmp_path / "none").code == 2


def test_the_first_administrator_can_sign_in_and_is_told(desk: Desk, tmp_path: Path) -> None:
    assert Account.objects.get().check_password(PASSWORD)
    desk.adds("lincoln", tmp_path)
    assert desk.sees("source", "show", "lincoln")["told"] == ["dana@maple-grove.example"]


@pytest.mark.once
@pytest.mark.parametrize(
    "database",
    [
        "postgres://rollbook:hunter2@db.example/rollbook",
        "postgres://rollbook@db.example/rollbook?sslmode=require&password=hunter2",
    ],
)
def test_settings_are_listed_and_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    desk = Desk(tmp_path)
    monkeypatch.setenv("ROLLBOOK_SECRET_KEY", "hunter2")
    monkeypatch.setenv("ROLLBOOK_FIELD_KEYS", "hunter2")
    monkeypatch.setenv("ROLLBOOK_DATABASE_URL", database)
    monkeypatch.setenv("ROLLBOOK_EMAIL_URL", "smtp://mail:hunter2@mail.example:587")
    listed = {row["name"]: row for row in desk.sees("settings")}
    assert {"ROLLBOOK_DATABASE_URL", "ROLLBOOK_DATA_DIR", "ROLLBOOK_SECRET_KEY", "ROLLBOOK_EMAIL_URL"} <= set(listed)
    assert all({"meaning", "default", "value"} <= set(row) for row in listed.values())
    assert "db.example" in listed["ROLLBOOK_DATABASE_URL"]["value"]
    for said in (desk.types("settings"), desk.types("settings", "--json")):
        assert said.code == 0
        assert "hunter2" not in said.out + said.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://rollbook:hunter2/ss@db.example:5432/rollbook"),
        ("DATABASE_URL", "postgres://rollbook:12/hunter2@db.example:5432/rollbook"),
        ("DATABASE_URL", "postgres://rollbook:hunter2@[db.example/rollbook"),
        ("DATABASE_URL", "hunter2"),
        ("EMAIL_URL", "smtp://u:hunter2#x@mail.example:25"),
        ("EMAIL_URL", "smtp://u:12?hunter2@mail.example:25"),
        ("EMAIL_URL", "smtp://u:hunter2@mail.example:smtp"),
        ("EMAIL_FROM", "hunter2"),
        ("PUBLIC_URL", "hunter2.example"),
        ("PUBLIC_URL", "https://"),
    ],
)
def test_a_wrong_address_is_told_by_its_name_before_anything_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"ROLLBOOK_{name}", value)
    said = Desk(tmp_path).types("settings", "--json")
    assert (said.code, set(said.json["fields"])) == (2, {f"ROLLBOOK_{name}"})
    assert "hunter2" not in said.out + said.err


def test_all_wrong_settings_are_told_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DEMO": "perhaps", "EMAIL_URL": "pigeon://x", "PUBLIC_URL": "rollbook.example"}.items():
        monkeypatch.setenv(f"ROLLBOOK_{name}", value)
    fields = Desk(tmp_path).types("settings", "--json").json["fields"]
    assert set(fields) == {"ROLLBOOK_DEMO", "ROLLBOOK_EMAIL_URL", "ROLLBOOK_PUBLIC_URL"}


def test_a_password_with_letters_of_addresses_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLBOOK_DATABASE_URL", "postgres://rollbook:p%2F%23%40s@db.example:5432/rollbook")
    assert Config.read().database["PASSWORD"] == "p/#@s"


def test_home_is_meant_where_home_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ROLLBOOK_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ROLLBOOK_DATA_DIR='~/kept'\n")
    assert Config.read().data_dir == tmp_path / "kept"


def test_settings_that_cannot_be_read_are_not_taken_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shut(*_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", shut)  # root, who runs tests in a container, can read everything
    said = Desk(tmp_path).types("settings")
    assert said.code == 2
    assert ".env here cannot be read: Permission denied" in said.err


def test_nothing_is_said_to_be_served_where_nothing_can_be(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = Desk(tmp_path).types("serve", "--port", other.getsockname()[1])
    assert (said.code, said.out) == (2, "")
    assert "Nothing can be served" in said.err


def test_a_district_that_is_none_is_told_from_one_that_is(desk: Desk) -> None:
    assert desk.sees("sources", "--district", "maple grove") == []
    said = desk.types("sources", "--district", "Elm Creek")
    assert (said.code, "Maple Grove" in said.err) == (2, True)


def test_the_sandbox_says_what_it_wrote(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    first = desk.sees("sandbox", "district", tmp_path / "a", "--students", 100, "--seed", 7, "--format", "oneroster-1.2-csv")
    assert (first["people"]["student"], first["form"]) == (100, "oneroster-1.2-csv")
    second = desk.sees("sandbox", "next-day", tmp_path / "a", tmp_path / "b", "--rate", 0.08)
    assert second["students"] == {"new": 2, "changed": 4, "gone": 2}
    third = desk.sees("sandbox", "without", tmp_path / "b", tmp_path / "c")
    assert third["students"]["gone"] > 10
    assert desk.types("sandbox", "district", tmp_path / "d", "--students", 1).code == 2
    assert desk.types("sandbox", "next-day", tmp_path / "nowhere", tmp_path / "e").code == 4


def test_the_sandbox_refuses_what_it_cannot_do_in_one_sentence(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    (tmp_path / "file").write_text("")
    for form in ("oneroster-1.2-csv", "oneroster-1.1-csv"):  # over its own, without the roles.csv of 1.2
        assert desk.types("sandbox", "district", tmp_path / "a", "--students", 100, "--format", form).code == 0
    assert not (tmp_path / "a/roles.csv").exists()
    assert desk.types("sandbox", "district", tmp_path / "faulty", "--students", 100, "--faults").code == 0
    for words in (
        ("district", tmp_path / "file", "--students", 40),
        ("district", tmp_path / "file/x", "--students", 40),
        ("next-day", tmp_path / "a", tmp_path / "file/x"),
        ("next-day", tmp_path / "faulty", tmp_path / "b"),
        ("without", tmp_path / "faulty", tmp_path / "b"),
        *(("without", tmp_path / "a", tmp_path / "b", "--share", share) for share in (2, -1, "nan")),
    ):
        said = desk.types("sandbox", *words)
        assert (said.code, len(said.err.splitlines()), "roster is as it was" in said.err) == (2, 1, False), said
    assert not (tmp_path / "b").exists()


def test_the_sandbox_overwrites_nothing_that_others_wrote(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    real = bundles.write(tmp_path / "real", dict(bundles.texts("1.2")))
    before = {path.name: path.read_bytes() for path in real.iterdir()}
    assert desk.types("sandbox", "district", real, "--students", 40).code == 2
    assert {path.name: path.read_bytes() for path in real.iterdir()} == before


def test_what_has_no_roster_does_not_speak_of_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for words in (("lint", tmp_path / "none"), ("sandbox", "next-day", tmp_path, tmp_path / "b")):
        said = desk.types(*words)
        assert said.code == 4
        assert "roster is as it was" not in said.err
        assert "import again" not in said.err
