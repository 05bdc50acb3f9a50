"""Makes the database itself refuse to change or remove an entry of the audit log.

On SQLite a later migration that alters `store_auditentry` builds the table anew, and triggers go with the old one: such a migration
has to make them again. A test looks whether they are there after all migrations.
"""

from typing import Any

from django.db import migrations

SQLITE = [
    f"CREATE TRIGGER audit_refuses_{act.lower()} BEFORE {act} ON store_auditentry "
    "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    for act in ("UPDATE", "DELETE")
]
SQLITE_BACK = [f"DROP TRIGGER IF EXISTS audit_refuses_{act}" for act in ("update", "delete")]

POSTGRESQL = [
    "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$",
    "CREATE TRIGGER audit_refuses BEFORE UPDATE OR DELETE ON store_auditentry FOR EACH ROW EXECUTE FUNCTION audit_refuses()",
]
POSTGRESQL_BACK = [
    "DROP TRIGGER IF EXISTS audit_refuses ON store_auditentry",
    "DROP FUNCTION IF EXISTS audit_refuses()",
]


def forwards(apps: Any, schema_editor: Any) -> None:
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement)


def backwards(apps: Any, schema_editor: Any) -> None:
    for statement in SQLITE_BACK if schema_editor.connection.vendor == "sqlite" else POSTGRESQL_BACK:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0001_first")]

    operations = [migrations.RunPython(forwards, backwards, elidable=False)]
