"""Names that a measurement and the worker that it measures agree on."""

INSTANT = "instant"
NOTHING = "bench"
