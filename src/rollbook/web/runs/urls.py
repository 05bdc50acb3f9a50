"""The addresses of Home and of imports."""

from django.urls import path

from rollbook.web.runs import answers, home, views

urlpatterns = [
    path("", home.home, name="home"),
    path("imports/", home.imports, name="imports"),
    path("imports/<int:number>/", views.show, name="import"),
    path("imports/<int:number>/progress/", views.progress, name="import-progress"),
    path("imports/<int:number>/changes.csv", views.changes_csv, name="import-changes-csv"),
    path("imports/<int:number>/findings.csv", views.findings_csv, name="import-findings-csv"),
    path("imports/<int:number>/approve/", answers.approve, name="import-approve"),
    path("imports/<int:number>/reject/", answers.reject, name="import-reject"),
    path("imports/<int:number>/again/", answers.again, name="import-again"),
    path("imports/<int:number>/undo/", answers.undo, name="import-undo"),
    path("imports/<int:number>/<slug:tab>/", views.show, name="import-tab"),
]
