"""Subcommands of `sweeps` that live in a file of their own."""
