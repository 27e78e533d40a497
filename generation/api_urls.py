"""Addresses of the generation app in the API."""

from django.urls import path

from generation import api, prompt_api

urlpatterns = [
    path("models", api.ModelList.as_view(), name="api-models"),
    path("jobs", api.JobList.as_view(), name="api-jobs"),
    path("jobs/<uuid:job_id>", api.JobDetail.as_view(), name="api-job"),
    path("jobs/<uuid:job_id>/status", api.JobStatus.as_view(), name="api-job-status"),
    path("jobs/<uuid:job_id>/result", api.JobResult.as_view(), name="api-job-result"),
    path("jobs/<uuid:job_id>/cancel", api.JobCancel.as_view(), name="api-job-cancel"),
    path("prompts", prompt_api.PromptList.as_view(), name="api-prompts"),
    path("prompts/enhance", prompt_api.PromptEnhance.as_view(), name="api-prompt-enhance"),
    path("prompts/random", prompt_api.PromptRandom.as_view(), name="api-prompt-random"),
    path("prompts/<uuid:use_id>", prompt_api.PromptDetail.as_view(), name="api-prompt"),
    path("presets", prompt_api.PresetList.as_view(), name="api-presets"),
]
