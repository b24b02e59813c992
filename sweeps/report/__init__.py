"""Pictures and event files, derived from a study and its record."""
