"""Configuration of the house; imports nothing of ours."""

from settings.load import ConfigError, load
from settings.schema import Limits, Settings

__all__ = ["ConfigError", "Limits", "Settings", "load"]
