"""The demo bazaar: a small marketplace with designs, listings and truth of its own."""
