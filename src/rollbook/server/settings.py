"""Django's settings, made from Rollbook's few."""

import gc

from rollbook.server.config import Config

# A start makes half a million objects that all stay. Looking for dead ones among them is a tenth of its time.
gc.set_threshold(50_000, 20, 20)

CONFIG = Config.read()

SECRET_KEY = CONFIG.signing_key
FIELD_KEYS = [key.strip() for key in (CONFIG.field_keys or SECRET_KEY).split(",") if key.strip()]
DATA_DIR = CONFIG.data_dir
PUBLIC_URL = CONFIG.public_url.rstrip("/")
DEMO = CONFIG.demo
ALLOWED_NETWORKS = [entry.strip() for entry in CONFIG.allowed_networks.split(",") if entry.strip()]
DEBUG = False

DATABASES = {"default": CONFIG.database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "store.Account"
AUTHENTICATION_BACKENDS = ["rollbook.actions.accounts.Backend"]
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # two districts may have the same username
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "heroicons",
    "rollbook.store",
    "rollbook.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "rollbook.web.middleware.Doorkeeper",
    "rollbook.web.accounts.owed.StillOwed",
]
ROOT_URLCONF = "rollbook.server.urls"
WSGI_APPLICATION = "rollbook.server.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "rollbook.web.context.everywhere",
            ],
            "builtins": [
                "heroicons.templatetags.heroicons",
                "django_htmx.templatetags.django_htmx",
                "rollbook.web.templatetags.words",
            ],
        },
    }
]

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", CONFIG.public_host]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}
_HTTPS = PUBLIC_URL.startswith("https:")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_NAME = "rollbook_session"
CSRF_COOKIE_NAME = "rollbook_csrf"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # from the package itself: nothing is collected, so there is no folder to make
FILE_UPLOAD_HANDLERS = ["rollbook.web.manage.receiving.Bounded"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

DEFAULT_FROM_EMAIL = SERVER_EMAIL = CONFIG.email_from
MAILERS = {"default": CONFIG.mailer}
MAIL_FOLDER = CONFIG.mailer.get("OPTIONS", {}).get("folder")  # where mail is kept as files, if it is

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
