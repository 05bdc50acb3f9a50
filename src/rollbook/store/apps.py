"""Tells Django where the models are."""

from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "rollbook.store"
    label = "store"
