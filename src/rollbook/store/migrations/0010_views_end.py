"""A session knows as whom somebody sees Rollbook in it, so that the end of that is written down even if nobody comes back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0009_rows_arriving")]

    operations = [
        migrations.AddField("session", "viewed", models.BigIntegerField(null=True)),
        migrations.AddField("session", "viewed_until", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "session",
            models.Index(fields=["viewed_until"], condition=models.Q(viewed__isnull=False), name="session_viewing"),
        ),
    ]
