"""The fear that a simulated PowerSchool that is switched on again is another one: other people, another day, other keys."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from polars.testing import assert_frame_equal

from rollbook.sandbox.powerschool import access_plugin
from rollbook.sandbox.powerschool.server import PowerSchool
from tests.sandbox.powerschool import small


@contextmanager
def switched_on(file: Path) -> Iterator[tuple[PowerSchool, httpx2.Client]]:
    with (
        PowerSchool.kept(file, lambda: small.TABLES, tomorrow=lambda tables, *_: {**tables, "CC": tables["CC"].head(1)}) as made,
        httpx2.Client(base_url=made.url, trust_env=False) as http,
    ):
        yield made, http


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "powerschool.zip"


def test_what_an_admin_did_is_still_so(file: Path) -> None:
    with switched_on(file) as (first, http):
        http.post("/admin/plugins/install.html", files={"file": ("a.zip", small.package())})
        http.post("/admin/plugins/install.html", files={"file": ("b.zip", access_plugin.package())})
        http.post("/admin/plugins/42/enable.html")
        http.post("/admin/plugins/42/data.html", data={"level": "FULL", "student": "7"})
        http.post("/admin/plugins/43/delete.html")
        http.post("/admin/api_settings.html", data={"interval": "90"})
        http.post("/admin/simulator/tomorrow")
        before, day = first.plugins[42], first.clock.today()
    with switched_on(file) as (second, http):
        after = second.plugins[42]
        assert [each.number for each in second.plugins] == [42]
        assert (after.enabled, after.client_id, after.client_secret) == (True, before.client_id, before.client_secret)
        assert (after.package, after.granted, after.v1_level) == (before.package, before.granted, "FULL")
        assert (after.page_sizes["student"], second.minimum_interval_ms) == (7, 90)
        assert (second.day, second.clock.today()) == (1, day)
        assert second.database.number("SELECT COUNT(*) FROM CC") == 1
        for name, table in small.TABLES.items():
            assert_frame_equal(second.database.frames[name], table.head(1) if name == "CC" else table)
        http.post("/admin/plugins/install.html", files={"file": ("b.zip", access_plugin.package())})
        assert [each.number for each in second.plugins] == [42, 44], "43 was another plugin"


def test_it_is_kept_before_the_admin_sees_the_next_page(file: Path) -> None:
    """As if the power went: nothing is closed."""
    with switched_on(file) as (first, http):
        http.post("/admin/plugins/install.html", files={"file": ("a.zip", small.package())})
        with switched_on(file) as (second, _):
            assert second.plugins[42].client_secret == first.plugins[42].client_secret


def test_credentials_are_kept_for_their_owner_alone(file: Path) -> None:
    with switched_on(file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
