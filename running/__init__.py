"""Putting the house together and keeping it running; only app.py and tests come from outside."""
