"""One settings file; the environment is read here and nowhere else. Every variable is described in `.env.example`."""

import secrets
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from config.base.logs import logging_config
from config.reporting import begin_sentry

# Lets `ModelForm[User]` and the like be written where Django's classes take no types at run time.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- Ground -----------------------------------------------------------------------------------------------------------
DEBUG: bool = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var")))
SECRET_KEY: str = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "Set SECRET_KEY (for example: python -c 'import secrets; print(secrets.token_urlsafe(50))')."
        )
    SECRET_KEY = secrets.token_urlsafe(50)
# Earlier ones: what they signed (links, digests of API keys) stays good while it is listed.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
# Encrypt what is kept secret in the database, newest first; the older ones still decrypt, and so does SECRET_KEY.
ENCRYPTION_KEYS: list[str] = env.list("ENCRYPTION_KEYS", default=[])
# The address that people and mails use, without a trailing slash.
PUBLIC_URL: str = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# True only for a server that listens on loopback: demo accounts and the development mailbox depend on it.
LOOPBACK_ONLY: bool = env.bool("LOOPBACK_ONLY", default=False)

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "template_partials.apps.SimpleAppConfig",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "accounts.sessions_app.SessionsConfig",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.apple",
    "allauth.socialaccount.providers.google",
    "allauth.headless",
    "django_dramatiq",
    "corsheaders",
    "csp",
    "djstripe",
    "config",
    "accounts",
    "billing",
    "gallery",
    "generation",
]

MIDDLEWARE = [
    "config.observability.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.headers.HeadersMiddleware",
    "config.headers.BodyLimitMiddleware",
    "config.limits.AddressLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.limits.PersonLimitMiddleware",
    "accounts.impersonation_middleware.SignInAsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.SessionMiddleware",
    "accounts.middleware.CompanyMiddleware",
    "accounts.middleware.EndingMiddleware",
    "config.event_ticket.EventTicketMiddleware",
    "config.base.refusal_pages.RefusalMiddleware",
]

_loaders = [
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [("django.template.loaders.cached.Loader", _loaders)] if not DEBUG else _loaders,
                )
            ],
            "builtins": [
                "template_partials.templatetags.partials",
                "django.templatetags.i18n",
                "django.templatetags.static",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Database, Redis, queue -------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres://darkroom@127.0.0.1:5432/darkroom")}
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"]["OPTIONS"] = {
    "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL_SIZE", default=12), "timeout": 10},
}

REDIS_URL: str = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.str("CACHE_URL", default=REDIS_URL),
        "KEY_PREFIX": "cache",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

DRAMATIQ_BROKER = {
    "BROKER": "dramatiq.brokers.redis.RedisBroker",
    # A worker that was killed gives its messages back within seconds (the defaults take minutes).
    "OPTIONS": {"url": REDIS_URL, "maintenance_chance": 200_000, "heartbeat_timeout": 8_000},
    "MIDDLEWARE": [
        "dramatiq.middleware.AgeLimit",
        "dramatiq.middleware.TimeLimit",
        "dramatiq.middleware.ShutdownNotifications",
        "dramatiq.middleware.Callbacks",
        "dramatiq.middleware.Retries",
        "django_dramatiq.middleware.DbConnectionsMiddleware",
        "config.worker.HeartbeatMiddleware",
        "config.worker.LogsMiddleware",
    ],
}
DRAMATIQ_AUTODISCOVER_MODULES = ["actors"]

# --- People -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
# The address is unique by a constraint that ignores case, which the check does not see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
# What new passwords are hashed with; an older hash is made anew when its person signs in. bcrypt has cost 12; argon2
# (Argon2id) takes 100 MB of memory for each sign-in that is under way.
_hashers = {
    "bcrypt": "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
    "argon2": "django.contrib.auth.hashers.Argon2PasswordHasher",
}
if (PASSWORD_HASHER := env.str("PASSWORD_HASHER", default="bcrypt")) not in _hashers:
    raise ImproperlyConfigured("PASSWORD_HASHER is bcrypt or argon2.")
PASSWORD_HASHERS = [
    _hashers.pop(PASSWORD_HASHER),
    *_hashers.values(),
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = reverse_lazy("login")
LOGIN_REDIRECT_URL = reverse_lazy("generate")
LOGOUT_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PUBLIC_URL.startswith("https") else "http"
ACCOUNT_FORMS = {
    "signup": "accounts.forms.SignupForm",
    "login": "accounts.forms.LoginForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "add_email": "accounts.security_forms.ChangeEmailForm",
    "reauthenticate": "accounts.security_forms.PasswordAgainForm",
}
# A new address counts once it is confirmed; whatever changes how one signs in asks who is there, and is told by mail.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_NOTIFICATIONS = True

MFA_ADAPTER = "accounts.mfa_adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Darkroom"
# The clock of a telephone may be half a minute off, either way.
MFA_TOTP_TOLERANCE = 1
# Nobody signs in before the first address is confirmed; a second one that waits to be must not lock the person out.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "accounts.security_forms.CodeForm",
    "reauthenticate": "accounts.security_forms.CodeAgainForm",
    "activate_totp": "accounts.security_forms.ActivateAppForm",
    "add_webauthn": "accounts.security_forms.AddPasskeyForm",
    "edit_webauthn": "accounts.security_forms.NamePasskeyForm",
}

# Signing in elsewhere: each is offered once its keys are here.
SOCIALACCOUNT_ADAPTER = "accounts.social_adapter.SocialAdapter"
SOCIALACCOUNT_PROVIDERS: dict[str, dict[str, Any]] = {}
if GOOGLE_CLIENT_ID := env.str("GOOGLE_CLIENT_ID", default=""):
    SOCIALACCOUNT_PROVIDERS["google"] = {
        "APPS": [{"client_id": GOOGLE_CLIENT_ID, "secret": env.str("GOOGLE_CLIENT_SECRET"), "key": ""}],
        "SCOPE": ["profile", "email"],
        "AUTH_PARAMS": {"prompt": "select_account"},
        "OAUTH_PKCE_ENABLED": True,
    }
if APPLE_CLIENT_ID := env.str("APPLE_CLIENT_ID", default=""):
    SOCIALACCOUNT_PROVIDERS["apple"] = {
        "APPS": [
            {
                "client_id": APPLE_CLIENT_ID,
                "secret": env.str("APPLE_KEY_ID"),
                "key": env.str("APPLE_TEAM_ID"),
                "settings": {"certificate_key": env.str("APPLE_PRIVATE_KEY").replace("\\n", "\n")},
            }
        ]
    }
# A form that leads there is let go there.
_SOCIAL_ORIGINS = {"google": "https://accounts.google.com", "apple": "https://appleid.apple.com"}
SOCIAL_ORIGINS: list[str] = [_SOCIAL_ORIGINS[name] for name in SOCIALACCOUNT_PROVIDERS]
# How long a sign-up in one browser waits for its mail to be opened; afterwards the person signs in by hand.
ACCOUNT_LOGIN_TIMEOUT = 60 * 60
# Beside allauth's own limits for signing in and up: one verification mail a minute to an address.
ACCOUNT_RATE_LIMITS = {"confirm_email": "1/m/key", "verify_email": "30/m/ip", "refresh": "60/m/ip", "mfa": "30/m/ip"}
# How long a deleted account can be taken back, and how long a copy of one's data can be fetched.
DELETION_GRACE = timedelta(days=env.int("DELETION_GRACE_DAYS", default=14))
EXPORT_LIFETIME = timedelta(days=7)
# How many proxies of ours stand in front (0: none, the address of the connection is the visitor's).
ALLAUTH_TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXY_COUNT", default=0)

HEADLESS_CLIENTS = ("app",)
# Links in mails lead to the public address, whatever host the request named.
HEADLESS_FRONTEND_URLS = {
    "account_confirm_email": f"{PUBLIC_URL}/verify-email/{{key}}",
    "account_reset_password": f"{PUBLIC_URL}/reset-password",
    "account_reset_password_from_key": f"{PUBLIC_URL}/reset-password/{{key}}",
    "account_signup": f"{PUBLIC_URL}/register",
}
HEADLESS_TOKEN_STRATEGY = "accounts.tokens.TokenStrategy"
HEADLESS_JWT_ALGORITHM = "HS256"
HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = 15 * 60
HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN = 7 * 24 * 60 * 60
HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True

# --- Mail -------------------------------------------------------------------------------------------------------------
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="filemail://" if DEBUG else "smtp://localhost:25")
vars().update(EMAIL_CONFIG)
if DEBUG and not env.str("EMAIL_URL", default=""):
    # Written to files that `/dev/mail` shows.
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(DATA_DIR / "mail")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="Darkroom <hello@darkroom.local>")

# --- Files ------------------------------------------------------------------------------------------------------------
MEDIA_ROOT = str(DATA_DIR / "media")
# Whether `collectstatic` has run; else static files are found where they lie, one by one.
STATIC_BUILT: bool = env.bool("STATIC_BUILT", default=not DEBUG)
# With a bucket, pictures lie there (any S3-compatible store) instead of in MEDIA_ROOT.
AWS_STORAGE_BUCKET_NAME: str = env.str("AWS_STORAGE_BUCKET_NAME", default="")
AWS_S3_ENDPOINT_URL: str | None = env.str("AWS_S3_ENDPOINT_URL", default="") or None
AWS_S3_REGION_NAME: str | None = env.str("AWS_S3_REGION_NAME", default="") or None
AWS_S3_CUSTOM_DOMAIN: str = env.str("AWS_S3_CUSTOM_DOMAIN", default="")
AWS_CLOUDFRONT_KEY_ID: str = env.str("AWS_CLOUDFRONT_KEY_ID", default="")
AWS_CLOUDFRONT_KEY: str = env.str("AWS_CLOUDFRONT_KEY", default="").replace("\\n", "\n")
if AWS_S3_CUSTOM_DOMAIN and not AWS_CLOUDFRONT_KEY_ID:
    raise ImproperlyConfigured(
        "AWS_S3_CUSTOM_DOMAIN needs AWS_CLOUDFRONT_KEY_ID and AWS_CLOUDFRONT_KEY: without a signature every file there "
        "would be open to everybody. Another cache goes in front of us: CDN_URL."
    )
# How the bucket encrypts what is put: AES256, aws:kms, or empty where the store cannot.
_encryption: str = env.str("AWS_S3_ENCRYPTION", default="AES256")
_bucket = {
    "BACKEND": "config.base.bucket.Bucket",
    "OPTIONS": {
        "bucket_name": AWS_STORAGE_BUCKET_NAME,
        "public_endpoint_url": env.str("AWS_S3_PUBLIC_ENDPOINT_URL", default=""),
        "object_parameters": {"ServerSideEncryption": _encryption} if _encryption else {},
        "signature_version": "s3v4",
        # Larger files are read into a temporary file instead of into memory.
        "max_memory_size": 8 * 1024 * 1024,
    },
}
_disk = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    # A second attempt at a job replaces the files of the first.
    "OPTIONS": {"location": MEDIA_ROOT, "allow_overwrite": True},
}
STORAGES = {
    "default": _bucket if AWS_STORAGE_BUCKET_NAME else _disk,
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_BUILT
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
STATIC_URL = "/static/"
STATIC_ROOT = str(BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not STATIC_BUILT
UPLOAD_MAX_BYTES: int = env.int("UPLOAD_MAX_BYTES", default=10 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
# A form with a file in it: the largest file, and as much beside it as a form without one may have.
UPLOAD_BODY_MAX_BYTES = UPLOAD_MAX_BYTES + DATA_UPLOAD_MAX_MEMORY_SIZE
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# Sites that pictures may be fetched from, as images.example or *.example; none: people cannot fetch.
IMPORT_ALLOWED_HOSTS: list[str] = env.list("IMPORT_ALLOWED_HOSTS", default=[])
IMPORT_SECONDS: float = env.float("IMPORT_SECONDS", default=15.0)
# Whether http and this machine itself may be fetched from; for tests of ours, hence in no environment.
IMPORT_LOOPBACK_ALLOWED = False
# ClamAV looks at every upload before it is decoded: tcp://host:3310 or unix:///path/of/clamd.sock; empty: none does.
CLAMAV_URL: str = env.str("CLAMAV_URL", default="")
# How long a signed file address works, at most; the expiry is rounded so that browsers can cache.
FILE_URL_LIFETIME = timedelta(hours=2)
BIN_LIFETIME = timedelta(days=30)
MASK_LIFETIME = timedelta(days=30)
# The path under which nginx gives the local files to whom we send there (`X-Accel-Redirect`); empty: we read them.
FILES_ACCEL_PREFIX: str = env.str("FILES_ACCEL_PREFIX", default="").rstrip("/")
# A cache in front of file addresses, as https://cdn.example; it fetches from us what it does not have.
CDN_URL: str = env.str("CDN_URL", default="").rstrip("/")
# Who signs what is made (C2PA): certificates, the signer's first, and its key, each as PEM or as the path of a PEM
# file. Without them a certificate of our own is made at first use and kept in DATA_DIR.
C2PA_CERT: str = env.str("C2PA_CERT", default="")
C2PA_KEY: str = env.str("C2PA_KEY", default="")
# Where pages find pictures, beside ourselves.
FILE_ORIGINS: list[str] = [CDN_URL] if CDN_URL else []
if AWS_STORAGE_BUCKET_NAME and not CDN_URL:
    _public = env.str("AWS_S3_PUBLIC_ENDPOINT_URL", default="") or AWS_S3_ENDPOINT_URL
    _hosts = (f"s3.{AWS_S3_REGION_NAME or 'us-east-1'}.amazonaws.com", "s3.amazonaws.com")
    _amazon = [f"https://{AWS_STORAGE_BUCKET_NAME}.{host}" for host in _hosts]
    FILE_ORIGINS = [f"https://{AWS_S3_CUSTOM_DOMAIN}"] if AWS_S3_CUSTOM_DOMAIN else [_public] if _public else _amazon
# Whether browsers fetch from the bucket itself, by its own signed addresses, instead of through us.
FILES_DIRECT: bool = bool(AWS_STORAGE_BUCKET_NAME) and not CDN_URL and env.bool("FILES_DIRECT", default=True)

# --- Generation -------------------------------------------------------------------------------------------------------
PROMPT_MAX_LENGTH = 4000
# Whether providers can reach PUBLIC_URL; else their jobs are looked at by the clock.
PROVIDER_WEBHOOKS: bool = env.bool("PROVIDER_WEBHOOKS", default=bool(env.str("PUBLIC_URL", default="")))
# How long a worker that says nothing is believed to live, and how long a submit to a provider whose outcome nobody
# knows is looked for before the credits return.
JOB_LEASE = timedelta(seconds=env.int("JOB_LEASE_SECONDS", default=20))
JOB_UNKNOWN = timedelta(seconds=env.int("JOB_UNKNOWN_SECONDS", default=600))
# With a key fal's models are offered. The addresses may name a gateway; outputs come from its FAL_CDN_URL alone then.
FAL_KEY: str = env.str("FAL_KEY", default="")
FAL_QUEUE_URL: str = env.str("FAL_QUEUE_URL", default="https://queue.fal.run")
FAL_REST_URL: str = env.str("FAL_REST_URL", default="https://rest.fal.ai")
FAL_CDN_URL: str = env.str("FAL_CDN_URL", default="https://v3.fal.media")
# Where fal publishes prices and schemas: `sync_catalogue --refresh fal` reads them.
FAL_API_URL: str = env.str("FAL_API_URL", default="https://api.fal.ai")
FAL_WEB_URL: str = env.str("FAL_WEB_URL", default="https://fal.ai")
# The other providers: with a key its models are offered; the address may name a gateway.
REPLICATE_API_TOKEN: str = env.str("REPLICATE_API_TOKEN", default="")
REPLICATE_BASE_URL: str = env.str("REPLICATE_BASE_URL", default="https://api.replicate.com")
OPENAI_API_KEY: str = env.str("OPENAI_API_KEY", default="")
OPENAI_BASE_URL: str = env.str("OPENAI_BASE_URL", default="https://api.openai.com/v1")
STABILITY_API_KEY: str = env.str("STABILITY_API_KEY", default="")
STABILITY_BASE_URL: str = env.str("STABILITY_BASE_URL", default="https://api.stability.ai")
TOGETHER_API_KEY: str = env.str("TOGETHER_API_KEY", default="")
TOGETHER_BASE_URL: str = env.str("TOGETHER_BASE_URL", default="https://api.together.xyz")
# The language model that enhances prompts, at OpenAI or else at Together, by whose key is set; empty: a small one.
ENHANCER_MODEL: str = env.str("ENHANCER_MODEL", default="")

# --- Money ------------------------------------------------------------------------------------------------------------
# The one currency in which everything is priced, as ISO 4217.
CURRENCY: str = env.str("CURRENCY", default="USD").upper()
# With a secret key people can pay; without one DEBUG has test money, and production says that payments are not set up.
STRIPE_SECRET_KEY: str = env.str("STRIPE_SECRET_KEY", default="")
# The signing secret of the webhook endpoint, where it was made by hand; `sync_stripe` makes one and keeps its secret.
STRIPE_WEBHOOK_SECRET: str = env.str("STRIPE_WEBHOOK_SECRET", default="")
# In which version of its API Stripe answers us: objects are read in this shape.
STRIPE_API_VERSION = "2026-05-27.dahlia"
if env.str("STRIPE_API_HOST", default=""):
    # A gateway in Stripe's place.
    STRIPE_API_HOST: str = env.str("STRIPE_API_HOST").rstrip("/")
# Whether Stripe adds taxes (it must be set up there), and whether Checkout takes promotion codes.
STRIPE_TAX: bool = env.bool("STRIPE_TAX", default=False)
STRIPE_PROMOTION_CODES: bool = env.bool("STRIPE_PROMOTION_CODES", default=True)
STRIPE_LIVE_MODE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
STRIPE_TEST_SECRET_KEY = "" if STRIPE_LIVE_MODE else STRIPE_SECRET_KEY
STRIPE_LIVE_SECRET_KEY = STRIPE_SECRET_KEY if STRIPE_LIVE_MODE else ""
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
DJSTRIPE_SUBSCRIBER_MODEL = "accounts.Company"
DJSTRIPE_SUBSCRIBER_MODEL_MIGRATION_DEPENDENCY = "0001_initial"
# Its tables in one step: its own history takes 40 s to walk through (docs/adr/0005).
MIGRATION_MODULES = {"djstripe": "billing.djstripe_migrations"}
# How long a company keeps its plan after a payment failed.
PAST_DUE_GRACE = timedelta(days=env.int("PAST_DUE_GRACE_DAYS", default=7))
# Adjustments of more credits than this need a second operator; empty: none does.
TWO_PERSON_CREDITS: int | None = env.int("TWO_PERSON_CREDITS", default=0) or None

# --- Language and time ------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "UTC"
USE_TZ = True

# --- API --------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.JWTAuthentication",
        "accounts.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttling.KeyThrottle", "config.throttling.PersonThrottle"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "config.base.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.base.problem.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Darkroom API",
    "DESCRIPTION": "Make and keep pictures, videos and 3D models. What a page can do, over the same services.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "AssetKind": "gallery.models.Asset.Kind",
        "CompanyKind": "accounts.models.Company.Kind",
        "ExportState": "accounts.models.DataExport.State",
        "JobState": "generation.models.Job.State",
        "LedgerEntryKind": "billing.models.LedgerEntry.Kind",
        "PaymentKind": "billing.models.Payment.Kind",
        "PaymentState": "billing.models.Payment.State",
    },
}

# --- Limits -----------------------------------------------------------------------------------------------------------
# How often in how many seconds, counted in Redis (see `config.base.limits`); 0 switches one off.
RATE_LIMITS: dict[str, tuple[int, int]] = {
    "address": (env.int("RATE_LIMIT_ADDRESS", default=100), 60),
    "person": (env.int("RATE_LIMIT_PERSON", default=1000), 60 * 60),
    "key": (env.int("RATE_LIMIT_KEY", default=600), 60 * 60),
    "key_failures": (env.int("RATE_LIMIT_KEY_FAILURES", default=20), 60),
    "uploads": (env.int("RATE_LIMIT_UPLOADS", default=10), 60),
    "processing": (env.int("RATE_LIMIT_PROCESSING", default=100), 60 * 60),
    "downloads": (env.int("RATE_LIMIT_DOWNLOADS", default=1000), 60 * 60),
    "enhance": (env.int("RATE_LIMIT_ENHANCE", default=20), 60),
    "invitations": (env.int("RATE_LIMIT_INVITATIONS", default=30), 60 * 60),
    "buying": (env.int("RATE_LIMIT_BUYING", default=60), 60 * 60),
    "enquiries": (env.int("RATE_LIMIT_ENQUIRIES", default=5), 60 * 60),
    "completions": (env.int("RATE_LIMIT_COMPLETIONS", default=240), 60),
}

# --- Security ---------------------------------------------------------------------------------------------------------
_https = not DEBUG
SECURE_SSL_REDIRECT: bool = env.bool("SECURE_SSL_REDIRECT", default=_https)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
# What /.well-known/security.txt says (RFC 9116): ways to reach whoever mends holes, as mailto: or https:, and until
# when that is true. Without a contact there is no such file.
SECURITY_CONTACT: list[str] = env.list("SECURITY_CONTACT", default=[])
_expires: str = env.str("SECURITY_EXPIRES", default="")
SECURITY_EXPIRES: date | None = date.fromisoformat(_expires) if _expires else None
SECURITY_POLICY_URL: str = env.str("SECURITY_POLICY_URL", default="")
if SECURITY_CONTACT and SECURITY_EXPIRES is None:
    raise ImproperlyConfigured("SECURITY_CONTACT needs SECURITY_EXPIRES, the last day on which it is true: 2027-06-30.")
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:", *FILE_ORIGINS],
        "media-src": [SELF, *FILE_ORIGINS],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF, *SOCIAL_ORIGINS],
        "frame-ancestors": [NONE],
    },
}
# What other people's pages need beside that (see docs/adr/0002). No script written into a page runs anywhere.
CSP_EXCEPTIONS = {
    # unfold: Alpine makes functions of its attributes; a block and attributes of style.
    "/admin/": {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]},
    # ReDoc: styled-components, and a worker for its search.
    "/api/v1/redoc": {"style-src": [SELF, UNSAFE_INLINE], "worker-src": [SELF, "blob:"]},
}
# Pages of other origins that may call the API from a browser, with tokens; cookies never cross.
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "x-request-id"]
CORS_EXPOSE_HEADERS = [
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-ID",
]

# --- Logs -------------------------------------------------------------------------------------------------------------
LOGGING = logging_config(level=env.str("LOG_LEVEL", default="INFO"), as_json=not DEBUG)

# --- Watching ---------------------------------------------------------------------------------------------------------
# Opens `/metrics` to whoever sends it as a bearer; without it only private addresses are let in.
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
if SENTRY_DSN := env.str("SENTRY_DSN", default=""):
    begin_sentry(
        dsn=SENTRY_DSN,
        environment=env.str("SENTRY_ENVIRONMENT", default="production"),
        release=env.str("RELEASE", default=""),
    )

# What operators reach with one press: name, icon (Material Symbols), model.
_ADMIN_MENU = [
    (
        _("Work"),
        [
            (_("Jobs"), "progress_activity", "generation_job"),
            (_("Models"), "tune", "generation_aimodel"),
            (_("Custom providers"), "hub", "generation_customprovider"),
            (_("Assets"), "image", "gallery_asset"),
            (_("Style presets"), "style", "generation_preset"),
            (_("Denied phrases"), "block", "generation_deniedphrase"),
        ],
    ),
    (
        _("People"),
        [
            (_("Users"), "person", "accounts_user"),
            (_("Companies"), "apartment", "accounts_company"),
            (_("API keys"), "key", "accounts_apikey"),
            (_("Audit log"), "history", "accounts_auditentry"),
            (_("Data exports"), "folder_zip", "accounts_dataexport"),
            (_("Deletion receipts"), "person_remove", "accounts_deletionreceipt"),
        ],
    ),
    (
        _("Money"),
        [
            (_("Wallets"), "account_balance_wallet", "billing_wallet"),
            (_("Ledger"), "receipt_long", "billing_ledgerentry"),
            (_("Subscriptions"), "autorenew", "billing_subscription"),
            (_("Payments"), "payments", "billing_payment"),
            (_("Credit adjustments"), "exposure", "billing_adjustmentrequest"),
            (_("Sales enquiries"), "contact_mail", "billing_salesenquiry"),
            (_("Plans"), "sell", "billing_plan"),
            (_("Credit packs"), "inventory_2", "billing_creditpack"),
            (_("Mails about money"), "mail", "billing_billingnotice"),
            (_("Stripe events"), "bolt", "billing_stripeevent"),
        ],
    ),
]
UNFOLD = {
    "SITE_TITLE": "Darkroom",
    "SITE_HEADER": "Darkroom",
    "SITE_SYMBOL": "camera",
    "THEME": "dark",
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "items": [
                    {"title": _("System"), "icon": "monitoring", "link": reverse_lazy("admin-system")},
                    {"title": _("Margins"), "icon": "query_stats", "link": reverse_lazy("admin-margins")},
                    {"title": _("Stripe"), "icon": "webhook", "link": reverse_lazy("admin-stripe")},
                ]
            },
            *(
                {
                    "title": title,
                    "separator": True,
                    "items": [
                        {"title": name, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist")}
                        for name, icon, model in items
                    ],
                }
                for title, items in _ADMIN_MENU
            ),
        ],
    },
    "COLORS": {
        "primary": {
            "50": "255 249 230",
            "100": "255 240 196",
            "200": "250 222 138",
            "300": "240 198 84",
            "400": "222 170 44",
            "500": "190 140 20",
            "600": "150 110 8",
            "700": "115 91 0",
            "800": "97 75 0",
            "900": "72 56 0",
            "950": "44 34 0",
        }
    },
}
