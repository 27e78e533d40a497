"""Companies, who belongs to them and who is asked to."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from config.base.ids import uuid7


class Company(models.Model):
    """What owns everything: wallet, plan, quotas, files. A person who signs up gets a personal one."""

    class Kind(models.TextChoices):
        PERSONAL = "personal", _("personal")
        TEAM = "team", _("team")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    domain = models.CharField(_("domain"), max_length=253, unique=True, null=True, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.PERSONAL)
    email = models.EmailField(_("e-mail for invoices"), blank=True)
    joins_by_domain = models.BooleanField(
        _("open to its domain"),
        default=False,
        help_text=_("Whoever proves an address of the company's domain may join as a member."),
    )
    # White label, where the plan has it: the logo's place in the storage, the accent as #rrggbb.
    logo_key = models.CharField(max_length=200, blank=True, editable=False)
    accent = models.CharField(_("accent colour"), max_length=7, blank=True)
    # A copy of what the plan gives, written down by billing: seats, api, white_label.
    entitlements = models.JSONField(default=dict, blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True, help_text=_("An inactive company can do nothing."))
    # Why it is not: its owner's own wish, or an operator's act, which the owner cannot take back.
    suspended_reason = models.CharField(_("suspended because"), max_length=300, blank=True)
    delete_after = models.DateTimeField(_("to be deleted"), null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")

    def __str__(self) -> str:
        return self.name

    @property
    def is_team(self) -> bool:
        """Whether several people may share it."""
        return self.kind == self.Kind.TEAM

    @property
    def has_white_label(self) -> bool:
        """Whether the plan lets it look like its own."""
        return bool(self.entitlements.get("white_label"))

    @property
    def is_branded(self) -> bool:
        """Whether its people see its own name and look in place of the product's."""
        return self.has_white_label and bool(self.logo_key or self.accent)

    @property
    def logo_version(self) -> str:
        """Changes with the logo, for its address; "" without one."""
        return self.logo_key.split("/")[-2] if self.logo_key else ""


class Membership(models.Model):
    """A person's place in a company."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        ADMIN = "admin", _("admin")
        MEMBER = "member", _("member")

    class Period(models.TextChoices):
        DAY = "day", _("day")
        MONTH = "month", _("month")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.MEMBER)
    # Most credits that the member may spend in a UTC day or month; empty: no limit of one's own.
    credit_cap = models.PositiveIntegerField(_("credit cap"), null=True, blank=True)
    cap_period = models.CharField(_("cap counts by"), max_length=5, choices=Period, default=Period.MONTH)
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["company", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.company} · {self.role}"


class Invitation(models.Model):
    """An address that was asked to join; the token in the mail is kept as a digest only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="invitations")
    # In small letters.
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Membership.Role, default=Membership.Role.MEMBER)
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    sent_at = models.DateTimeField(_("last sent"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True, editable=False)
    accepted_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "email"],
                name="invitation_open_once",
                condition=Q(accepted_at=None, revoked_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} · {self.company}"

    @property
    def is_expired(self) -> bool:
        """Whether it is too old to be accepted; it can be sent again."""
        return self.expires_at <= timezone.now()
