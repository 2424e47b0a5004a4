"""What was seen, when, under which SHA-256: kept with each alert, exported whole, and proved unchanged offline."""
