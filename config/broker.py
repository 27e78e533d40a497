"""What `dramatiq config.broker` loads: Django, the broker from the settings and every app's actors."""

import os
from importlib import import_module

import django
from django.apps import apps
from django.utils.module_loading import module_has_submodule

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

for app in apps.get_app_configs():
    if app.module is not None and module_has_submodule(app.module, "actors"):
        import_module(f"{app.name}.actors")
