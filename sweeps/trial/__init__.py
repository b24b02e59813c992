"""One trial: planned, checked, trained, resumed."""
