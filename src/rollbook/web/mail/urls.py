"""The addresses of the demo's mail."""

from django.urls import path

from rollbook.web.mail import views

urlpatterns = [
    path("mail/", views.mail, name="mail"),
    path("mail/<str:name>/", views.one, name="one-mail"),
    path("mail/<str:name>/html/", views.html, name="mail-html"),
]
