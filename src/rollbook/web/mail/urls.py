"""The addresses of these screens."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
