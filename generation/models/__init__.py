"""What is made: the model catalogue, the words, the jobs."""

from generation.models.catalogue import AIModel, CustomProvider, ProviderAlert, Task
from generation.models.jobs import Job, JobInput, JobOutput, ProviderCall, WebhookReceipt
from generation.models.prompts import DeniedPhrase, Preset, PromptUse

__all__ = [
    "AIModel",
    "CustomProvider",
    "DeniedPhrase",
    "Job",
    "JobInput",
    "JobOutput",
    "Preset",
    "PromptUse",
    "ProviderAlert",
    "ProviderCall",
    "Task",
    "WebhookReceipt",
]
