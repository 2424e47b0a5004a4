"""Composes: talks to the world, orders the work, shows it to people."""

from importlib.metadata import version

__version__ = version("bazaarwatch")
