"""What may be written about a company: names, short names, domains."""

import re
import unicodedata
from functools import cache
from pathlib import Path

from django.core.exceptions import ValidationError
from django.utils.encoding import punycode
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.people import RESERVED, clean_username

NAME_LENGTH = 120
# Room is left for the suffix that tells two companies of one name apart.
_STEM_LENGTH = 50
_HOSTS = Path(__file__).parent / "data" / "public_mail_hosts.txt"
_LABELS = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")


def clean_company_name(value: str) -> str:
    """Return the name as one line without control characters, or raise `ValidationError`."""
    visible = "".join(
        " " if letter.isspace() else letter
        for letter in unicodedata.normalize("NFC", value)
        if letter.isspace() or unicodedata.category(letter) not in {"Cc", "Cs", "Co"}
    )
    name = " ".join(visible.split())
    if not name:
        raise ValidationError(_("Give the company a name."))
    if len(name) > NAME_LENGTH:
        raise ValidationError(_("Use at most %(most)d characters.") % {"most": NAME_LENGTH})
    return name


def clean_company_slug(value: str) -> str:
    """Return the short name in small letters, or raise `ValidationError`. The same letters as in user names."""
    slug = clean_username(value)
    if len(slug) > _STEM_LENGTH:
        raise ValidationError(_("Use at most %(most)d characters.") % {"most": _STEM_LENGTH})
    return slug


def slug_stem(name: str) -> str:
    """What a company's short name is made from; a name in another script than Latin gives "team"."""
    stem = slugify(name).replace("_", "-").strip("-")[:_STEM_LENGTH].strip("-")
    return stem if stem and stem not in RESERVED else "-".join(filter(None, [stem, "team"]))


def clean_domain(value: str) -> str | None:
    """Return the domain as ASCII in small letters (`xn--…` for others), None for an empty one.

    Raises `ValidationError` for what is no domain and for hosts that give addresses to anybody.
    """
    bare = value.strip().lower().removeprefix("@").rstrip(".")
    if not bare:
        return None
    domain = ascii_domain(bare)
    if not _LABELS.fullmatch(domain) or len(domain) > 253:
        raise ValidationError(_("Write a domain, such as example.com."))
    if is_public_host(domain):
        raise ValidationError(
            _("Anybody can have an address at %(domain)s, so it cannot be a company's domain.") % {"domain": domain}
        )
    return domain


def ascii_domain(domain: str) -> str:
    """The domain as DNS has it; one that cannot be written so is returned in small letters.

    Written as mails are addressed: by IDNA 2003, where ß is ss. Whoever proved an address at such a domain got the mail
    there, and nowhere else.
    """
    try:
        return punycode(domain).lower()
    except UnicodeError:
        return domain.lower()


def domain_of(address: str) -> str:
    """The domain of an e-mail address, as `clean_domain` writes it."""
    return ascii_domain(address.rpartition("@")[2].strip().lower())


def mailbox_of(address: str) -> str:
    """One spelling for all addresses whose mails lie in one box: without +tags, and at Google without dots."""
    name, domain = address.rpartition("@")[0].strip().lower().partition("+")[0], domain_of(address)
    if domain in ("gmail.com", "googlemail.com"):
        name, domain = name.replace(".", ""), "gmail.com"
    return f"{name}@{domain}"


def is_public_host(domain: str) -> bool:
    """Whether a domain, or one above it, gives addresses to anybody."""
    hosts, families = _public_hosts()
    labels = domain.split(".")
    above = {".".join(labels[at:]) for at in range(len(labels) - 1)}
    # Of a family the name stands before the country: one label, or two as in co.uk.
    return bool(above & hosts) or any(label in families for label in labels[-3:-1])


@cache
def _public_hosts() -> tuple[frozenset[str], frozenset[str]]:
    lines = [line.strip() for line in _HOSTS.read_text().splitlines()]
    names = [line for line in lines if line and not line.startswith("#")]
    families = frozenset(name.removesuffix(".*") for name in names if name.endswith(".*"))
    return frozenset(name for name in names if not name.endswith(".*")), families
