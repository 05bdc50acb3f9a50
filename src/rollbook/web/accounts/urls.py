"""The addresses of first start and sign-in."""

from django.urls import path

from rollbook.web.accounts import views

urlpatterns = [
    path("first-start/", views.first_start, name="first-start"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
]
