"""Tells Django where templates and static files are."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "rollbook.web"
    label = "web"
