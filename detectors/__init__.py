"""Judges: the product's vocabulary, and when two things are alike. Values in, values out."""
