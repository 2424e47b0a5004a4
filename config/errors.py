"""What can be wrong with the settings."""


class ConfigError(Exception):
    """The settings cannot be used; the message names file, key and the nearest known key."""
