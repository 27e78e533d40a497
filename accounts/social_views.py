"""Signing in with Google or Apple, and what is connected; there is nothing of it without their keys."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.socialaccount import forms as social_forms
from allauth.socialaccount import views as social_views
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.apple import views as apple_views
from allauth.socialaccount.providers.google import views as google_views
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import WholeSignup, dress

View = Callable[..., HttpResponseBase]


def _configured(provider: str = "") -> Callable[[View], View]:
    """404 until the keys of the provider, or of any, are set."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not settings.SOCIALACCOUNT_PROVIDERS or (provider and provider not in settings.SOCIALACCOUNT_PROVIDERS):
                raise Http404
            return view(request, *args, **kwargs)

        return checked

    return decorate


class AppleAdapter(apple_views.AppleOAuth2Adapter):
    """allauth's own takes a person who turned back for an error: Apple has a word of its own for it."""

    login_cancelled_error = "user_cancelled_authorize"


class SocialSignupForm(WholeSignup, social_forms.SignupForm):
    """An address, for whoever comes without one that can be used."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, "email", self.fields["email"].label, autocomplete="email")


class SignupView(social_views.SignupView):
    """The address that is still wanted."""

    template_name = "accounts/social_signup.html"

    def get_form_class(self) -> type[SocialSignupForm]:
        return SocialSignupForm


@_configured()
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def connections(request: HttpRequest) -> HttpResponse:
    """By which other doors I sign in; POST takes one away."""
    form = social_forms.DisconnectForm(request.POST or None, request=request)
    if request.method == "POST":
        if form.is_valid():
            form.save()
        else:
            for sentences in form.errors.values():
                for sentence in sentences:
                    messages.error(request, str(sentence))
        return redirect("socialaccount_connections")
    mine = list(SocialAccount.objects.filter(user=request.user).order_by("pk"))
    taken = {account.provider for account in mine}
    providers = [one for one in get_adapter().list_providers(request) if one.id not in taken]
    rows = [{"account": account, "name": account.get_provider_account().to_str()} for account in mine]
    return render(request, "accounts/connections.html", {"rows": rows, "providers": providers})


@_configured()
@require_safe
def failed(request: HttpRequest) -> HttpResponse:
    """The provider did not let in whom it sent."""
    return render(request, "socialaccount/authentication_error.html", status=401)


@_configured()
@require_safe
def cancelled(request: HttpRequest) -> HttpResponse:
    """The person turned back at the provider."""
    return render(request, "accounts/social_cancelled.html")


_post_only = require_http_methods(["POST"])
signup = _configured()(require_http_methods(["GET", "HEAD", "POST"])(SignupView.as_view()))
google = _configured("google")(_post_only(google_views.oauth2_login))
google_callback = _configured("google")(require_safe(google_views.oauth2_callback))
apple = _configured("apple")(_post_only(apple_views.oauth2_login))
# Apple posts its answer from its own page, without our cookies; the `state` in it is what proves the beginning.
apple_callback = csrf_exempt(_configured("apple")(_post_only(apple_views.oauth2_callback)))
apple_finish = _configured("apple")(require_safe(OAuth2CallbackView.adapter_view(AppleAdapter)))
