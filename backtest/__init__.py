"""Replaying real deliveries with a hidden truth, to see how good the lists are. Nothing here is used in production."""
