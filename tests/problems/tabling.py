"""Tables for the tests: made with numpy, written with pandas."""

from pathlib import Path

import numpy as np
import pandas as pd


def customers(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """Twenty columns with text, rare text, missing numbers, yes/no, an id, and who leaves."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({f"n{i}": rng.standard_normal(rows) for i in range(12)})
    table["tenure"] = rng.integers(0, 72, rows)
    table["income"] = rng.normal(50_000.0, 9_000.0, rows)
    table["contract"] = rng.choice(["month-to-month", "one year", "two year"], rows)
    table["city"] = rng.choice(
        ["Köln", "Bonn", "Ulm", "Rare 1", "Rare 2"], rows, p=[0.6, 0.2, 0.19, 0.005, 0.005]
    )
    table["senior"] = rng.choice([True, False], rows)
    table["customer"] = [f"c{i:05d}" for i in rng.permutation(rows)]
    z = 2 * table["n0"] - table["n1"] + (table["contract"] == "two year") * 2 - table["tenure"] / 36
    table["churn"] = np.where(z + 0.3 * rng.standard_normal(rows) > 0, "yes", "no")
    table.loc[rng.random(rows) < 0.1, "n2"] = np.nan
    table.loc[rng.random(rows) < 0.1, "income"] = np.nan
    table.loc[rng.random(rows) < 0.05, "contract"] = None
    table["last"] = rng.uniform(0.0, 1.0, rows)
    return table


def written(table: pd.DataFrame, path: Path) -> str:
    """Write a table in the format that the path's ending says."""
    name = path.name
    if name.endswith((".csv", ".csv.gz")):
        table.to_csv(path, index=False)
    elif name.endswith(".tsv"):
        table.to_csv(path, index=False, sep="\t")
    elif name.endswith(".parquet"):
        table.to_parquet(path)
    elif name.endswith(".feather"):
        table.to_feather(path)
    else:
        table.to_json(path, orient="records", lines=True)
    return str(path)
