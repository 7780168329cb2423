"""A project of a dozen materials: the stages run on it by the very commands of dvc.yaml, in a second or two each.

Energies and conductivities are plausible, not exact: what is tested here is the flow, the physics has its own tests.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ionsieve.pipeline import home
from ionsieve.pipeline.commands import app as cli
from ionsieve.pipeline.plan import Step, read_plan, run_steps
from ionsieve.pipeline.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = ("track",)  # logs into MLflow, has its own tests

PHASES = """formula,formation_energy_ev_atom
Li2O,-2.07
Li2S,-1.52
Li3P,-1.0
LiCl,-2.12
LiF,-3.19
Li3N,-0.43
P2O5,-2.2
P2S5,-0.3
SO2,-1.03
SO3,-1.03
Li3PO4,-2.71
Li4P2O7,-2.65
LiPO3,-2.55
Li2SO4,-2.13
Li3PS4,-0.94
Al2O3,-3.47
LiAlO2,-3.08
Nb2O5,-2.8
LiNbO3,-2.83
CoO,-1.23
Co3O4,-1.32
CoO2,-0.9
LiCoO2,-1.76
CoS2,-0.5
H2O,-0.99
CO2,-1.36
H2S,-0.07
LiOH,-1.68
Li2CO3,-2.1
"""
SIGMA = {  # S/cm
    "Li3PO4": 1e-9,
    "LiF": 1e-11,
    "LiCl": 1e-10,
    "Li2S": 1e-9,
    "Li3N": 1e-3,
    "Li3PS4": 2e-4,
    "LiNbO3": 1e-8,
    "LiAlO2": 1e-10,
    "Li6PS5Cl": 2e-3,
    "Li7P3S11": 3e-3,
    "Li3YCl6": 5e-4,
    "Li2SO4": 1e-9,
}
GAPS = {"LiF": 13.6, "LiCl": 9.4, "Li2O": 8.0, "Al2O3": 8.8, "LiNbO3": 4.0, "Li3P": 0.7, "Nb2O5": 3.4, "Li3N": 2.2}
GAPS |= {"Li2S": 3.4, "LiCoO2": 2.7, "CoO": 2.5, "P2O5": 8.0, "LiAlO2": 6.5, "Li3PO4": 7.5, "CO2": 10.0, "Co3O4": 1.6}
CANDIDATES = """id,formula,space_group
019,Li3PO4,62
1e9,LiNbO3,161
NaN,LiF,225
a b,Al2O3,
poly,Li3PO4,33
same,PO4Li3,62
salt,NaCl,
odd,Xx2O,
sulfide,Li3PS4,62
cathode,LiCoO2,166
new,Li5PS4Cl2,
film,LiPO3,
unlisted,Li3YCl6,
"""
PARTNERS = """partner,formula,kind,cathode,voltage_v,voltage_min_v,voltage_max_v,source,comment
lco_lithiated,LiCoO2,cathode_lithiated,LiCoO2,4.2,3.0,4.2,,
lco_delithiated,Li0.5CoO2,cathode_delithiated,LiCoO2,4.2,3.0,4.2,,
lithium,Li,anode,,0.0,,,,
lps,Li3PS4,electrolyte,,,,,,
water,H2O,air,,,,,,
"""
MISSING = "formula,thermo_set,reason\nLi3YCl6,test,known crystal\n"
LITHIUM_CHLORIDE = """data_LiCl
_symmetry_space_group_name_H-M 'P 1'
_cell_length_a 5.13
_cell_length_b 5.13
_cell_length_c 5.13
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0 0 0 {occupancy}
Li2 Li 0 0.5 0.5 1
Li3 Li 0.5 0 0.5 1
Li4 Li 0.5 0.5 0 1
Cl1 Cl 0.5 0.5 0.5 1
Cl2 Cl 0.5 0 0 1
Cl3 Cl 0 0.5 0 1
Cl4 Cl {x} 0 0.5 1
"""


def measured_rows() -> str:
    """Three rows per compound, a third of a decade apart, from one publication for each; and one bound."""
    lines = ["id,formula,sigma_s_cm,sigma_upper_bound_s_cm,family,source"]
    for k, (formula, sigma) in enumerate(SIGMA.items()):
        lines += [f"{formula}_{n},{formula},{sigma * 2**n:g},,family{k % 3},paper{k}" for n in range(3)]
    return "\n".join([*lines, "bound,Li2O,,1e-10,family0,paper99", ""])


def small_params(**blocks: dict[str, Any]) -> dict[str, Any]:
    """The project's params on the small tables, with a handful of trees."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["measurements"] |= {"source": "table", "path": "data/raw/measured.csv", "cifs": "data/raw/crystals"}
    params["band_gaps"] |= {"source": "table", "path": "data/raw/gaps.csv", "pbe_path": "data/raw/gaps.csv"}
    params["phases"] |= {"source": "table", "path": "data/raw/phases.csv", "thermo_set": "test"}
    params["phases"] |= {"missing": "data/reference/missing_phases.csv"}
    params["predict"] |= {"gap_model": str(ROOT / "data/reference/gap_model")}
    params["candidates"] |= {"source": "table", "path": "data/raw/candidates.csv"}
    for block in ("measurements", "band_gaps", "candidates"):
        unused = {"source": "none"} | {key: params[block][key] for key in ("path", "cifs") if key in params[block]}
        params[block] |= {"second": unused, "third": unused}
    params["train"] = _shrunk(params["train"])
    for block, values in blocks.items():
        params[block] = params[block] | values
    return params


def _shrunk(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _shrunk(v, k) for k, v in value.items()}
    small = {"n_estimators": 5, "min_rows": 6, "min_groups": 4, "n_splits": 3, "min_family_rows": 6}
    return small.get(key, value)


class Project:
    """A folder laid out as the project's root; `run` runs stages there as dvc.yaml says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, text: str | bytes) -> Path:
        """Write one file under the folder."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        return target

    def set_params(self, **blocks: dict[str, Any]) -> None:
        """The small params with values of some blocks changed."""
        self.write("params.yaml", yaml.safe_dump(small_params(**blocks), sort_keys=False))

    def stages(self) -> dict[str, Step]:
        """Stages of dvc.yaml by name ("featurize@phases"), in its order, with all templates filled in."""
        plan = read_plan(Workspace.at(self.folder).params)
        return {name: step for name, step in plan.items() if name not in LEFT_OUT}

    def command(self, name: str) -> list[str]:
        """Options and paths of one stage's command."""
        return [word for option, path in self.stages()[name].files.items() for word in (f"--{option}", path)]

    def run(self, *names: str) -> None:
        """Run the stages named, or all."""
        stages = self.stages()
        run_steps([stages[name] for name in names or stages], Workspace.at(self.folder))


def lay_out(folder: Path) -> Project:
    """A project with sources and reference tables, and nothing computed."""
    project = Project(folder)
    project.set_params()
    project.write("data/raw/measured.csv", measured_rows())
    project.write("data/raw/crystals/LiCl_0.cif", LITHIUM_CHLORIDE.format(occupancy=1, x=0))
    project.write("data/raw/gaps.csv", "formula,band_gap_ev\n" + "".join(f"{f},{g}\n" for f, g in GAPS.items()))
    project.write("data/raw/phases.csv", PHASES)
    project.write("data/raw/candidates.csv", CANDIDATES)
    project.write("data/reference/partners.csv", PARTNERS)
    project.write("data/reference/missing_phases.csv", MISSING)
    names = ("elements", "formation_enthalpies", "anion_oxidation_limits", "coatings", "densities")
    for name in (f"{n}.csv" for n in names):
        project.write(f"data/reference/{name}", (ROOT / "data/reference" / name).read_bytes())
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh project in a folder of its own."""
    return lay_out(tmp_path)


@pytest.fixture(scope="session")
def project_at() -> Callable[[Path], Project]:
    """Lay a fresh project out in a folder."""
    return lay_out


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that all stages ran on; read only, for `copy_of` shares it."""
    project = lay_out(tmp_path_factory.mktemp("finished"))
    project.run()
    return project


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Project], Project]:
    """Copy a project into this test's folder."""

    def copy(project: Project) -> Project:
        shutil.copytree(project.folder, tmp_path / "copy")
        return Project(tmp_path / "copy")

    return copy


@pytest.fixture(scope="session")
def crystals() -> str:
    """CIF of rock salt LiCl, to be filled in with the `occupancy` of one lithium and `x` of one chlorine."""
    return LITHIUM_CHLORIDE


Ionsieve = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ionsieve(finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Ionsieve:
    """Run one command of the command line on the small project, in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.setattr(home, "home", lambda needs=None: Workspace.at(finished.folder))
    folder = tmp_path / "here"
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["ionsieve", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        if isinstance(code, str):  # the interpreter prints such a code and exits with 1
            sys.stderr.write(code)
        printed = capsys.readouterr()
        return (1 if isinstance(code, str) else code or 0), printed.out, printed.err

    return run
