"""Where the units of work run. Tasks take ids; only these files know the queue."""
