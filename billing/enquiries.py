"""Enquiries of those who want a plan by agreement."""

from accounts.models import Company
from billing.models import Plan, SalesEnquiry


def send_enquiry(
    *, name: str, email: str, organisation: str, message: str, plan: Plan | None, company: Company | None
) -> SalesEnquiry:
    """Keep what somebody wrote for the operators, who find it in the admin. `company`: of whoever was signed in."""
    return SalesEnquiry.objects.create(
        name=name, email=email, organisation=organisation, message=message, plan=plan, company=company
    )
