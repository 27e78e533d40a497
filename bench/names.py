"""Names that a measurement and the worker that it measures agree on."""

INSTANT = "instant"
NOTHING = "bench"
# Where the workers of `bench.inflight` add up their time.
BUSY = "bench:busy"
