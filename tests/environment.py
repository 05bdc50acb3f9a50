"""Gives every test process a database, a data folder and a key of its own, before Django looks for its settings.

A plugin and not a conftest: pytest-django reads the settings in `pytest_load_initial_conftests`, and pytest imports
conftest files only at the end of that hook. `addopts` names this module with -p, so it is there in time, in workers, too.
"""

import os
import tempfile
from pathlib import Path

import pytest

from tests import postgres

DATABASE = os.environ.get("ROLLBOOK_TEST_DATABASE", "sqlite")  # or "postgres"; `make test` runs both
CI = os.environ.get("CI", "").lower() in ("true", "1")
NO_POSTGRES = "there is no PostgreSQL here; `make setup` installs it or says how"

FOLDER = tempfile.TemporaryDirectory(prefix="rollbook-test-")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    for name in [name for name in os.environ if name.startswith("ROLLBOOK_") and not name.startswith("ROLLBOOK_TEST_")]:
        del os.environ[name]  # a developer's own settings are no business of the tests
    folder = Path(FOLDER.name)
    os.environ["ROLLBOOK_DATA_DIR"] = str(folder)
    os.environ["ROLLBOOK_SECRET_KEY"] = "for tests only, and the same in every worker"
    os.environ["ROLLBOOK_EMAIL_URL"] = f"file://{folder}/mail"
    os.environ["ROLLBOOK_DATABASE_URL"] = f"sqlite:///{folder}/rollbook.sqlite3"
    if DATABASE not in ("sqlite", "postgres"):
        raise pytest.UsageError(f"ROLLBOOK_TEST_DATABASE is {DATABASE!r}; it may be sqlite or postgres")
    if DATABASE == "postgres":
        if address := postgres.address():
            os.environ["ROLLBOOK_DATABASE_URL"] = address
        elif CI:
            raise pytest.UsageError(NO_POSTGRES)
