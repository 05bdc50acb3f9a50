"""Finds the programs that tests need and Python does not bring. Standard library only: setup asks before pytest is there."""

import shutil
import subprocess
from pathlib import Path

#: The first is the best: a Chromium that never had a window takes two thirds of the time of one that only hides it.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSER = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def chromium() -> str | None:
    """Path of a Chromium or Chrome."""
    return next((path for path in map(shutil.which, (*BROWSERS, MAC_BROWSER)) if path), None)


def postgres() -> Path | None:
    """Folder with the programs of a PostgreSQL server, which Debian keeps off the PATH; the newest if there are several."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    if found := shutil.which("initdb"):
        folders.append(Path(found).parent)
    if shutil.which("pg_config"):
        answer = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False)
        folders.append(Path(answer.stdout.strip()))
    return next((folder for folder in folders if all((folder / name).exists() for name in ("initdb", "pg_ctl"))), None)
