"""The addresses of the desk of accounts, and of what everybody may read about their own."""

from django.urls import path

from rollbook.web.accounts import desk, history, rights

urlpatterns = [
    path("accounts/", desk.accounts, name="accounts"),
    path("accounts/new/", desk.new, name="account-new"),
    path("accounts/<int:account>/", desk.account, name="account"),
    path("accounts/<int:account>/edit/", desk.edit, name="account-edit"),
    path("accounts/<int:account>/act/", desk.act, name="account-act"),
    path("accounts/<int:account>/adopt/", desk.join, name="account-adopt"),
    path("accounts/<int:account>/delete/", desk.delete, name="account-delete"),
    path("accounts/<int:account>/rights/", rights.account_rights, name="account-rights"),
    path("me/history/", history.my_history, name="my-history"),
]
