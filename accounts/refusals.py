"""What the accounts app refuses, and why."""

from config.base.refusal import Refusal


class EmailTaken(Refusal):
    """Somebody signed up with this address already, perhaps a moment ago."""

    code = "email_taken"
    status = 409


class UsernameTaken(Refusal):
    """The wished user name is somebody else's."""

    code = "username_taken"


class InvalidCredentials(Refusal):
    """Address and password do not go together; which of them is wrong is not told."""

    code = "invalid_credentials"
    status = 401


class EmailUnverified(Refusal):
    """The password is right, the address not proved yet."""

    code = "email_unverified"
    status = 403


class Inactive(Refusal):
    """The person, or every company of the person, is switched off."""

    code = "inactive"
    status = 403


class InvalidRefreshToken(Refusal):
    """A refresh token that was used, ended or never ours."""

    code = "invalid_refresh_token"
    status = 401


class InvalidKey(Refusal):
    """A key from a mail that was used, expired or never ours."""

    code = "invalid_key"


class TooManyAttempts(Refusal):
    """A limit of the sign-in family; `retry_after` says when it is over."""

    code = "too_many_attempts"
    status = 429


class MailNotSent(Refusal):
    """The mail server did not take our mail."""

    code = "mail_not_sent"
    status = 503


class KeyEnded(Refusal):
    """An API key that expired or was revoked, itself or with its person's place in the company; the code says which."""

    code = "invalid_key"
    status = 401


class KeyInput(Refusal):
    """An API key as it cannot be made."""

    code = "invalid_input"


class TooManyKeys(Refusal):
    """The person has as many API keys in the company as anybody may have."""

    code = "too_many_keys"
    status = 409


class PlanRequired(Refusal):
    """The company's plan has no API access (any more)."""

    code = "plan_required"
    status = 403


class CompanyLost(Refusal):
    """The person does not belong to the company that the tokens were made for (any more)."""

    code = "company_lost"
    status = 403


class InvalidCode(Refusal):
    """A code of a second factor that is wrong, was used or is too old."""

    code = "invalid_code"
    status = 401


class SignInOver(Refusal):
    """Too much time passed between password and second factor, or the sign-in was finished."""

    code = "sign_in_over"
    status = 401


class AvatarRefused(Refusal):
    """A picture of a person that cannot be taken."""

    code = "avatar_refused"
