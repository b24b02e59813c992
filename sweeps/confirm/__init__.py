"""The winner of a study checked: the finalists are trained again, and the winner is looked at on the test rows."""
