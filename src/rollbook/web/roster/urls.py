"""The addresses of the roster: a row is named by its source's number and its own key there."""

from django.urls import path

from rollbook.web.roster import views

urlpatterns = [
    path("people/", views.people, name="people"),
    path("people/<int:source>/<path:key>/", views.person, name="person"),
    path("classes/", views.classes, name="classes"),
    path("classes/<int:source>/<path:key>/", views.section, name="class"),
    path("schools/", views.schools, name="schools"),
    path("schools/<int:source>/<path:key>/", views.school, name="school"),
]
