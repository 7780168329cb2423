"""What a person does with an installed ionsieve in an empty folder; run by the environment it is installed in.

Arguments: the checkout, and "briefly" where the same files were tried at length in another environment.
"""

import importlib.util
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pandas as pd

import ionsieve

checkout = Path(sys.argv[1]).resolve()
package = Path(ionsieve.__file__).resolve().parent
assert checkout not in package.parents, package
assert checkout not in Path.cwd().resolve().parents

# one top-level name, and no other
names = {Path(str(file)).parts[0] for file in metadata.files("ionsieve") or [] if "bin" not in Path(str(file)).parts}
assert {name for name in names if not name.endswith(".dist-info")} == {"ionsieve"}, names
assert not [name for name in ("features", "models", "pipeline", "tests") if importlib.util.find_spec(name)]

# By hand: Li2O -> 2 Li + 1/2 O2 frees two Li for 3 atoms at -2 eV, so V = 6 eV / 2 = 3 V.
lithia = pd.DataFrame({"formula": ["Li2O"], "formation_energy_ev_atom": [-2.0]})
assert abs(ionsieve.window(["Li2O"], phases=lithia)["oxidation_limit_v"][0] - 3.0) < 1e-9

windows = ionsieve.window(["Li3YCl6", "no formula("])
assert list(windows["formula"]) == ["Li3YCl6", "no formula("]
assert 3.0 < windows["oxidation_limit_v"][0] < 5.0, windows
assert windows["note"][1]

if "briefly" in sys.argv:
    print("ionsieve works far from its checkout")
    sys.exit()

reaction = ionsieve.interface([("Li2S", "LiCoO2"), ("LiF", "LiF")])
assert reaction["e_rxn_ev_atom"][1] == 0, reaction
assert list(reaction["formula_a"]) == ["Li2S", "LiF"]

barriers = ionsieve.percolation([package / "reference" / "crystals" / "Li10GeP2S12.cif"])
assert 0 < barriers["migration_barrier_1d_ev"][0] < 1.5, barriers

predicted = ionsieve.predict(pd.DataFrame({"id": ["019", "1e9"], "formula": ["Li3YCl6", "Li5PS4Cl2"]}))
assert list(predicted["id"]) == ["019", "1e9"]
assert predicted["log10_sigma"].between(-12, 0).all(), predicted

lines: list[str] = []
lists = ionsieve.screen(["Li3YCl6", "LiNbO3", "Li3PO4", "Li6PS5Cl", "LiF"], out="screened", say=lines.append)
assert {"rejected", "verdicts"} < set(lists), list(lists)
assert len(set(lists["verdicts"]["formula"])) == 5
assert any(len(table) for name, table in lists.items() if name not in ("rejected", "verdicts"))
assert (Path("screened") / "report.html").stat().st_size > 1_000_000
assert any(line.startswith("shortlist") for line in lines), lines

command = [str(Path(sys.executable).with_name("ionsieve")), "window", "Li3YCl6", "--out", "w.csv"]
subprocess.run(command, check=True, env=os.environ)
assert pd.read_csv("w.csv")["oxidation_limit_v"][0] == windows["oxidation_limit_v"][0]

# A published screen by its name, on materials that were judged above; every one of five has a row.
judged = ["--judged", "screened/tables/judged.parquet", "--out", "screened"]
subprocess.run([command[0], "screen", "--funnel", "cathode_coating_2019", *judged], check=True, env=os.environ)
assert len(pd.read_parquet("screened/cathode_coating_2019/verdicts.parquet")) == 5
assert not [path.name for path in Path.cwd().iterdir() if path.name not in ("screened", "w.csv")]
print("ionsieve works far from its checkout")
