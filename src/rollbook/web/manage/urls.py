"""The addresses of the Import Manager: a source is named by its number."""

from django.urls import path

from rollbook.web.manage import limits, powerschool, views

urlpatterns = [
    path("manage/", views.start_page, name="settings"),
    path("manage/new/", views.new, name="source-new"),
    path("manage/<int:source>/settings/", views.settings, name="source-settings"),
    path("manage/<int:source>/method/<str:kind>/", views.method, name="source-method"),
    path("manage/<int:source>/enable/", views.enable, name="source-enable"),
    path("manage/<int:source>/disable/", views.disable, name="source-disable"),
    path("manage/<int:source>/setup/", views.setup, name="source-setup"),
    path("manage/<int:source>/plugin.zip", powerschool.package, name="source-plugin"),
    path("manage/<int:source>/plugin.xml", powerschool.description, name="source-plugin-xml"),
    path("manage/<int:source>/devices/", powerschool.devices, name="source-devices"),
    path("manage/<int:source>/upload/", views.upload, name="source-upload"),
    path("manage/<int:source>/import/", views.imports, name="source-import"),
    path("manage/<int:source>/start/", views.start, name="source-start"),
    path("manage/<int:source>/limits/", limits.limits, name="limits"),
]
