"""How a sweep is run: its workers, its tasks, and the loop that hands them out."""
