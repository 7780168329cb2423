"""What the command line must not import before it is needed: seconds that no answer rests on."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ionsieve.pipeline.workspace import checkout

NEVER_FOR_HELP = {"numpy", "pandas", "pymatgen", "numba", "scipy", "sklearn", "lightgbm", "ase", "bvlain", "matminer"}
NEVER_FOR_HELP |= {"matplotlib", "plotly", "mlflow", "joblib", "networkx", "spglib", "jinja2", "yaml"}
NEVER_FOR_WINDOW = {"sklearn", "lightgbm", "ase", "bvlain", "matminer", "matplotlib", "plotly", "mlflow", "joblib"}
NEVER_FOR_WINDOW |= {"networkx", "spglib", "jinja2", "scipy.optimize", "scipy.stats", "pymatgen.symmetry"}
RUN = """
import json, sys
from ionsieve.pipeline.commands.app import main
sys.argv = ["ionsieve", *{arguments}]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    """Modules in memory after one command."""
    code = RUN.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["window", "--help"], ["screen", "--help"]])
def test_help_imports_nothing_that_computes(arguments):
    assert loaded(*arguments) & NEVER_FOR_HELP == set()


def test_a_window_imports_no_learning_no_crystals_and_no_figures(finished):
    phases = finished.folder / "data/interim/phases.parquet"
    assert loaded("window", "Li3PO4", "--phases", str(phases)) & NEVER_FOR_WINDOW == set()


def test_importing_the_package_imports_nothing_of_it_until_asked():
    code = "import sys, ionsieve; assert 'pandas' not in sys.modules; ionsieve.window; assert 'pandas' in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "ionsieve.pipeline.stages.stability", "--out", "none"],
        [sys.executable, "-m", "ionsieve.pipeline.lanes"],
        [shutil.which("ionsieve", path=str(Path(sys.executable).parent)), "window", "LiF"],
    ],
)
def test_ctrl_c_while_libraries_are_read_is_one_line(tmp_path, command):
    (tmp_path / "pandas.py").write_text("raise KeyboardInterrupt\n")  # pressed at this import
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(checkout())])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode in (130, -signal.SIGINT)
    assert done.stdout == ""
    assert done.stderr.strip() == "Interrupted; nothing half-written is left. Run again to go on."


def test_other_errors_keep_their_traceback_and_a_library_user_his_hook(tmp_path):
    (tmp_path / "pandas.py").write_text("raise RuntimeError('the reason')\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(checkout())])}
    command = [sys.executable, "-m", "ionsieve.pipeline.stages.stability"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "Traceback" in done.stderr
    assert "the reason" in done.stderr
    code = "import sys, ionsieve.pipeline; assert sys.excepthook is sys.__excepthook__"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
