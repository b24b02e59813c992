"""The machine: files, locks, signals, places."""
