"""`make bench-trainings`: trainings of the `mlp` space, from which portfolios are learned and searches judged.

data_sets.py -> make.py -> portfolio.py -> __main__.py; on_test_rows.py is loaded by the sweeps.
"""
