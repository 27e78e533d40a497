"""What catalogue rows call the providers. Apart from the adapters, whose SDKs take long to load and much memory."""

LOCAL = "local"
FAL = "fal"
REPLICATE = "replicate"
OPENAI = "openai"
STABILITY = "stability"
TOGETHER = "together"
# In front of the short name of an endpoint that an operator added.
CUSTOM = "custom:"
