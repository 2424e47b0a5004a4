"""Reads what a person saved: archives, pages with their pictures inside, recordings of a visit, lists of addresses."""
