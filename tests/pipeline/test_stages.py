"""Every stage on a dozen materials, run by the commands of dvc.yaml: what it writes, counts, and never changes."""

import importlib
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ionsieve.models.judgement.roles import ROLES
from ionsieve.pipeline.closure import local_files
from ionsieve.pipeline.plan import run_steps
from ionsieve.pipeline.tables import InputError
from ionsieve.pipeline.workspace import Block, Workspace

ROOT = Path(__file__).resolve().parents[2]
LISTS = ("ready", "explore", "fell")
LATTICE = "space_group_number a_angstrom b_angstrom c_angstrom alpha_deg beta_deg gamma_deg formula_units_z"
BARRIERS = " ".join(f"{kind}_barrier_{d}d_ev" for kind in ("percolation", "migration") for d in (1, 2, 3))
STABILITY = """id formula e_above_hull_ev_atom decomposition_energy_ev_atom hull_complete reduction_limit_v
    hull_incomplete_reason anion_group oxidation_ceiling_v
    oxidation_limit_v reduction_limit_tol_v oxidation_limit_tol_v decomposition_products reduction_products
    oxidation_products products_at_0v charge_balanced e_rxn_h2o_ev e_rxn_co2_ev products_h2o products_co2
    h2s_released_mol h2_released_mol e_rxn_h2o_ev_atom e_rxn_co2_ev_atom note"""
TRANSPORT = f"id {BARRIERS} dimensionality mobile_site_shared note"
PROMISED = {
    "interim/measurements": f"""id formula sigma_s_cm sigma_upper_bound_s_cm kind temperature_c activation_energy_ev
        family {LATTICE} source phase sample note structure_json""",
    "interim/band_gaps": "id formula band_gap_ev method",
    "interim/phases": "formula formation_energy_ev_atom thermo_set",
    "interim/candidates": f"id formula formation_energy_ev_atom {LATTICE} structure_json origin note",
    "processed/features_measurements": "id",
    "processed/features_band_gaps": "id",
    "processed/features_phases": "id",
    "processed/features_candidates": "id",
    "processed/stability_candidates": STABILITY,
    "processed/stability_phases": STABILITY,
    "processed/interfaces": "id formula partner e_rxn_ev_atom e_rxn_total_ev_atom fraction_a products note "
    "e_open_ev_non_li e_open_voltage_v e_open_products e_open_flag",
    "processed/transport_candidates": TRANSPORT,
    "processed/transport_measurements": TRANSPORT,
    "processed/predictions": """id formula log10_sigma log10_sigma_low log10_sigma_high probability_sigma_ge_1e_4
        probability_sigma_ge_1e_3 near log10_sigma_decides sigma_publications sigma_phase sigma_kind sigma_source
        sigma_match measured_crystalline sigma_origin in_domain domain domain_distance band_gap_ev band_gap_low_ev
        band_gap_high_ev band_gap_origin band_gap_host band_gap_decides_ev band_gap_spans reduction_limit_predicted_v
        oxidation_limit_predicted_v note""",
    "processed/verdicts": "id formula role list first_failed_filter value threshold margin unknown_filters next_filter",
}
KEPT = ["019", "1e9", "NaN", "a b", "cathode", "film", "new", "poly", "sulfide", "unlisted"]
RESULTS = [
    "processed/predictions.parquet",
    "processed/judged.parquet",
    "processed/verdicts.parquet",
    "interim/rejected.csv",
]
RESULTS += [f"shortlists/{name}" for name in ("funnel.json", *(f"{role}.csv" for role in ROLES), "stacks.csv")]


def read(project, name: str) -> pd.DataFrame:
    return pd.read_parquet(project.folder / "data" / f"{name}.parquet")


def listed(project, name: str) -> pd.DataFrame:
    return pd.read_csv(project.folder / f"data/shortlists/{name}.csv", dtype={"id": str}, keep_default_na=False)


@pytest.mark.parametrize("name", PROMISED)
def test_a_table_has_the_columns_promised(finished, name):
    assert set(PROMISED[name].split()) <= set(read(finished, name).columns)


def test_every_stage_writes_its_outputs_and_nothing_it_does_not_name(finished):
    stages = finished.stages()
    outs = {out for step in stages.values() for out in step.outs}
    assert all((finished.folder / out).exists() for out in outs)
    written = {p.relative_to(finished.folder).as_posix() for p in (finished.folder / "data").rglob("*") if p.is_file()}
    made = {w for w in written if not w.startswith(("data/raw/", "data/reference/"))}
    assert {m for m in made if not any(m == out or m.startswith(f"{out}/") for out in outs)} == set()


def test_a_stage_reads_only_what_it_declares_and_what_exists_by_then(finished):
    made: set[str] = set()
    for name, step in finished.stages().items():
        assert set(step.outs) <= set(step.files.values()), name
        assert all(path.startswith("data/tmp/") for path in step.scratch), name
        computed = [f for f in step.inputs if not f.startswith(("data/raw/", "data/reference/", "/"))]
        assert [f for f in computed if not any(f == m or f.startswith(f"{m}/") for m in made)] == [], name
        made |= set(step.outs)


def test_a_stage_declares_all_code_it_imports_and_the_params_it_reads(finished):
    # DVC follows no imports: what is not declared gives an old result that looks new.
    for name, step in finished.stages().items():
        versions = f"pipeline/stages/locked/{step.module.rpartition('.')[2]}.json"
        assert versions in step.deps, name
        code = {dep for dep in step.deps if dep.startswith(("features/", "models/", "pipeline/"))} - {versions}
        files = local_files(step.module)
        assert {f for f in files if not any(f == dep or f.startswith(f"{dep}/") for dep in code)} == set(), name
        assert {dep for dep in code if not any(f == dep or f.startswith(f"{dep}/") for f in files)} == set(), name
        asked = inspect.signature(importlib.import_module(step.module).run).parameters.values()
        assert {keyword.name for keyword in asked if keyword.annotation is Block} == set(step.params), name


def test_a_module_that_draws_reruns_the_report_alone(finished):
    drawn = "features/transport/landscape_picture.py"
    touched = [name for name, step in finished.stages().items() if any(drawn.startswith(dep) for dep in step.deps)]
    assert touched == ["report"]


def test_candidates_keep_their_ids_as_written_sorted(finished):
    for name in ("interim/candidates", "processed/stability_candidates", "processed/predictions", "processed/judged"):
        assert list(read(finished, name)["id"]) == KEPT, name
    rejected = pd.read_csv(finished.folder / "data/interim/rejected.csv", dtype=str)
    assert set(rejected["id"]) == {"salt", "odd"}
    assert "same as same" in read(finished, "interim/candidates").set_index("id").loc["019", "note"]


def test_each_candidate_meets_each_partner_once(finished):
    rows = read(finished, "processed/interfaces")
    assert len(rows) == len(KEPT) * 4  # water is no contact of a cell
    assert not rows.duplicated(["id", "partner"]).any()
    at_voltage = rows["partner"].str.startswith("lco_")
    assert rows.loc[~at_voltage, "e_open_ev_non_li"].isna().all()
    by_charge = rows[at_voltage].pivot(index="id", columns="partner", values="e_open_ev_non_li")
    assert by_charge["lco_lithiated"].notna().any()
    assert by_charge["lco_lithiated"].equals(by_charge["lco_delithiated"].rename("lco_lithiated"))


def test_what_a_missing_compound_touches_is_unknown(finished):
    stability = read(finished, "processed/stability_candidates").set_index("id")
    assert not stability.loc["unlisted", "hull_complete"]  # Li3YCl6 stands in missing_phases.csv
    judged = read(finished, "processed/judged").set_index("id")
    assert np.isnan(judged.loc["unlisted", "oxidation_limit_tol_v"])
    assert judged.loc["019", "hull_complete"]


def test_measured_values_go_before_predicted_ones(finished):
    rows = read(finished, "processed/predictions").set_index("id")
    # Three measurements of Li3PO4: 1, 2 and 4e-9 S/cm; their median is 2e-9.
    assert rows.loc["019", "log10_sigma"] == pytest.approx(np.log10(2e-9))
    assert rows.loc["019", ["sigma_origin", "near", "sigma_publications"]].tolist() == ["measured", True, 1]
    assert rows.loc["019", "sigma_match"] == "composition only; the polymorph is not stated"
    assert rows.loc["new", "sigma_origin"] == "predicted"
    assert rows.loc["1e9", ["band_gap_ev", "band_gap_origin"]].tolist() == [4.0, "measured"]
    assert np.isnan(rows.loc["a b", "log10_sigma"])  # Al2O3 has no lithium to conduct


def test_a_bound_is_left_out_of_training(finished):
    held_out = pd.read_parquet(finished.folder / "data/models/held_out.parquet")
    learned = held_out[held_out["model"].str.startswith("conductivity")]
    assert "Li3PO4_0" in set(learned["id"])
    assert "bound" not in set(learned["id"])


def test_the_funnel_adds_up_to_the_shortlists(finished):
    funnel = json.loads((finished.folder / "data/shortlists/funnel.json").read_text())
    assert (funnel["candidates"], funnel["rejected"]) == (len(KEPT), 2)
    verdicts = read(finished, "processed/verdicts")
    for role, part in funnel["roles"].items():
        left = len(KEPT)
        for row in part["filters"]:
            assert row["n_in"] == left
            left -= row["n_dropped"]
            assert row["n_out"] == left
        judged = verdicts[verdicts["role"] == role]
        assert (judged["list"] != "fell").sum() == left
        assert judged["list"].value_counts().reindex(LISTS, fill_value=0).to_dict() == part["lists"]
        fell = judged[judged["list"] == "fell"]["first_failed_filter"].value_counts().to_dict()
        assert fell == {row["filter"]: row["n_dropped"] for row in part["filters"] if row["n_dropped"]}
    kept = verdicts[verdicts["list"] != "fell"]
    for role in ROLES:
        shown = listed(finished, role)
        polymorphs = re.findall(r"(\w+) \((?:ready|explore)\)", " ".join(shown["polymorphs"]))
        assert {*shown["id"], *polymorphs} == set(kept[kept["role"] == role]["id"]), role


def test_what_is_unknown_is_to_be_explored_and_says_what_is_missing(finished):
    unlisted = listed(finished, "cathode_coating").set_index("id").loc["unlisted"]
    assert unlisted["list"] == "explore"
    assert "unknown" in unlisted["flags"]
    assert unlisted["oxidation_limit_tol_v"] == ""
    assert "compute" in unlisted["next_step"]


def test_lists_are_ranked_ready_first_one_row_per_composition(finished):
    for role in ROLES:
        rows = listed(finished, role)
        assert [int(rank) for rank in rows["rank"]] == list(range(1, len(rows) + 1)), role
        assert (rows["list"] == "explore").is_monotonic_increasing, role
        assert not rows["formula"].duplicated().any(), role
        assert (rows["next_step"] != "").equals(rows["list"] == "explore"), role


def test_the_report_is_one_page_without_the_network(finished):
    page = (finished.folder / "data/shortlists/report.html").read_text()
    assert "LiNbO" in page
    outside = re.sub(r"<script\b.*?</script>", "", page, flags=re.S)  # plotly's own code names addresses it never loads
    assert re.findall(r"""(?:src|href)\s*=\s*["']?https?:""", outside) == []


def test_printed_counts_add_up(project, capsys):
    project.run("measurements", "band_gaps", "phases", "candidates")
    printed = capsys.readouterr().out
    counts = re.findall(r"^(\w+): (\d+) rows in, (\d+) out(.*)$", printed, flags=re.M)
    assert [c[0] for c in counts] == ["measurements", "band_gaps", "phases", "candidates"]
    for _, n_in, n_out, dropped in counts:
        assert int(n_in) == int(n_out) + sum(map(int, re.findall(r"(\d+) (?:merged|set aside|higher)", dropped)))


@pytest.fixture(scope="module")
def shuffled(finished, tmp_path_factory):
    """The finished project's sources in reverse order, run again."""
    folder = tmp_path_factory.mktemp("shuffled")
    again = type(finished)(folder)
    for path in [*(finished.folder / "data/raw").rglob("*"), *(finished.folder / "data/reference").rglob("*")]:
        if path.suffix == ".csv" and path.name not in ("elements.csv", "partners.csv"):
            header, *lines = path.read_text().splitlines()
            again.write(str(path.relative_to(finished.folder)), "\n".join([header, *reversed(lines), ""]))
        elif path.is_file():
            again.write(str(path.relative_to(finished.folder)), path.read_bytes())
    again.set_params()
    again.run()
    return again


@pytest.mark.parametrize("name", [r for r in RESULTS if "rejected" not in r])
def test_row_order_of_the_input_changes_no_result(finished, shuffled, name):
    a, b = ((p.folder / "data" / name).read_bytes() for p in (finished, shuffled))
    assert a == b


@pytest.fixture(scope="module")
def repeated(finished, tmp_path_factory):
    """The last stages run again on the finished project's tables, elsewhere."""
    again = type(finished)(tmp_path_factory.mktemp("repeated"))
    for path in (p for p in finished.folder.rglob("*") if p.is_file()):
        name = str(path.relative_to(finished.folder))
        if name.startswith(("data/raw", "data/reference", "data/interim", "data/processed", "params.yaml")):
            again.write(name, path.read_bytes())
    again.run(
        *[
            name
            for name in finished.stages()
            if name.split("@")[0] in ("train", "predict", "screen", "shortlist", "report")
        ]
    )
    return again


@pytest.mark.parametrize("name", [*RESULTS, "shortlists/report.html", "models/scores.json", "models/folds.csv"])
def test_the_same_input_gives_the_same_bytes(finished, repeated, name):
    assert (finished.folder / "data" / name).read_bytes() == (repeated.folder / "data" / name).read_bytes()


@pytest.mark.parametrize(
    ("text", "said"), [("phases: [", "not valid YAML"), ("train: {}", "no block 'phases'"), ("", "holds no blocks")]
)
def test_a_params_file_that_is_broken_or_lacks_a_block_is_named(project, text, said):
    step = project.stages()["phases"]
    project.write("params.yaml", text)
    with pytest.raises(InputError, match=said) as error:
        run_steps([step], Workspace.at(project.folder))
    assert "params.yaml" in str(error.value)


def test_a_source_that_does_not_exist_is_named_beside_those_that_do(project):
    project.set_params(phases={"source": "materials_project"})
    with pytest.raises(
        InputError, match=r"phases.source: 'materials_project' is unknown. Choose one of embedded, table"
    ):
        project.run("phases")
