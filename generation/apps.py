"""The generation app: models, jobs, providers, the pipeline."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GenerationConfig(AppConfig):
    """Generation; stands on gallery, billing and accounts."""

    name = "generation"
    verbose_name = _("Generation")
