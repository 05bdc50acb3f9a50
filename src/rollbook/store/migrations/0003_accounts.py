"""An account has a kind, a state and rights of its own; what an administrator was becomes rights, in the next step."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0002_audit_is_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountRight",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("right", models.TextField()),
                ("school", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Child",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("student", models.BigIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="account",
            name="before_leaving",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="account",
            name="by_hand",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="account",
            name="email_verified_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="kind",
            field=models.TextField(default="staff"),
        ),
        migrations.AddField(
            model_name="account",
            name="locked_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="must_change_password",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="account",
            name="one",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="person",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="state",
            field=models.TextField(default="active"),
        ),
        migrations.AddField(
            model_name="account",
            name="username",
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="concerns",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="account",
            name="email",
            field=models.EmailField(blank=True, max_length=254),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(fields=["email"], name="account_email"),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(fields=["username"], name="account_called"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["district", "concerns", "-at"], name="audit_whom"),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.UniqueConstraint(fields=("district", "username"), name="account_username"),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.UniqueConstraint(fields=("district", "person", "kind"), name="account_person"),
        ),
        migrations.AddField(
            model_name="accountright",
            name="account",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="accountright",
            name="district",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="store.district"),
        ),
        migrations.AddField(
            model_name="child",
            name="district",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="store.district"),
        ),
        migrations.AddField(
            model_name="child",
            name="guardian",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name="accountright",
            constraint=models.UniqueConstraint(fields=("district", "account", "right", "school"), name="account_right"),
        ),
        migrations.AddConstraint(
            model_name="child",
            constraint=models.UniqueConstraint(fields=("district", "guardian", "student"), name="child_of"),
        ),
    ]
