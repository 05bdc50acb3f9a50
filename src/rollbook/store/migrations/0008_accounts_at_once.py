"""A hundred thousand accounts come in at once: no look-up of their district for each of them, and indexes that can wait."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0007_providers")]

    operations = [
        migrations.AlterField(
            "account",
            "district",
            models.ForeignKey(
                db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, to="store.district"
            ),
        ),
        migrations.RemoveConstraint("account", "account_username"),
        migrations.RemoveConstraint("account", "account_person"),
        migrations.AddConstraint("account", models.UniqueConstraint("username", "district", name="account_username")),
        migrations.AddConstraint("account", models.UniqueConstraint("district", "person", "kind", name="account_person")),
    ]
