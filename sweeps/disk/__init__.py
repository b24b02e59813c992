"""What a study takes of the disk, and how it is removed: `sweeps clean` and `sweeps delete`."""
