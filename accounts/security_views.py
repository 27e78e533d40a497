"""Pages on how a person signs in: second factors, passkeys, proving oneself again, another address.

What they do is allauth's; they are dressed in our templates and led to our addresses.
"""

from typing import Any

from allauth.account import views as account_views
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.base import views as base_views
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as code_views
from allauth.mfa.totp import views as app_views
from allauth.mfa.webauthn import views as key_views
from allauth.mfa.webauthn.internal import auth
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit_selectors import RECENT_SHOWN, entries_of, page_of
from accounts.mailbox import is_open_to
from accounts.models import User

# allauth's views would take a PUT for a POST.
_forms_only = require_http_methods(["GET", "HEAD", "POST"])
_SECURITY = reverse_lazy("security")
Kind = Authenticator.Type


@never_cache
@login_required
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """How I sign in, and what protects it."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101
    mine = list(Authenticator.objects.filter(user=user).order_by("pk"))
    codes = next((one.wrap() for one in mine if one.type == Kind.RECOVERY_CODES), None)
    context = {
        "app": next((one for one in mine if one.type == Kind.TOTP), None),
        "passkeys": [one for one in mine if one.type == Kind.WEBAUTHN],
        "has_codes": codes is not None,
        "codes_left": len(codes.get_unused_codes()) if codes else 0,
        "codes_total": mfa_settings.RECOVERY_CODE_COUNT,
        "pending_email": EmailAddress.objects.get_new(user),
        "providers": get_social_adapter().list_providers(request),
        "recent": page_of(entries_of(user), length=RECENT_SHOWN),
        "connections": SocialAccount.objects.filter(user=user).count(),
    }
    return render(request, "mfa/security.html", context)


class CodeView(base_views.AuthenticateView):
    """The second step of signing in."""

    template_name = "mfa/code.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        kinds = Authenticator.objects.filter(user=self.stage.login.user).values_list("type", flat=True)
        return context | {"kinds": set(kinds), "has_failed": bool(self.form and self.form.errors)}


class LoginPasskeyView(key_views.LoginWebAuthnView):
    """GET gives what the browser is to sign, as JSON; POST takes it and signs in."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonResponse({"request_options": auth.begin_authentication(user=None)})


class AddPasskeyView(key_views.AddWebAuthnView):
    """A passkey that signs in alone."""

    template_name = "mfa/passkey_add.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["form"] = kwargs.get("form", context["form"])
        context["js_data"] = {"creation_options": auth.begin_registration(self.request.user, True)}
        return context


class ReauthenticatePasskeyView(key_views.ReauthenticateWebAuthnView):
    """A passkey before something important is changed; a refused one brings the page back."""

    template_name = "mfa/again_passkey.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        for sentence in form.errors.get("credential", []):
            messages.error(self.request, sentence)
        return HttpResponseRedirect(self.request.get_full_path())


class EmailView(account_views.EmailView):
    """Another address: it counts once the link in the mail to it is followed; until then the current one does."""

    template_name = "accounts/change_email.html"
    success_url = reverse_lazy("change-email")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for a new address, have another mail sent to it, or keep the current one."""
        waiting = EmailAddress.objects.get_new(request.user)
        if "action_keep" in request.POST:
            if waiting is not None:
                waiting.remove()
                messages.info(request, _("Your address stays as it is."))
            return redirect("security")
        if "action_send" in request.POST:
            return self._send_again(request, waiting)
        # What allauth calls it.
        request.POST = _with(request, action_add="1")  # type: ignore[assignment]
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer

    def _send_again(self, request: HttpRequest, waiting: EmailAddress | None) -> HttpResponse:
        if waiting is not None and send_verification_email_to_address(request, waiting):
            messages.success(request, _("Another mail is on its way."))
        else:
            messages.info(
                request, _("We sent one less than a minute ago. Look into the spam folder, or wait a little.")
            )
        return redirect("change-email")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"mailbox": is_open_to(self.request)}


def _with(request: HttpRequest, **values: str) -> QueryDict:
    query = request.POST.copy()
    for name, value in values.items():
        query[name] = value
    return query


code = _forms_only(CodeView.as_view())
login_passkey = never_cache(_forms_only(LoginPasskeyView.as_view()))
again = never_cache(_forms_only(account_views.ReauthenticateView.as_view(template_name="mfa/again_password.html")))
again_code = never_cache(_forms_only(base_views.ReauthenticateView.as_view(template_name="mfa/again_code.html")))
again_passkey = never_cache(_forms_only(ReauthenticatePasskeyView.as_view()))
app_on = never_cache(_forms_only(app_views.ActivateTOTPView.as_view(template_name="mfa/app_on.html")))
app_off = never_cache(_forms_only(app_views.DeactivateTOTPView.as_view(template_name="mfa/app_off.html")))
codes = never_cache(require_safe(code_views.ViewRecoveryCodesView.as_view(template_name="mfa/codes.html")))
codes_new = never_cache(_forms_only(code_views.GenerateRecoveryCodesView.as_view(template_name="mfa/codes_new.html")))
codes_file = require_safe(code_views.DownloadRecoveryCodesView.as_view(template_name="mfa/codes.txt"))
passkey_add = never_cache(_forms_only(AddPasskeyView.as_view()))
passkey_name = never_cache(
    _forms_only(key_views.EditWebAuthnView.as_view(template_name="mfa/passkey_name.html", success_url=_SECURITY))
)
passkey_remove = never_cache(
    _forms_only(key_views.RemoveWebAuthnView.as_view(template_name="mfa/passkey_remove.html", success_url=_SECURITY))
)
change_email = never_cache(login_required(_forms_only(EmailView.as_view())))
set_password = login_required(
    _forms_only(account_views.PasswordSetView.as_view(template_name="accounts/set_password.html"))
)
