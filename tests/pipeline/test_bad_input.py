"""Bad input to the stages: one clear message naming file, row, value and remedy; nothing lost or half-written."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

import ionsieve.pipeline.stage
import ionsieve.pipeline.stages.transport
from ionsieve.pipeline import tables
from ionsieve.pipeline.commands import app
from ionsieve.pipeline.report import summary
from ionsieve.pipeline.tables import InputError

MEASUREMENTS = [
    ("unbalanced", "Li3(PO4", "1e-9", "'Li3(PO4' cannot be parsed"),
    ("unknown", "LiXx2", "1e-9", "'LiXx2' names no known element in Xx"),
    ("no_lithium", "Na3PO4", "1e-9", "'Na3PO4' holds no lithium"),
    ("blank", "", "1e-9", "the formula is empty"),
    ("zero", "LiF", "0", "conductivity of 0.0 S/cm is not positive"),
    ("negative", "LiCl", "-1e-3", "conductivity of -0.001 S/cm is not positive"),
    ("infinite", "LiCl", "inf", "conductivity of inf S/cm is not positive and finite"),
    ("text", "LiBr", "high", "sigma_s_cm 'high' is not a number"),
    ("nothing", "LiI", "", "either sigma_s_cm or sigma_upper_bound_s_cm must be given"),
    ("not_a_number", "LiI", "nan", "either sigma_s_cm or sigma_upper_bound_s_cm must be given"),
]


def main_of(project, stage: str) -> str:
    """The message of a stage that must fail."""
    with pytest.raises(InputError) as error:
        project.run(stage)
    return str(error.value)


@pytest.mark.parametrize(("id_", "formula", "sigma", "said"), MEASUREMENTS)
def test_a_bad_measurement_stops_the_stage_naming_file_row_value_and_remedy(project, id_, formula, sigma, said):
    project.write("data/raw/measured.csv", f"id,formula,sigma_s_cm\nok,Li3PO4,1e-9\n{id_},{formula},{sigma}\n")
    message = main_of(project, "measurements")
    for part in ("data/raw/measured.csv", "1 problem(s)", f"row '{id_}'", said, "measurements.drop_ids in params.yaml"):
        assert part in message
    assert not (project.folder / "data/interim/measurements.parquet").exists()
    project.set_params(measurements={"drop_ids": [id_]})
    project.run("measurements")
    assert list(pd.read_parquet(project.folder / "data/interim/measurements.parquet")["id"]) == ["ok"]


def test_a_duplicate_id_is_named_with_its_count(project):
    project.write("data/raw/measured.csv", "id,formula,sigma_s_cm\n019,LiF,1e-9\n019,LiCl,1e-9\n19,LiI,1e-9\n")
    assert "row '019': this id stands 2 times" in main_of(project, "measurements")


@pytest.mark.parametrize("stage", ["measurements", "band_gaps", "phases", "candidates"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"formula\n", "has no rows|missing column"),
        (b"name,value\nLi2O,1\n", "missing column .*It has: name, value"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "cannot be read as a table|missing column"),
    ],
)
def test_a_table_that_is_empty_or_lacks_a_column_is_named(project, stage, content, said):
    path = {"measurements": "measured", "band_gaps": "gaps"}.get(stage, stage)
    project.write(f"data/raw/{path}.csv", content)
    message = main_of(project, stage)
    assert f"data/raw/{path}.csv" in message
    assert re.search(said, message)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("LiF,", "formation energy of nan eV/atom"),
        ("LiF,nan", "formation energy of nan eV/atom"),
        ("LiF,-616", "formation energy of -616.0 eV/atom (missing, or beyond 5)"),
        ("LiF,inf", "formation energy of inf eV/atom"),
        ("LiF,low", "formation_energy_ev_atom 'low' is not a number"),
        ("Li(F,-3", "'Li(F' cannot be parsed"),
        ("LiQq,-3", "no known element in Qq"),
    ],
)
def test_a_bad_phase_is_named_by_its_line(project, row, said):
    project.write("data/raw/phases.csv", f"formula,formation_energy_ev_atom\nLi2O,-2.07\n{row}\n")
    message = main_of(project, "phases")
    for part in ("data/raw/phases.csv", "row '3'", said, "Correct or remove them"):
        assert part in message


def test_mixed_thermochemistries_are_refused_by_name(project):
    project.write(
        "data/raw/phases.csv", "formula,formation_energy_ev_atom,thermo_set\nLi2O,-2.07,mp2019\nLiF,-3.2,chgnet030\n"
    )
    assert "thermo_sets chgnet030, mp2019 are mixed" in main_of(project, "phases")


@pytest.mark.parametrize(("gap", "said"), [("-1", "-1.0 eV"), ("", "missing"), ("wide", "'wide' is not a number")])
def test_a_bad_gap_is_named(project, gap, said):
    project.write("data/raw/gaps.csv", f"id,formula,band_gap_ev\nok,LiF,13.6\nbad,LiCl,{gap}\n")
    message = main_of(project, "band_gaps")
    assert "row 'bad'" in message
    assert said in message


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("bad,Li3(PO4,,", "cannot be parsed"),
        ("bad,LiXx2,,", "no known element in Xx"),
        ("bad,,,", "the formula is empty"),
        ("bad,NaCl,,", "holds no lithium and is no oxide"),
        ("bad,Li,,", "an element"),
        ("ok,LiF,,", "the id stands on an earlier row"),
        ("bad,LiF,-205,", "formation energy beyond 5 eV/atom"),
        ("bad,LiF,inf,", "formation energy beyond 5 eV/atom"),
        ("bad,LiF,low,", "formation_energy_ev_atom 'low' is not a number"),
        ("bad,LiF,,Q7", "space group 'Q7' is unknown"),
        ("bad,LiF,,999", "space group '999' is unknown"),
    ],
)
def test_a_bad_candidate_is_set_aside_with_its_reason_and_the_rest_goes_on(project, capsys, row, reason):
    header = "id,formula,formation_energy_ev_atom,space_group\n"
    project.write("data/raw/candidates.csv", f"{header}ok,Li3PO4,,62\n{row}\nfine,LiNbO3,-2.8,161\n")
    project.run("candidates")
    assert list(pd.read_parquet(project.folder / "data/interim/candidates.parquet")["id"]) == ["fine", "ok"]
    rejected = pd.read_csv(project.folder / "data/interim/rejected.csv", keep_default_na=False)
    assert list(rejected["id"]) == [row.split(",")[0]]
    assert reason in rejected["reason"][0]
    assert "data/raw/candidates.csv" in rejected["source"][0]
    assert "3 rows in, 2 out (1 set aside" in capsys.readouterr().out


@pytest.mark.parametrize("cell", ["0", "-5.1", "inf"])
def test_an_impossible_cell_is_named(project, cell):
    header = "id,formula,sigma_s_cm,a_angstrom,formula_units_z\n"
    project.write("data/raw/measured.csv", f"{header}a,LiF,1e-9,{cell},4\nb,LiF,1e-9,4.0,{cell}\n")
    message = main_of(project, "measurements")
    assert f"row 'a': a_angstrom {float(cell):g} is not positive and finite" in message
    assert f"row 'b': formula_units_z {float(cell):g} is not positive and finite" in message
    project.write("data/raw/candidates.csv", f"id,formula,c_angstrom\nok,LiF,\nbad,LiCl,{cell}\n")
    project.run("candidates")
    reason = pd.read_csv(project.folder / "data/interim/rejected.csv").set_index("id")["reason"]
    assert "c_angstrom" in reason["bad"]


@pytest.mark.parametrize("cell", ["abc", "231", "-3", "62.5"])
def test_a_space_group_number_that_is_none_is_no_crash(project, cell):
    project.write("data/raw/candidates.csv", f"id,formula,space_group_number\nok,LiF,225\nbad,LiCl,{cell}\n")
    project.run("candidates")
    rejected = pd.read_csv(project.folder / "data/interim/rejected.csv")
    assert list(rejected["id"]) == ["bad"]
    assert cell in rejected["reason"][0]
    project.write("data/raw/measured.csv", f"id,formula,sigma_s_cm,space_group_number\nbad,LiCl,1e-9,{cell}\n")
    message = main_of(project, "measurements")
    assert "row 'bad': space group" in message
    assert cell in message


def test_bad_cifs_are_set_aside_and_counted_in_the_funnel(project, crystals):
    project.set_params(candidates={"source": "cifs", "path": "data/raw/own"})
    bad = {
        "empty": "",
        "blank": "\n \n",
        "truncated": crystals.format(occupancy=1, x=0)[:250],
        "binary": b"\x00\x01\xff" * 99,
        "prose": "Dear colleague, here is the structure.",
        "overlapping": crystals.format(occupancy=1, x=0) + "Li5 Li 0.5 0.5 0.49 1\n",
        "overfull": crystals.format(occupancy=1.9, x=0),
        "nonsense_cell": crystals.format(occupancy=1, x=0).replace("5.13", "-1"),
    }
    for name, text in bad.items():
        project.write(f"data/raw/own/{name}.cif", text)
    project.write("data/raw/own/whole.cif", crystals.format(occupancy=1, x=0))
    project.write("data/raw/own/partial.cif", crystals.format(occupancy=0.5, x=0))
    project.write("data/raw/own/notes.txt", "not looked at")
    project.run("candidates")
    rows = pd.read_parquet(project.folder / "data/interim/candidates.parquet").set_index("id")
    assert set(rows.index) == {"whole", "partial"}
    assert rows.loc["partial", "formula"] == "Li3.5Cl4"  # one of four sites half full
    rejected = pd.read_csv(project.folder / "data/interim/rejected.csv").set_index("id")["reason"]
    assert set(rejected.index) == set(bad)
    assert "empty" in rejected["empty"]
    assert "binary" in rejected["binary"]
    assert "overlap" in rejected["overlapping"]


def test_no_usable_candidate_stops_with_the_reasons_counted(project):
    project.write("data/raw/candidates.csv", "formula\nNaCl\nKCl\nXx\n")
    message = main_of(project, "candidates")
    assert "no row can be screened" in message
    assert "2 × holds no lithium" in message


def test_where_no_material_is_left_a_sentence_names_the_filter_and_the_report_stands(copy_of, finished, capsys):
    project = copy_of(finished)
    project.write("data/raw/candidates.csv", "id,formula\na,LiCoO2\nb,Li0.5CoO2\n")
    later = ("interfaces", "predict", "screen", "shortlist", "report")
    names = [n for n in project.stages() if n in later or (n.endswith("candidates"))]
    project.run(*names)
    funnel = json.loads((project.folder / "data/shortlists/funnel.json").read_text())
    # Cobalt conducts electrons: the filter on mixed conduction takes both rows.
    sentence = funnel["roles"]["electrolyte"]["empty"]
    assert "mixed conduction" in sentence.replace("_", " ")
    assert sentence in capsys.readouterr().out
    electrolytes = pd.read_csv(project.folder / "data/shortlists/electrolyte.csv")
    assert electrolytes.empty
    assert {"rank", "list", "id", "formula", "score", "next_step"} <= set(electrolytes.columns)
    assert pd.read_csv(project.folder / "data/shortlists/stacks.csv").empty
    page = (project.folder / "data/shortlists/report.html").read_text()
    assert "mixed conduction" in page.replace("_", " ")
    summary.print_results(project.folder / "data/shortlists")
    assert "the best of 0 compositions" in capsys.readouterr().out


def test_too_few_rows_to_learn_from_leave_predictions_unknown_and_the_rest_goes_on(copy_of, finished, capsys):
    project = copy_of(finished)
    project.write("data/raw/measured.csv", "id,formula,sigma_s_cm\na,Li3PO4,1e-9\nb,LiF,1e-11\n")
    project.write("data/raw/gaps.csv", "formula,band_gap_ev\nLiF,13.6\n")
    stages = [n for n in project.stages() if not n.startswith(("phases", "candidates", "stability", "interfaces"))]
    project.run(*stages)
    assert "not trained: 2 rows" in capsys.readouterr().out
    rows = pd.read_parquet(project.folder / "data/processed/predictions.parquet").set_index("id")
    assert rows.loc["019", "log10_sigma"] == pytest.approx(-9)  # measured, whatever the model
    assert pd.isna(rows.loc["new", "log10_sigma"])
    assert "not trained" in (project.folder / "data/shortlists/report.html").read_text()


def test_a_folder_that_cannot_be_written_is_named(project):
    project.write("data/interim", "a file where a folder should be")
    message = main_of(project, "phases")
    assert "data/interim" in message
    assert "cannot be written" in message


def test_a_stage_ends_with_the_message_alone(project):
    project.write("data/raw/phases.csv", "formula,formation_energy_ev_atom\nLiF,abc\n")
    command = [sys.executable, "-m", "ionsieve.pipeline.stages.phases"]
    command += ["--table", "data/raw/phases.csv", "--out", "out.parquet"]
    done = subprocess.run(command, cwd=project.folder, env=own_code(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "'abc' is not a number" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.folder / "out.parquet").exists()


def own_code() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(tables.Path(tables.__file__).parents[2])}


SLOW_STAGE = """
import time
import ionsieve.features.transport.table
from ionsieve.pipeline.stages import transport
from ionsieve.pipeline.stage import stage_main
computed = ionsieve.features.transport.table.transport_row
def slowly(*arguments):
    time.sleep(0.3)
    return computed(*arguments)
ionsieve.features.transport.table.transport_row = slowly
stage_main(transport.run)
"""


@pytest.fixture(scope="module")
def crystal_table(finished, crystals, tmp_path_factory):
    """Ten cells of different size, as a measurements table; and the result of a run that nothing interrupts."""
    project = type(finished)(tmp_path_factory.mktemp("uninterrupted"))
    project.set_params()
    for k in range(10):
        text = crystals.format(occupancy=1, x=0).replace("5.13", f"{5.0 + k / 20:.2f}")
        project.write(f"data/raw/own/c{k}.cif", text)
    project.write("data/raw/measured.csv", "id,formula,sigma_s_cm\n" + "".join(f"c{k},LiCl,1e-9\n" for k in range(10)))
    project.set_params(measurements={"cifs": "data/raw/own"})
    project.run("measurements", "transport@measurements")
    return project


def kill_in_the_middle(project) -> None:
    """kill -9 once the first rows are in."""
    command = [sys.executable, "-c", SLOW_STAGE, *project.command("transport@measurements")]
    stage = subprocess.Popen(command, cwd=project.folder, env=own_code(), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not partial_rows(project) and stage.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    stage.kill()
    assert stage.wait(30) == -signal.SIGKILL


def interrupt_in_the_middle(project) -> None:
    """Ctrl-C when the third row has been written."""
    append = ionsieve.pipeline.stages.transport.PartialResults.append

    def third_time(self, key, row):
        append(self, key, row)
        if len(partial_rows(project)) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ionsieve.pipeline.stages.transport.PartialResults, "append", third_time)
        with pytest.raises(KeyboardInterrupt):
            project.run("transport@measurements")


@pytest.mark.parametrize("stop", [kill_in_the_middle, interrupt_in_the_middle])
def test_an_interrupted_transport_goes_on_and_gives_the_same_bytes(copy_of, crystal_table, capsys, stop):
    project = copy_of(crystal_table)
    out = project.folder / "data/processed/transport_measurements.parquet"
    whole = out.read_bytes()
    out.unlink()  # as DVC does before a stage
    stop(project)
    assert not out.exists()
    kept = partial_rows(project)
    assert 0 < len(kept) < 10
    torn = next((project.folder / "data/tmp/transport").rglob("*.jsonl"))
    torn.write_text(torn.read_text() + '{"key": "half a li')  # a write cut short
    capsys.readouterr()
    project.run("transport@measurements")
    assert f"{len(kept)} taken over from an interrupted run" in capsys.readouterr().out
    assert out.read_bytes() == whole
    assert not list((project.folder / "data/tmp").rglob("*.jsonl"))


def partial_rows(project) -> list[str]:
    files = list((project.folder / "data/tmp/transport").rglob("*.jsonl"))
    return [line for file in files for line in file.read_text().splitlines() if line.endswith("}")]


def test_rows_of_other_parameters_or_code_are_not_taken_over(copy_of, crystal_table, capsys, monkeypatch):
    project = copy_of(crystal_table)
    monkeypatch.setattr(ionsieve.pipeline.stage, "write_output", refuse)
    with pytest.raises(KeyboardInterrupt):
        project.run("transport@measurements")
    assert len(partial_rows(project)) == 10
    monkeypatch.undo()
    project.set_params(transport={"resolution_angstrom": 0.3})
    project.run("transport@measurements")
    assert "0 taken over" in capsys.readouterr().out


def refuse(*arguments) -> None:
    raise KeyboardInterrupt


def test_a_table_whose_writing_is_killed_half_way_is_never_taken_for_whole(tmp_path):
    code = (
        "import os, signal\nfrom ionsieve.pipeline.tables import write_whole\n"
        "def half(p):\n    p.write_text('id,form'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_whole('out/t.csv', half)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=own_code(), check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out/t.csv").exists()
    assert not any(path.name == "t.csv" for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["window", "nowhere.csv"], "nowhere.csv: there is no such file"),
        (["interface", "Li3PS4", "Li2S", "--voltage", "nan"], "--voltage nan is no number of volts"),
    ],
)
def test_a_file_that_is_not_there_is_no_formula_and_nan_no_voltage(arguments, says, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ionsieve", *arguments])
    with pytest.raises(SystemExit) as stop:
        app.main()
    assert stop.value.code not in (0, None)
    assert says in " ".join(f"{stop.value.code} {capsys.readouterr().err}".split())
