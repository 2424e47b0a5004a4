"""Settles: defaults, a file and the environment into one frozen Settings."""
