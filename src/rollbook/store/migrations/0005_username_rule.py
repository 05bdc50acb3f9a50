"""Accounts of the roster get usernames by a rule of their district, and no name twice."""

import django.db.models.deletion
from django.db import migrations, models

from rollbook.store.fields import KeyField


class Migration(migrations.Migration):
    dependencies = [("store", "0004_rights_for_administrators")]

    operations = [
        migrations.AddField("district", "username_rule", models.TextField(default="source")),
        migrations.AddField("source", "followed", models.BooleanField(default=False)),
        migrations.RemoveConstraint("account", "account_username"),
        migrations.RemoveIndex("account", "account_called"),
        migrations.AlterField("account", "username", KeyField(null=True)),
        migrations.AddConstraint("account", models.UniqueConstraint(fields=["username", "district"], name="account_username")),
        migrations.AddField("account", "wanted", KeyField(null=True)),
        migrations.AlterField(
            "account",
            "district",
            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="store.district", db_index=False),
        ),
        migrations.AddIndex(
            "account",
            models.Index(fields=["district"], condition=models.Q(wanted__isnull=False), name="account_wanted"),
        ),
        migrations.CreateModel(
            name="FormerUsername",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("username", KeyField()),
                ("account", models.BigIntegerField()),
                (
                    "district",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="store.district", db_index=False),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("district", "username"), name="former_username")]},
        ),
    ]
