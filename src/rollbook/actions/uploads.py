"""Takes in uploaded files: looked at first, then in the place of those before, or not at all."""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.conf import settings

from rollbook.actions import sources
from rollbook.actions.actor import Actor
from rollbook.connectors.protocol import Probe
from rollbook.domain.errors import ConfigError, Conflict
from rollbook.domain.rights import Right
from rollbook.domain.runs import RunState
from rollbook.store import audit
from rollbook.store.models import Run, Source

#: A district of a million students zips to a few hundred megabytes.
LIMIT = 2 << 30
FILES_LIMIT = 40
#: Where a source keeps what was uploaded; each upload takes the place of the one before.
KEPT_AS = "upload.zip"


def takes(kind: str) -> bool:
    """Say whether sources of this kind read files, so that files can be uploaded instead of a path."""
    return any(option.name == "path" for option in sources.options(kind))


def is_uploaded(source: Source) -> bool:
    """Say whether a source reads what was uploaded."""
    path: str | None = source.settings.get("path")
    return path == str(_folder(source) / KEPT_AS)


def uploaded_at(source: Source) -> datetime | None:
    """Return when the files that a source reads were uploaded; None where it reads others."""
    path = _folder(source) / KEPT_AS
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) if is_uploaded(source) and path.exists() else None


def keep(actor: Actor, source: Source, files: Sequence[tuple[str, BinaryIO]]) -> Probe:
    """Let a source read one uploaded ZIP, or some CSV files, from now on.

    Shape: streams to disk. The heading of each file is looked at before they replace those of before.
    Errors: ConfigError for names that can't be; SourceError where the files are not what the source reads; Conflict while an
        import is reading. All of them leave the files of before in place.
    """
    actor.must(Right.IMPORTS)
    names = [PurePosixPath(name.replace("\\", "/")).name for name, _ in files]
    if wrong := _wrong(names):
        raise ConfigError(fields={"files": wrong})
    if Run.objects.filter(source=source, state__in=(RunState.QUEUED, RunState.WORKING)).exists():
        raise Conflict("An import is reading the files of this source", next_step="Wait until it has ended, then upload again.")
    folder = _folder(source)
    folder.mkdir(parents=True, exist_ok=True)
    incoming = Path(tempfile.mkdtemp(prefix=".incoming-", dir=folder))
    try:
        half = incoming / (names[0] if names[0].lower().endswith(".zip") else KEPT_AS)
        _write(half, names, files)
        others = {name: value for name, value in source.settings.items() if name != "path"}
        seen = sources.attempt(actor, source, {**others, "path": str(half)})
        os.replace(half, folder / KEPT_AS)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    sources.change(actor, source, {**others, "path": str(folder / KEPT_AS)})
    audit.note(actor.district, actor.name, "source.uploaded", source.name, files=len(files))
    return seen


def _folder(source: Source) -> Path:
    return Path(settings.DATA_DIR) / "uploads" / str(source.pk)


def _wrong(names: list[str]) -> str:
    if not names:
        return "choose a ZIP file, or the CSV files, first"
    if len(names) > FILES_LIMIT:
        return f"are {len(names)}; at most {FILES_LIMIT} can be uploaded at once. Put them into one ZIP file"
    if len({name.casefold() for name in names}) < len(names):
        return "have the same name twice"
    zips = [name for name in names if name.lower().endswith(".zip")]
    strange = [name for name in names if not name.lower().endswith((".zip", ".csv"))]
    if strange:
        return f"must be one ZIP file or CSV files; '{strange[0]}' is neither. Save a spreadsheet as CSV first"
    if zips and len(names) > 1:
        return "must be one ZIP file or CSV files, not both"
    return ""


def _write(half: Path, names: list[str], files: Sequence[tuple[str, BinaryIO]]) -> None:
    if half.name == names[0]:
        with half.open("xb") as file:
            shutil.copyfileobj(files[0][1], file, 1 << 20)
        return
    with zipfile.ZipFile(half, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, (_, content) in zip(names, files, strict=True):
            with archive.open(name, "w", force_zip64=True) as entry:
                shutil.copyfileobj(content, entry, 1 << 20)
