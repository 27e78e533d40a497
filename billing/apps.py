"""The billing app: plans, wallets, the ledger."""

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _

from config.base import registry


class BillingConfig(AppConfig):
    """Billing; stands on accounts."""

    name = "billing"
    verbose_name = _("Billing")

    def ready(self) -> None:
        """Fill the hooks; models can be imported only now."""
        from djstripe import checks as djstripe_checks

        from billing import (
            actors,
            audit,
            caps,
            entitlements,
            erasing,
            exporting,
            gauges,
            hooks,
            lifecycle,
            notice_mail,
            plans,
            reminders,
        )
        from billing.stripe import leaving, webhooks

        # They look for what dj-stripe's own view needs, in the database, which need not be there when checks run.
        registered = checks.registry.registry.registered_checks
        registered -= {djstripe_checks.check_webhook_validation, djstripe_checks.check_webhook_endpoint_has_secret}

        registry.company_created.register(hooks.open_account_of)
        registry.person_verified.register(hooks.welcome)
        registry.demo_made.register(hooks.furnish_demo)
        registry.seeds.register(plans.seed_plans)
        registry.seeds.register(webhooks.seed_endpoint)
        registry.rotations.register(webhooks.rotate_endpoint_secrets)
        registry.audit_checks.register(audit.broken_rows)
        registry.audit_checks.register(entitlements.disagreeing_entitlements)
        registry.member_usage.register(caps.usage_by_member)
        registry.company_closing.register(leaving.stop_paying)
        registry.company_deleted.register(erasing.erase_words)
        registry.person_deleted.register(erasing.forget_person)
        registry.person_exported.register(exporting.export_money)
        registry.gauges.register(gauges.credit_gauges)
        registry.periodic.append(registry.Periodic("expire-credits", every=3600, run=hooks.expire_credits))
        registry.periodic.append(registry.Periodic("stripe-events", every=5, run=webhooks.send_due))
        registry.periodic.append(registry.Periodic("stripe-events-old", every=3600, run=webhooks.forget_old_events))
        registry.periodic.append(registry.Periodic("stripe-reconcile", every=600, run=actors.reconcile_when_due))
        registry.periodic.append(registry.Periodic("subscriptions", every=60, run=lifecycle.let_time_pass))
        registry.periodic.append(registry.Periodic("test-money", every=60, run=hooks.renew_test_money))
        registry.periodic.append(registry.Periodic("billing-notices", every=60, run=notice_mail.send_waiting))
        registry.periodic.append(registry.Periodic("billing-reminders", every=3600, run=reminders.remind_when_due))
        registry.periodic.append(
            registry.Periodic("renew-entitlements", every=3600, run=entitlements.renew_entitlements)
        )
