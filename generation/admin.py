"""What operators see and change of the catalogue, of providers and of jobs; one file for each noun."""

from django.contrib import admin
from django_dramatiq.models import Task

from generation.admin_custom import CustomProviderAdmin
from generation.admin_jobs import JobAdmin
from generation.admin_models import AIModelAdmin

__all__ = ["AIModelAdmin", "CustomProviderAdmin", "JobAdmin"]

# The queue's own table of messages stays empty: jobs are what operators look at.
admin.site.unregister(Task)
