"""What an operator who is signed in as somebody may do: look at nearly everything, and change what is made.

What changes anything is refused unless its route is named here, so a new route is closed until somebody decides; a test
walks all routes. Names of the apps above are text here: accounts knows nothing of them.
"""

from typing import Final

from django.http import HttpRequest

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Routes that may be posted to: making pictures, and putting them in order.
CHANGES: Final = frozenset(
    {
        "asset-delete",
        "asset-restore",
        "asset-tasks",
        "company-switch",
        "gallery-delete",
        "gallery-import",
        "gallery-restore",
        "generate",
        "job-cancel",
        "prompt-enhance",
        "prompt-forget",
        "prompt-forget-all",
        "api-asset",
        "api-asset-restore",
        "api-job-cancel",
        "api-jobs",
        "api-prompt",
        "api-prompt-enhance",
        "api-uploads",
    }
)
# Pages whose very sight is the person's alone, or that begin something that may not be done.
HIDDEN: Final = frozenset(
    {
        "account_change_password",
        "account_email",
        "account_reauthenticate",
        "account_set_password",
        "account-delete",
        "api-docs",
        "api-export",
        "api-export-file",
        "api-redoc",
        "change-email",
        "change-password",
        "set-password",
    }
)
# Second factors (recovery codes among them), doors of others, exports of everything, money.
_HIDDEN_BEGINNINGS: Final = ("mfa_", "socialaccount_", "google_", "apple_", "export", "checkout", "billing-portal")
_SHOWN: Final = frozenset({"mfa_index"})
# Ends it, as its own button does.
LOGOUT: Final = frozenset({"logout", "account_logout"})
ENDING: Final = "sign-in-as-end"
_ADMIN: Final = "/admin/"


def is_refused(request: HttpRequest) -> bool:
    """Whether a request of somebody who is signed in as another may not be answered."""
    match = request.resolver_match
    name = (match.url_name or "") if match else ""
    if request.path_info.startswith(_ADMIN):
        return True
    if name == ENDING or name in LOGOUT:
        return False
    if request.method not in _READING:
        return name not in CHANGES
    return name not in _SHOWN and (name in HIDDEN or name.startswith(_HIDDEN_BEGINNINGS))
