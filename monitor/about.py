"""What this program calls itself."""

from importlib.metadata import version

VERSION = version("bazaarwatch")
