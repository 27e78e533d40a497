"""What is refused to people who want their data or an end, and why."""

from config.base.refusal import Refusal


class ExportTooSoon(Refusal):
    """There was a copy within the last day; `retry_after` says when the next one can be asked for."""

    code = "export_too_soon"
    status = 429


class NoExport(Refusal):
    """The person never asked for a copy."""

    code = "no_export"
    status = 404


class ExportNotReady(Refusal):
    """The copy is still being made."""

    code = "export_not_ready"
    status = 409


class ExportGone(Refusal):
    """The copy could not be made, or its time is over and its file removed."""

    code = "export_gone"
    status = 410


class SoleOwner(Refusal):
    """A company of several people would be left without an owner."""

    code = "sole_owner"
    status = 409


class OperatorAccount(Refusal):
    """Whoever runs the installation gives those rights up first: their name stands in ledgers that never change."""

    code = "operator_account"
    status = 409


class NotEnding(Refusal):
    """The account is not to be deleted, or its time is over."""

    code = "not_ending"
    status = 409


class ProofWanted(Refusal):
    """It was not shown, or not rightly, who asks; the code says what is wrong."""

    code = "proof_wanted"
    status = 403
