"""The way to Stripe and back: what is asked of it, and what its answers mean for us."""
