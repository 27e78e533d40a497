"""Pages: the sign-in family, the profile, the development mailbox.

Signing in and up, mails and limits are allauth's; its views are dressed in our templates and led to our addresses.
"""

from typing import Any
from urllib.parse import urlencode

from allauth.account import views as allauth_views
from allauth.account.internal.flows.email_verification import send_verification_email_at_login
from allauth.account.internal.stagekit import get_pending_stage
from allauth.account.stages import EmailVerificationStage
from allauth.account.utils import get_next_redirect_url, has_verified_email
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.exports import PAUSE, address_of, newest_of
from accounts.figures import figures_of
from accounts.forms import AvatarForm, ProfileForm
from accounts.mailbox import find_mail, is_open_to, newest_mails
from accounts.models import User
from accounts.refusals import UsernameTaken
from accounts.services import update_person
from accounts.viewer import reader_of


class ConfirmEmailView(allauth_views.ConfirmEmailView):
    """The link in the mail: GET asks, POST confirms; then on to where the person was going."""

    template_name = "accounts/confirm_email.html"

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """A link that was used, is too old or never ours shows a page that says what to do."""
        answer: HttpResponse
        try:
            answer = super().post(*args, **kwargs)
        except Http404:
            self.object = None
            answer = self.render_to_response(self.get_context_data())
        return answer

    def get_redirect_url(self) -> str:
        """In another browser than the one that signed up the person signs in first; the way onward is kept."""
        onward = self.get_next_url()
        if self.request.user.is_authenticated:
            return onward or reverse("generate")
        return f"{reverse('login')}?{urlencode({'next': onward})}" if onward else reverse("login")


class LoginView(allauth_views.LoginView):
    """By passkey, by password, or by another door."""

    template_name = "accounts/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"providers": get_social_adapter().list_providers(self.request)}


class SignupView(allauth_views.SignupView):
    """By an address and a password, or by another door."""

    template_name = "accounts/register.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"providers": get_social_adapter().list_providers(self.request)}


# allauth's views would take a PUT for a POST.
_forms_only = require_http_methods(["GET", "HEAD", "POST"])
login = _forms_only(LoginView.as_view())
register = _forms_only(SignupView.as_view())
logout = _forms_only(allauth_views.LogoutView.as_view(template_name="accounts/logout.html"))
inactive = _forms_only(allauth_views.AccountInactiveView.as_view(template_name="accounts/inactive.html"))
confirm_email = _forms_only(ConfirmEmailView.as_view())
reset_password = _forms_only(allauth_views.PasswordResetView.as_view(template_name="accounts/reset_password.html"))
reset_password_key = _forms_only(
    allauth_views.PasswordResetFromKeyView.as_view(template_name="accounts/reset_password_key.html")
)
change_password = _forms_only(allauth_views.PasswordChangeView.as_view(template_name="accounts/change_password.html"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify_email(request: HttpRequest) -> HttpResponse:
    """ "Look into your mail": POST sends another one. Whoever confirmed elsewhere meanwhile is signed in."""
    stage = get_pending_stage(request)
    if not isinstance(stage, EmailVerificationStage):
        return redirect("generate") if request.user.is_authenticated else render(request, "accounts/verify_email.html")
    waiting = stage.login
    if waiting.user and has_verified_email(waiting.user, waiting.email):
        answer: HttpResponse = stage.exit()
        return answer
    if request.method == "POST":
        # Where the person was going lies with the waiting sign-in; the link in the new mail carries it too.
        if waiting.redirect_url and not get_next_redirect_url(request):
            query = request.GET.copy()
            query["next"] = waiting.redirect_url
            request.GET = query  # type: ignore[assignment]
        if send_verification_email_at_login(request, waiting):
            messages.success(request, _("Another mail is on its way."))
        else:
            messages.info(
                request, _("We sent one less than a minute ago. Look into the spam folder, or wait a little.")
            )
        return redirect("verify-email")
    address = waiting.email or (waiting.user.email if waiting.user else "")
    context = {"address": address, "may_resend": True, "mailbox": is_open_to(request)}
    return render(request, "accounts/verify_email.html", context)


@require_safe
def reset_password_sent(request: HttpRequest) -> HttpResponse:
    """ "Look into your mail": the same for every address."""
    return render(request, "accounts/reset_password_sent.html", {"mailbox": is_open_to(request)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Who I am."""
    assert isinstance(request.user, User)  # noqa: S101
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if request.method == "POST" and form.is_valid():
        try:
            update_person(user=request.user, **form.cleaned_data)
        except UsernameTaken as refusal:
            form.add_error(refusal.field, refusal.sentence)
        else:
            messages.success(request, _("Saved."))
            return redirect("profile")
    export = newest_of(request.user)
    context = {
        "form": form,
        "avatar_form": AvatarForm(),
        "figures": figures_of(reader_of(request)),
        "export": export,
        "export_url": address_of(export) if export else "",
        "export_again_at": export.requested_at + PAUSE if export else None,
    }
    return render(request, "accounts/profile.html", context, status=422 if form.errors else 200)


@require_safe
def dev_mail(request: HttpRequest) -> HttpResponse:
    """The development mailbox; elsewhere there is no such page."""
    if not is_open_to(request):
        raise Http404
    return render(request, "accounts/dev_mail.html", {"mails": newest_mails()})


@require_safe
def dev_mail_message(request: HttpRequest, file: str, number: int) -> HttpResponse:
    """One mail of the development mailbox, with links to follow."""
    mail = find_mail(file=file, number=number) if is_open_to(request) else None
    if mail is None:
        raise Http404
    return render(request, "accounts/dev_mail_message.html", {"mail": mail})
