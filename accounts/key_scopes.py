"""What an API key needs, by route of the API and method.

Everything that is not named here is refused to every key, so a new route is closed until somebody decides; a test walks
all routes. Names of the apps above are text here: accounts knows nothing of them.
"""

from typing import Final

from accounts.models import ApiKey

READ: Final = ApiKey.Scope.READ.value
GENERATE: Final = ApiKey.Scope.GENERATE.value
MANAGE: Final = ApiKey.Scope.MANAGE.value
# What only a person does, whatever the key: signing in, and what belongs to the person rather than to the company.
PERSON: Final = "person"

_OWN_METHODS = {"HEAD": "GET"}

SCOPES: dict[str, dict[str, str]] = {
    # The sign-in family looks at no key at all.
    "api-register": {"POST": PERSON},
    "api-login": {"POST": PERSON},
    "api-mfa": {"POST": PERSON},
    "api-refresh": {"POST": PERSON},
    "api-logout": {"POST": PERSON},
    "api-switch": {"POST": PERSON},
    "api-verify-email": {"POST": PERSON},
    "api-reset-password": {"POST": PERSON},
    "api-reset-password-confirm": {"POST": PERSON},
    # The person.
    "api-me": {"GET": READ, "PATCH": PERSON, "DELETE": PERSON},
    # Everything of a person, from all their companies: more than any key of one company may see.
    "api-export": {"GET": PERSON, "POST": PERSON},
    "api-export-file": {"GET": PERSON},
    "api-avatar": {"PUT": PERSON, "DELETE": PERSON},
    "api-sessions": {"GET": PERSON, "DELETE": PERSON},
    "api-session": {"DELETE": PERSON},
    "api-companies": {"GET": PERSON, "POST": PERSON},
    "api-invitation-accept": {"POST": PERSON},
    # The company.
    "api-company": {"GET": READ, "PATCH": MANAGE},
    "api-audit": {"GET": MANAGE},
    "api-members": {"GET": MANAGE},
    "api-member": {"PATCH": MANAGE, "DELETE": MANAGE},
    "api-invitations": {"GET": MANAGE, "POST": MANAGE},
    "api-invitation": {"DELETE": MANAGE},
    "api-invitation-resend": {"POST": MANAGE},
    "api-keys": {"GET": MANAGE, "POST": MANAGE},
    "api-key": {"DELETE": MANAGE},
    # Credits.
    "api-credits-balance": {"GET": READ},
    "api-credits-history": {"GET": READ},
    "api-credits-purchase": {"POST": MANAGE},
    # Plans and payments.
    "api-plans": {"GET": READ},
    "api-subscription": {"GET": READ},
    "api-my-subscription": {"GET": READ},
    "api-checkout": {"POST": MANAGE},
    "api-upgrade": {"GET": READ, "POST": MANAGE},
    "api-portal": {"POST": MANAGE},
    "api-cancel": {"POST": MANAGE},
    "api-payments": {"GET": MANAGE},
    # Pictures.
    "api-uploads": {"POST": GENERATE},
    "api-assets": {"GET": READ},
    "api-asset": {"GET": READ, "DELETE": GENERATE},
    "api-asset-restore": {"POST": GENERATE},
    # Jobs.
    "api-models": {"GET": READ},
    "api-presets": {"GET": READ},
    "api-jobs": {"GET": READ, "POST": GENERATE},
    "api-job": {"GET": READ},
    "api-job-status": {"GET": READ},
    "api-job-result": {"GET": READ},
    "api-job-cancel": {"POST": GENERATE},
    "api-prompts": {"GET": READ},
    "api-prompt": {"DELETE": GENERATE},
    "api-prompt-enhance": {"POST": GENERATE},
    "api-prompt-random": {"GET": READ},
    # For everybody, without looking at who asks.
    "api-schema": {"GET": PERSON},
    "api-docs": {"GET": PERSON},
    "api-redoc": {"GET": PERSON},
}


def scope_of(route: str | None, method: str | None) -> str | None:
    """The scope that a key needs; `PERSON` when none is enough; None for what nobody decided on."""
    methods = SCOPES.get(route or "", {})
    if method == "OPTIONS":
        return READ if methods else None
    return methods.get(_OWN_METHODS.get(method or "", method or ""))
