"""The generation app: models, jobs, providers, the pipeline."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config.base import registry


class GenerationConfig(AppConfig):
    """Generation; stands on gallery, billing and accounts."""

    name = "generation"
    verbose_name = _("Generation")

    def ready(self) -> None:
        """Tell the ground what this app seeds, proves and does periodically."""
        # Registers its pages; a module of its own beside `admin`, so nothing else imports it.
        import generation.admin_prompts  # noqa: F401
        from generation.audit import check_jobs
        from generation.catalogue import seed_catalogue
        from generation.custom import register as register_custom_providers
        from generation.erasing import end_jobs, erase_history, erase_words
        from generation.exporting import count_words, export_words
        from generation.gauges import job_gauges
        from generation.prompting.presets import seed_presets
        from generation.rotating import rotate_provider_keys
        from generation.sweeper import sweep

        register_custom_providers()
        registry.seeds.register(seed_catalogue)
        registry.seeds.register(seed_presets)
        registry.audit_checks.register(check_jobs)
        registry.company_closing.register(end_jobs)
        registry.company_deleted.register(erase_words)
        registry.rotations.register(rotate_provider_keys)
        registry.company_counted.register(count_words)
        registry.person_exported.register(export_words)
        registry.person_deleted.register(erase_history)
        registry.gauges.register(job_gauges)
        registry.periodic.append(registry.Periodic(name="jobs", every=1.0, run=sweep))
