"""Search spaces: hyperparameters, their domains, and how a space is found and known again."""
