"""What allauth asks us about people who come from Google or Apple."""

from typing import Any

from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.services import sign_up, verify_person


class SocialAdapter(DefaultSocialAccountAdapter):
    """Ours: the person comes with a company as everybody does, and with the welcome if the provider knows the address.

    An address that is here already is never taken over: its owner signs in and connects.
    """

    error_messages = DefaultSocialAccountAdapter.error_messages | {
        "email_taken": gettext_lazy(
            "There is an account with this address. Sign in to it first, then connect %s under Profile."
        ),
        "no_password": gettext_lazy("Give your account a password first: else you could not sign in any more."),
        "no_verified_email": gettext_lazy("Confirm your address first: else you could not sign in any more."),
        "connected_other": gettext_lazy("This is connected to another Darkroom account already."),
    }

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Any) -> AbstractBaseUser:
        """Take over the address and the name; user names are ours to make."""
        user: User = super().populate_user(request, sociallogin, data | {"username": ""})
        whole = " ".join(filter(None, [data.get("first_name"), data.get("last_name")])) or data.get("name") or ""
        user.full_name = str(whole)[:150]
        user.email = user.email.lower()
        return user

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Turn back whose address is here already. The provider knows that it is theirs, so it may be told."""
        if sociallogin.is_existing or sociallogin.state.get("process") != AuthProcess.LOGIN:
            return
        proved = [one.email for one in sociallogin.email_addresses if one.verified]
        if any(filter_users_by_email(email) for email in proved):
            sentence = self.error_messages["email_taken"] % sociallogin.provider.name
            messages.error(request, sentence)
            raise ImmediateHttpResponse(redirect("login"))

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: BaseForm | None = None) -> User:
        """Save the person, the personal company and the connection together. Raises `EmailTaken`."""
        user = sociallogin.user
        assert isinstance(user, User)  # noqa: S101
        if form is not None:
            user.email = form.cleaned_data["email"].lower()
        user.set_unusable_password()
        with transaction.atomic():
            sign_up(user=user)
            sociallogin.save(request)
            if EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists():
                verify_person(user=user)
        return user
