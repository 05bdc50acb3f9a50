"""The addresses of what is one's own."""

from django.urls import path

from rollbook.web.homes import views

urlpatterns = [
    path("my/classes/<int:source>/<path:key>/", views.section, name="my-class"),
]
