"""Where a digest leaves: by e-mail."""
