"""The list of accounts, and the audit log by who and by what, find their order in indexes; so do few accounts among many."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0010_views_end")]

    operations = [
        migrations.AddIndex("account", models.Index(fields=["district", "name"], name="account_name")),
        migrations.AddIndex(
            "account", models.Index(fields=["district"], condition=models.Q(by_hand=True), name="account_by_hand")
        ),
        migrations.AddIndex("account", models.Index(fields=["one"], condition=models.Q(one__isnull=False), name="account_one")),
        migrations.AddIndex("auditentry", models.Index(fields=["district", "act", "-at"], name="audit_act")),
        migrations.AddIndex("auditentry", models.Index(fields=["district", "by", "-at"], name="audit_by")),
    ]
