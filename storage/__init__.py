"""Remembers: tables and the questions asked of them. Knows no marketplace."""
