"""Export of trained models, and loading of models from files."""
