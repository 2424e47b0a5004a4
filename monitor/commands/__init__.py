"""The commands, a file for each noun. Thin: they ask, call and print."""
