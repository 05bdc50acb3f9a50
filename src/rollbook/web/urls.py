"""The addresses of the screens."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("rollbook.web.accounts.urls")),
    path("", include("rollbook.web.accounts.desk_urls")),
    path("", include("rollbook.web.runs.urls")),
    path("", include("rollbook.web.homes.urls")),
    path("", include("rollbook.web.manage.urls")),
    path("", include("rollbook.web.roster.urls")),
    path("", include("rollbook.web.audit.urls")),
    path("", include("rollbook.web.mail.urls")),
]
