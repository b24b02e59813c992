"""A first sweep: the registered space `mlp` on scikit-learn's digits.

Run it with `python examples/first_sweep.py`. Then `sweeps ui` shows the trials in the MLflow UI.
"""

import sweeps

result = sweeps.run("mlp", "digits", study="first-sweep", trials=6, epochs=5)

best = result.best
print(f"trial {best.trial} has the best {best.objective}, {best.value:.4f}, in epoch {best.epoch}")
for name, value in best.params.items():
    print(f"  {name} = {value}")
print("exported to", result.export(force=True))
