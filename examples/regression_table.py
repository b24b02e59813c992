"""A regression on a CSV file: the columns are scaled inside of the model, so that it takes the raw table."""

from pathlib import Path

from sklearn.datasets import load_diabetes

import sweeps

table = Path("diabetes.csv")
load_diabetes(as_frame=True, scaled=False).frame.to_csv(table, index=False)

result = sweeps.run("mlp", str(table), target="target", study="regression-table", trials=6, epochs=20)

print(f"the best root mean squared error of the validation rows is {result.best.value:.1f}")
print("exported to", result.export(force=True))
print(f"predict with: sweeps predict --model exports/regression-table {table}")
