"""Addresses of the prompt tools, below `generate/prompts`."""

from django.urls import path

from generation import prompt_views

urlpatterns = [
    path("", prompt_views.history_page, name="prompt-history"),
    path("forget", prompt_views.forget_all, name="prompt-forget-all"),
    path("<uuid:use_id>/forget", prompt_views.forget, name="prompt-forget"),
    path("complete", prompt_views.complete, name="prompt-complete"),
    path("random", prompt_views.surprise, name="prompt-random"),
    path("enhance", prompt_views.enhance_words, name="prompt-enhance"),
]
