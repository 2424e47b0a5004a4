"""Composes: talks to the world, orders the work, shows it to people."""
