"""Providers by which people sign in, and who they are there."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import rollbook.store.fields


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0006_door"),
    ]

    operations = [
        migrations.CreateModel(
            name="SignInProvider",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.TextField()),
                ("title", models.TextField()),
                ("issuer", models.TextField()),
                ("tenant", models.TextField(blank=True)),
                ("client_id", models.TextField()),
                ("client_secret", rollbook.store.fields.SecretField(blank=True)),
                ("domains", models.JSONField(default=list)),
                ("enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("district", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="store.district")),
            ],
            options={
                "indexes": [models.Index(fields=["district", "enabled"], name="provider_of")],
            },
        ),
        migrations.CreateModel(
            name="Identity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("issuer", models.TextField()),
                ("subject", models.TextField()),
                ("confirmed", models.BooleanField(default=True)),
                ("made_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
                ("district", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="store.district")),
                ("provider", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="store.signinprovider")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("provider", "issuer", "subject"), name="identity_subject")],
            },
        ),
    ]
