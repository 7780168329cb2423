"""The comparison finds a gain where there is one, and says how uncertain it is."""

import numpy as np
import pandas as pd
import pytest

from ionsieve.features.crystals.structure import FEATURES as STRUCTURE_COLUMNS
from ionsieve.features.transport.table import TRANSPORT_COLUMNS
from ionsieve.models.quantities.conductivity import formula_columns, lattice_columns
from ionsieve.pipeline.reference import compare_structure_features
from ionsieve.pipeline.reference.compare_structure_features import (
    ALL_ROWS,
    WITH_CRYSTAL,
    comparison,
    feature_sets,
    held_out_errors,
    mean_and_standard_error,
)

N_ROWS = 60
PARAMS = {
    "threads": 1,
    "n_splits": 3,
    "conductivity": {
        "blend": ["extra_trees", "linear"],
        "estimators": {
            "extra_trees": {"n_estimators": 10, "leave_out": ["magpie_"]},
            "linear": {"log10_alpha_range": [0, 2]},
        },
    },
}


@pytest.fixture
def measured() -> pd.DataFrame:
    """Sixty invented compounds of twenty publications; every third has no crystal."""
    rows = np.arange(N_ROWS)
    return pd.DataFrame(
        {
            "id": [f"m{i:02}" for i in rows],
            "formula": [f"Li{i + 1}P{N_ROWS}O{2 * N_ROWS}" for i in rows],
            "sigma_s_cm": 10.0 ** -(3.0 + rows * 37 % 10),
            "source": [f"paper {i // 3}" for i in rows],
            "structure_json": [None if i % 3 == 0 else "{}" for i in rows],
        }
    )


@pytest.fixture
def described(measured: pd.DataFrame) -> pd.DataFrame:
    """Constant descriptors, but for one of the crystal that gives the conductivity away."""
    columns = [*formula_columns(), *lattice_columns(), *STRUCTURE_COLUMNS]
    table = pd.DataFrame(1.0, index=measured["id"], columns=columns)
    return table.assign(packing_fraction=np.log10(measured["sigma_s_cm"]).to_numpy())


@pytest.fixture
def landscapes(measured: pd.DataFrame) -> pd.DataFrame:
    """Landscapes that tell nothing; one material has no path at all."""
    table = pd.DataFrame(0.3, index=measured["id"], columns=TRANSPORT_COLUMNS)
    table["mobile_site_shared"] = pd.Series([None, False, True] * (N_ROWS // 3), index=table.index, dtype=object)
    table.loc["m01", "migration_barrier_3d_ev"] = np.inf
    return table


def test_no_path_counts_as_the_highest_level_and_no_name_stands_twice(described, landscapes):
    table = feature_sets(described, landscapes)["+ both"]
    assert table.loc["m01", "transport_migration_barrier_3d_ev"] == 5.0
    assert np.isfinite(table.drop(columns="transport_mobile_site_shared")).all().all()
    assert table.columns.is_unique


def test_a_column_that_tells_all_is_seen_and_one_that_tells_nothing_is_not(measured, described, landscapes):
    sets = feature_sets(described, landscapes)
    errors = held_out_errors(measured, sets, PARAMS, seed=0)
    # 40 rows have a crystal; each is predicted once per split, with four sets, by two members and their blend.
    counts = errors.groupby(["split", "learned_from", "features", "estimator"]).size()
    assert len(counts) == 2 * 2 * 4 * 3
    assert (counts == 40).all()
    assert set(errors["learned_from"]) == {ALL_ROWS, WITH_CRYSTAL}
    means = errors[errors["estimator"] == "linear"].groupby(["features", "split", "learned_from"])["error"].mean()
    # Ten decades evenly spread: a constant errs by 2.5, the line through the right column by little.
    assert (means["formula and lattice"] > 2).all()
    assert (means["+ structure"] < 0.5).all()
    assert means["+ transport"].to_numpy() == pytest.approx(means["formula and lattice"].to_numpy(), abs=0.2)


def test_rows_of_one_group_count_as_one_observation():
    # Two groups with the means 1 and 3: the standard error of two observations is sqrt(2) / sqrt(2) = 1.
    assert mean_and_standard_error(np.array([1.0, 1, 3, 3]), np.array([0, 0, 1, 1])) == pytest.approx((2.0, 1.0))
    # Every row on its own: the textbook's standard error, s / sqrt(n).
    values = np.array([0.5, -1.0, 2.0, 4.0, 0.0])
    expected = (values.mean(), values.std(ddof=1) / np.sqrt(5))
    assert mean_and_standard_error(values, np.arange(5)) == pytest.approx(expected)


def test_differences_are_paired_by_row_and_seed():
    errors = pd.DataFrame(
        [("blend", name, seed, row, 1.0 + row + extra * (1 + seed))
         for name, extra in (("without", 0.0), ("with", -0.1))
         for seed in (0, 1) for row in range(4)],
        columns=["estimator", "features", "seed", "row", "error"],
    ).assign(split="grouped", learned_from=ALL_ROWS)  # fmt: skip
    (row,) = comparison(errors, np.arange(4), ["without", "with"]).to_dict("records")
    # Errors 1, 2, 3, 4; every row gains 0.1 with the first seed and 0.2 with the second, so rows do not differ.
    assert row["without"] == "2.500"
    assert row["with"] == "-0.150 ± 0.000 [-0.200, -0.100]"


def test_the_command_reports_or_says_what_is_missing(
    measured, described, landscapes, tmp_path, monkeypatch, capsys, project
):
    monkeypatch.chdir(project.folder)  # with params of its own
    monkeypatch.setattr(compare_structure_features, "SEEDS", (0,))
    paths = [str(tmp_path / f"{name}.parquet") for name in ("measured", "features", "transport")]
    for table, path in zip((measured, described.reset_index(), landscapes.reset_index()), paths, strict=True):
        table.to_parquet(path)
    compare_structure_features.main(*paths)
    printed = capsys.readouterr().out
    assert "60 rows, 40 of them with a crystal" in printed
    assert "± " in printed
    measured.assign(structure_json=None).to_parquet(paths[0])
    with pytest.raises(compare_structure_features.InputError, match="0 measured rows have a crystal"):
        compare_structure_features.main(*paths)
