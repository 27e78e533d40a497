"""People."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.base.ids import uuid7


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a person without a company; sign-up goes through `accounts.services.sign_up`."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make an operator who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        """Find by address, whatever its case: by what is unique, as `Upper` takes more letters for one another."""
        return self.alias(small_email=Lower("email")).get(small_email=(email or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Users are tombstoned, never deleted as rows: what they made keeps its maker."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(_("e-mail address"))
    username = models.CharField(_("user name"), max_length=40, unique=True)
    full_name = models.CharField(_("full name"), max_length=150, blank=True)
    # Where the cropped picture lies in the storage; "" for none.
    avatar_key = models.CharField(max_length=200, blank=True, editable=False)
    language = models.CharField(_("language"), max_length=10, default="en")
    time_zone = models.CharField(_("time zone"), max_length=63, default="UTC")
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("operator"), default=False, help_text=_("May sign in to the admin."))
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    # Set once, by the conditional UPDATE that also gives the welcome; the addresses themselves are allauth's rows.
    verified_at = models.DateTimeField(_("address proved"), null=True, blank=True, editable=False)
    # Asked to be deleted: nobody can sign in from then on but to take it back, until the grace period has passed.
    delete_after = models.DateTimeField(_("to be deleted"), null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique",
                # The tombstones of deleted people have none.
                condition=~Q(email=""),
                violation_error_message=_("Somebody with this e-mail address is here already."),
            ),
        ]

    def __str__(self) -> str:
        return self.email or self.get_full_name()

    def get_full_name(self) -> str:
        """The name to greet with: the full name, or else the user name; of a tombstone, that it is one."""
        return gettext("Deleted user") if self.deleted_at else self.full_name or self.username

    def get_short_name(self) -> str:
        """The first word of the full name, or else the user name."""
        return self.full_name.split(" ")[0] if self.full_name else self.username

    @property
    def avatar_version(self) -> str:
        """Changes with the picture, for its address; "" without one."""
        return self.avatar_key.split("/")[-2] if self.avatar_key else ""

    @property
    def initial(self) -> str:
        """What stands where a picture would."""
        return (self.full_name or self.email)[:1].upper()
