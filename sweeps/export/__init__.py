"""Trained models as files that leave the house, and models read back from files."""
