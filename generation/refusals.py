"""Why a job is refused or cannot be cancelled, beside what billing refuses."""

from config.base.refusal import Refusal


class TierLocked(Refusal):
    """The plan does not include models of this tier."""

    code = "plan_required"
    status = 403


class KeyReused(Refusal):
    """The idempotency key was used before for a different request."""

    code = "idempotency_key_reused"
    status = 422


class TooLateToCancel(Refusal):
    """The job has ended, or its outputs are being stored: they will be delivered."""

    code = "too_late_to_cancel"
    status = 409


class InputGone(Refusal):
    """A picture that the job was to work from went to the bin meanwhile."""

    code = "input_gone"
