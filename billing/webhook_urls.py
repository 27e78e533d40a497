"""The addresses that Stripe tells: dj-stripe's by the endpoint, and ours for the endpoint that was made by hand."""

from django.urls import path

from billing.stripe.webhooks import stripe_webhook

urlpatterns = [
    path("stripe/webhook/<uuid:uuid>", stripe_webhook, name="stripe-webhook"),
    path("hooks/stripe", stripe_webhook, name="stripe-webhook-configured"),
]
