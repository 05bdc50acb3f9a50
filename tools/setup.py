"""Makes the environment that everything else here runs in, and says nothing when there is nothing to do.

Runs on a bare Python, before anything is installed: standard library only.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests import installed

ROOT = Path(__file__).resolve().parent.parent
QUIET = ("-qq", "--no-input", "--disable-pip-version-check")


def environment(folder: str, requirements: str, *, project: bool) -> None:
    """Bring a virtual environment to exactly the locked requirements, with the project itself in it if wanted."""
    venv = ROOT / folder
    stamp = venv / "made-from"
    wanted = fingerprint(requirements)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"Installing requirements/{requirements} into {folder}; the first time takes a minute or two.", flush=True)
    stamp.unlink(missing_ok=True)
    python, uv = venv / "bin" / "python", shutil.which("uv")
    if not works(python):
        make = (uv, "venv", "--quiet", "--seed", "--python", sys.executable) if uv else (sys.executable, "-m", "venv")
        run(*make, "--clear", venv)
    pip = (uv, "pip", "install", "--quiet", "--python", python) if uv else (python, "-m", "pip", "install", *QUIET)
    run(*pip, "--require-hashes", "-r", ROOT / "requirements" / requirements)
    if project:
        run(*pip, "--no-deps", "--no-build-isolation", "-e", ROOT)
    stamp.write_text(wanted)


def fingerprint(requirements: str) -> str:
    """Digest of everything that the environment is made from; the folder too, since scripts in it name their place."""
    sources = [ROOT / "requirements" / requirements, ROOT / "requirements" / "app.in", ROOT / "pyproject.toml"]
    digest = hashlib.sha256(str(ROOT).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def works(python: Path) -> bool:
    """Whether this is an interpreter that Rollbook can run on; not so after the folder or the system's Python moved."""
    try:
        return subprocess.run([python, "-c", "import sys; sys.exit(sys.version_info < (3, 12))"], check=False).returncode == 0
    except OSError:
        return False


def programs() -> None:
    """Install what the tests need and Python does not bring, where Debian's packages can be had; else say what is missing."""
    missing: dict[str, tuple[str, ...]] = {}
    if not installed.chromium():
        missing["Chromium, for the browser tests"] = ("chromium", "fonts-liberation")
    if not installed.postgres():
        missing["PostgreSQL, for the tests on that database"] = ("postgresql",)
    every = [package for packages in missing.values() for package in packages]
    # The Chromium that never had a window is the quicker one. Older releases of Debian do not have it.
    quick = ["chromium-headless-shell" if package == "chromium" else package for package in every]
    if missing and not apt(quick) and (quick == every or not apt(every)):
        for what, packages in missing.items():
            print(f"Missing: {what} (on Debian: apt-get install {' '.join(packages)}).", flush=True)


def apt(packages: list[str]) -> bool:
    """Install Debian's packages as root or through a sudo that asks nothing; return whether that went well."""
    if not shutil.which("apt-get"):
        return False
    root: list[str] = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and (not shutil.which("sudo") or subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode):
        return False
    print(f"Installing Debian's {', '.join(packages)}.", flush=True)
    command = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    subprocess.run([*command, "update"], stdout=subprocess.DEVNULL, check=False)  # an old list may do; install decides
    install = [*command, "install", "--yes", "--no-install-recommends", *packages]
    return subprocess.run(install, stdout=subprocess.DEVNULL, check=False).returncode == 0


def run(*command: str | Path) -> None:
    """Run one command; if it fails, its own words stand above ours."""
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"Setup stopped at: {' '.join(map(str, command))}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["python"]:
            environment(".venv", "dev.txt", project=True)
        case ["bench"]:
            environment(".venv-bench", "bench.txt", project=False)
        case []:
            environment(".venv", "dev.txt", project=True)
            programs()
        case _:
            sys.exit("python -m tools.setup [python | bench]")
