"""The fear that a new version of Rollbook shuts somebody out, or lets somebody in."""

import json
import os
import subprocess
import sys
from pathlib import Path

#: What an installation of before holds: an administrator, a colleague, and an administrator who has left.
STORY = """
import json, django
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.core.management import call_command

call_command("migrate", "store", "0002", verbosity=0)
before = MigrationExecutor(connection).loader.project_state([("store", "0002_audit_is_append_only")]).apps
district = before.get_model("store", "District").objects.create(name="Maple Grove")
for name, administrator, active in (("ada", True, True), ("ben", False, True), ("kim", True, False)):
    before.get_model("store", "Account").objects.create(
        district=district, email=f"{name}@maple.example", is_administrator=administrator, is_active=active
    )
call_command("migrate", verbosity=0)

from rollbook.actions.actor import of_account
from rollbook.store.models import Account
print(json.dumps({each.email[:3]: [each.state, sorted(of_account(each).rights)] for each in Account.objects.all()}))
"""


def test_administrators_stay_administrators_and_nobody_else_becomes_one(empty_database: str, tmp_path: Path) -> None:
    known = {
        "ROLLBOOK_DATABASE_URL": empty_database,
        "ROLLBOOK_DATA_DIR": str(tmp_path),
        "ROLLBOOK_SECRET_KEY": "for one test",
        "DJANGO_SETTINGS_MODULE": "rollbook.server.settings",
    }
    told = subprocess.run(
        [sys.executable, "-c", STORY], env={**os.environ, **known}, capture_output=True, text=True, check=False, timeout=120
    )

    assert told.returncode == 0, told.stderr
    rights = ["accounts", "audit", "export", "imports", "rights", "roster", "view_as"]
    assert json.loads(told.stdout) == {"ada": ["active", rights], "ben": ["active", []], "kim": ["inactive", []]}
