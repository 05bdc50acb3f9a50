"""Makes the database refuse the two ways past the triggers of `0002`: to empty the whole audit log, and to put an entry over another.

On PostgreSQL TRUNCATE removes rows without a trigger for each of them. On SQLite REPLACE removes the row that is in its way without
telling the trigger for DELETE, unless the connection asks for that. What `0002` says of migrations that alter the table holds here.
"""

from typing import Any

from django.db import migrations

SQLITE = [
    "CREATE TRIGGER audit_refuses_replace BEFORE INSERT ON store_auditentry "
    "WHEN EXISTS (SELECT 1 FROM store_auditentry WHERE id = NEW.id) "
    "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
]
SQLITE_BACK = ["DROP TRIGGER IF EXISTS audit_refuses_replace"]

POSTGRESQL = [
    "CREATE TRIGGER audit_refuses_truncate BEFORE TRUNCATE ON store_auditentry FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()"
]
POSTGRESQL_BACK = ["DROP TRIGGER IF EXISTS audit_refuses_truncate ON store_auditentry"]


def forwards(apps: Any, schema_editor: Any) -> None:
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement)


def backwards(apps: Any, schema_editor: Any) -> None:
    for statement in SQLITE_BACK if schema_editor.connection.vendor == "sqlite" else POSTGRESQL_BACK:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0011_accounts_by_name")]

    operations = [migrations.RunPython(forwards, backwards, elidable=False)]
