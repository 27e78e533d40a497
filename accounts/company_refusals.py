"""What companies refuse, and why."""

from config.base.refusal import Refusal


class NotAllowed(Refusal):
    """The person's role in the company does not reach that far."""

    code = "not_allowed"
    status = 403


class NoSuchMember(Refusal):
    """Nobody like that belongs to the company (any more)."""

    code = "no_such_member"
    status = 404


class LastOwner(Refusal):
    """A company always has an owner."""

    code = "last_owner"
    status = 409


class PersonalCompany(Refusal):
    """A personal company is one person's own: it is not joined, left, handed over or switched off."""

    code = "personal_company"
    status = 409


class SlugTaken(Refusal):
    """The wished short name is another company's."""

    code = "slug_taken"


class DomainRefused(Refusal):
    """The domain is another company's, a public mail host's, or was not proved."""

    code = "domain_refused"


class TooManyCompanies(Refusal):
    """The person owns as many companies as one may."""

    code = "too_many_companies"
    status = 409


class CompanyFull(Refusal):
    """All seats of the plan are taken."""

    code = "company_full"
    status = 409


class AlreadyMember(Refusal):
    """The person belongs to the company."""

    code = "already_member"
    status = 409


class InvitationGone(Refusal):
    """The invitation was used, taken back, replaced or grew too old; the code says which."""

    code = "invitation_unknown"
    status = 410


class NoSuchInvitation(InvitationGone):
    """No invitation has this token (any more)."""

    status = 404


class WrongAddress(Refusal):
    """The invitation was sent to an address that the person has not proved to have."""

    code = "wrong_address"
    status = 403


class SentJustNow(Refusal):
    """The invitation was sent a moment ago."""

    code = "sent_just_now"
    status = 429


class DomainNotOpen(Refusal):
    """The company does not take whoever has an address of its domain, or the person has none."""

    code = "domain_not_open"
    status = 403


class StateUnchanged(Refusal):
    """The company is in that state already, or somebody else changed it a moment ago."""

    code = "state_unchanged"
    status = 409


class Suspended(Refusal):
    """An operator switched the company off; its owner cannot switch it on."""

    code = "suspended"
    status = 403


class WrongPassword(Refusal):
    """What a person types to show that it is really them is not their password."""

    code = "wrong_password"


class AccentRefused(Refusal):
    """The colour cannot be read on black; the sentence names the nearest that can."""

    code = "accent_refused"


class LogoRefused(Refusal):
    """The file is no picture that we take."""

    code = "logo_refused"


class NotInPlan(Refusal):
    """The company's plan does not have it."""

    code = "not_in_plan"
    status = 403
