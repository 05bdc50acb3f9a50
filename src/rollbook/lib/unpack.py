"""Opens a ZIP file without trusting it: what it says of itself is checked, and what comes out is counted."""

import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

#: A package of every standard file has some twenty entries; a thousand leaves room for one folder a school.
ENTRIES_LIMIT = 1_000

#: The files of a district of a million students take 2 GB.
FILE_LIMIT = 4 << 30
TOTAL_LIMIT = 8 << 30

#: Rows that repeat themselves shrink to a fiftieth. Bombs reach a thousand.
RATIO_LIMIT = 200
#: Below this a high ratio harms nobody: a file of empty cells may well have it.
RATIO_FROM = 16 << 20

CHUNK = 1 << 20


class UnsafeArchive(Exception):
    """This archive is not opened. The message says why."""


@dataclass(frozen=True)
class Limits:
    """How much may come out of an archive."""

    entries: int = ENTRIES_LIMIT
    file: int = FILE_LIMIT
    total: int = TOTAL_LIMIT
    ratio: int = RATIO_LIMIT
    ratio_from: int = RATIO_FROM


def unpack(path: Path, into: Path, *, wanted: Callable[[str], bool], limits: Limits = Limits()) -> dict[str, Path | None]:
    """Unpack the wanted files of a ZIP; return where each entry now lies, by its name in the ZIP, and None for those left inside.

    Files get names of our own, so that nothing a ZIP says decides where something is written. Folders are not named.
    Shape: streams; the limits hold for the bytes that really come out, not for those announced.
    Errors: UnsafeArchive, also for a ZIP that is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > limits.entries:
                raise UnsafeArchive(f"it has {len(entries):,} entries, more than {limits.entries:,}")
            files = [entry for entry in entries if not entry.is_dir()]
            for entry in entries:
                refuse_trick(entry)
            names = [slashed(entry) for entry in files]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise UnsafeArchive(f"it holds '{shown(twice[0])}' twice")
            found: dict[str, Path | None] = dict.fromkeys(names)
            left = limits.total
            for number, (name, entry) in enumerate(zip(names, files, strict=True)):
                if wanted(name):
                    target = into / f"{number:04}{PurePosixPath(name).suffix[:5].lower()}"
                    left -= take_out(archive, entry, target, limits, left)
                    found[name] = target
            return found
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UnsafeArchive(f"it is damaged or not a ZIP file ({error})") from error


def refuse_trick(entry: zipfile.ZipInfo) -> None:
    """Raise UnsafeArchive if an entry says of itself something that no honest roster says."""
    name = slashed(entry)
    away = name.startswith("/") or ".." in PurePosixPath(name).parts or re.match("[A-Za-z]:", name)
    if not name or away or any(ord(letter) < 32 for letter in name):
        raise UnsafeArchive(f"the name '{shown(name)}' leads out of the folder")
    if entry.flag_bits & 0x1:
        raise UnsafeArchive(f"'{shown(name)}' is encrypted")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeArchive(f"'{shown(name)}' is a link or a device, not a file")
    if not entry.is_dir() and entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsafeArchive(f"'{shown(name)}' is compressed in a way that is not read here")


def take_out(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, limits: Limits, left: int) -> int:
    """Write one entry to a file; return its size. The limits are looked at before each write."""
    name, size = shown(entry.filename), 0
    with archive.open(entry) as source, target.open("xb") as file:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > limits.file:
                raise UnsafeArchive(f"'{name}' unpacks to more than {limits.file:,} bytes")
            if size > left:
                raise UnsafeArchive(f"it unpacks to more than {limits.total:,} bytes")
            if size > limits.ratio_from and size > limits.ratio * max(1, entry.compress_size):
                raise UnsafeArchive(f"'{name}' unpacks to more than {limits.ratio} times its size")
            file.write(chunk)
    return size


def slashed(entry: zipfile.ZipInfo) -> str:
    """Return a name with slashes between its folders, whatever the system was that wrote it."""
    return entry.filename.replace("\\", "/")


def shown(name: str) -> str:
    """Shorten a name for a message, and make its control characters visible."""
    text = name.encode("unicode_escape").decode("ascii") if any(ord(letter) < 32 for letter in name) else name
    return text if len(text) <= 80 else text[:79] + "…"
