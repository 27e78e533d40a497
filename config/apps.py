"""Makes `config` an app, so that its management commands are found."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The ground under all apps."""

    name = "config"
