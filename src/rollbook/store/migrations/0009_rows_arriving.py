"""How many rows of what a source is asked for have come."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0008_accounts_at_once")]

    operations = [migrations.AddField("run", "arriving", models.JSONField(default=list))]
