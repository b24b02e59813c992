"""Disk usage of a study, and its removal: `sweeps clean` and `sweeps delete`."""
