"""What comes out of a ZIP, and what must not."""

import stat
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest

from rollbook.lib.unpack import Limits, UnsafeArchive, unpack


def packed(folder: Path, entries: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "package.zip"
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def refused(folder: Path, path: Path, limits: Limits | None = None) -> str:
    into = Path(tempfile.mkdtemp(prefix="out", dir=folder))
    with pytest.raises(UnsafeArchive) as stop:
        unpack(path, into, wanted=lambda name: True, limits=limits or Limits())
    return str(stop.value)


def test_wanted_files_come_out_whole_and_the_others_stay_inside(tmp_path: Path) -> None:
    path = packed(tmp_path, {"in/users.csv": b"a,b\n" * 1000, "demographics.csv": b"secret", "in/": b""})
    into = tmp_path / "out"
    into.mkdir()

    found = unpack(path, into, wanted=lambda name: "users" in name)

    users = found["in/users.csv"]
    assert users is not None
    assert users.read_bytes() == b"a,b\n" * 1000
    assert found["demographics.csv"] is None
    assert set(found) == {"in/users.csv", "demographics.csv"}
    assert [each.name for each in into.iterdir()] == [users.name]


@pytest.mark.parametrize(
    "name", ["../users.csv", "/etc/users.csv", "a/../../users.csv", "..\\users.csv", "C:users.csv", "a\nb.csv"]
)
def test_no_name_in_a_zip_decides_where_a_file_is_written(tmp_path: Path, name: str) -> None:
    assert "leads out of the folder" in refused(tmp_path, packed(tmp_path, {name: b"x"}))
    assert sorted(each.name[:3] for each in tmp_path.rglob("*")) == ["out", "pac"]


def test_folders_may_be_written_as_windows_writes_them(tmp_path: Path) -> None:
    path = packed(tmp_path, {"in\\users.csv": b"x"})
    into = tmp_path / "out"
    into.mkdir()

    assert list(unpack(path, into, wanted=lambda name: name == "in/users.csv")) == ["in/users.csv"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("users.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")

    assert "is a link or a device" in refused(tmp_path, path)


def test_an_encrypted_file_is_named(tmp_path: Path) -> None:
    path = packed(tmp_path, {"users.csv": b"x"}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(signature) + offset
        content[place : place + 2] = struct.pack("<H", 1)
    path.write_bytes(content)

    assert "'users.csv' is encrypted" in refused(tmp_path, path)


def test_a_bomb_is_stopped_by_what_comes_out_not_by_what_it_announces(tmp_path: Path) -> None:
    path = packed(tmp_path, {"users.csv": bytes(4 << 20)})
    assert "more than 200 times" in refused(tmp_path, path, Limits(ratio_from=1 << 20))
    assert "more than 1,000 bytes" in refused(tmp_path, path, Limits(file=1000))
    assert "it unpacks to more than 1,000 bytes" in refused(tmp_path, path, Limits(total=1000))


def test_a_file_that_announces_less_than_it_holds_is_damaged(tmp_path: Path) -> None:
    path = packed(tmp_path, {"users.csv": bytes(4 << 20)})
    content = bytearray(path.read_bytes())
    place = content.find(b"PK\x01\x02") + 24
    assert struct.unpack("<I", content[place : place + 4])[0] == 4 << 20
    content[place : place + 4] = struct.pack("<I", 10)
    path.write_bytes(content)

    assert "damaged or not a ZIP" in refused(tmp_path, path)


def test_the_total_counts_all_files_together(tmp_path: Path) -> None:
    path = packed(tmp_path, {f"{place}.csv": b"x" * 600 for place in range(3)})

    assert "it unpacks to more than 1,500 bytes" in refused(tmp_path, path, Limits(total=1500))


def test_too_many_entries_are_not_even_looked_at(tmp_path: Path) -> None:
    assert "it has 4 entries" in refused(tmp_path, packed(tmp_path, {str(place): b"" for place in range(4)}), Limits(entries=3))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("users.csv", "one")
        archive.writestr("users.csv", "two")

    assert "holds 'users.csv' twice" in refused(tmp_path, path)


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    assert "compressed in a way" in refused(tmp_path, packed(tmp_path, {"users.csv": b"x"}, zipfile.ZIP_LZMA))


@pytest.mark.parametrize("cut", [10, 60, -30])
def test_a_zip_cut_short_is_damaged(tmp_path: Path, cut: int) -> None:
    path = packed(tmp_path, {"users.csv": b"some,cells\n" * 100})
    path.write_bytes(path.read_bytes()[:cut])

    assert "damaged or not a ZIP" in refused(tmp_path, path)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = packed(tmp_path, {"users.csv": b"some,cells\n" * 100}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"some,cells", b"same,cells", 1))

    assert "damaged or not a ZIP" in refused(tmp_path, path)


def test_something_else_is_no_zip(tmp_path: Path) -> None:
    path = tmp_path / "package.zip"
    path.write_bytes(b"sourcedId,status\n")

    assert "damaged or not a ZIP" in refused(tmp_path, path)


def test_a_zip_within_a_zip_stays_closed(tmp_path: Path) -> None:
    inner = packed(tmp_path, {"users.csv": b"x"}).read_bytes()
    path = packed(tmp_path, {"inner.zip": inner})
    into = tmp_path / "out"
    into.mkdir()

    assert list(unpack(path, into, wanted=lambda name: name.endswith(".csv")).values()) == [None]
