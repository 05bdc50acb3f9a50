"""Gives every administrator all rights in the whole district, and takes the two old columns away."""

from typing import Any

from django.db import migrations

RIGHTS = ("accounts", "audit", "export", "imports", "rights", "roster", "view_as")


def forwards(apps: Any, schema_editor: Any) -> None:
    accounts = apps.get_model("store", "Account").objects
    accounts.filter(is_active=False).update(state="inactive")
    right = apps.get_model("store", "AccountRight")
    administrators = accounts.filter(is_administrator=True).values_list("pk", "district_id")
    right.objects.bulk_create(
        right(account_id=account, district_id=district, right=name) for account, district in administrators for name in RIGHTS
    )
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or the table cannot be altered in the same transaction


def backwards(apps: Any, schema_editor: Any) -> None:
    accounts = apps.get_model("store", "Account").objects
    accounts.exclude(state="active").update(is_active=False)
    given = apps.get_model("store", "AccountRight").objects.filter(right="imports", school=0)
    accounts.filter(pk__in=given.values("account")).update(is_administrator=True)


class Migration(migrations.Migration):
    dependencies = [("store", "0003_accounts")]

    operations = [
        migrations.RunPython(forwards, backwards),
        migrations.RemoveField(model_name="account", name="is_active"),
        migrations.RemoveField(model_name="account", name="is_administrator"),
    ]
