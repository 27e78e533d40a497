"""Who: people, the companies that own everything, their keys, what was done by whom, and how people end."""

from accounts.models.audit import AuditEntry
from accounts.models.companies import Company, Invitation, Membership
from accounts.models.keys import ApiKey
from accounts.models.people import User, UserManager
from accounts.models.privacy import DataExport, DeletionReceipt
from accounts.models.sign_in_as import SignInAs

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Company",
    "DataExport",
    "DeletionReceipt",
    "Invitation",
    "Membership",
    "SignInAs",
    "User",
    "UserManager",
]
