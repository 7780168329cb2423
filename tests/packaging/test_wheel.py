"""The wheel, and the wheel built from the source archive: installed into empty environments far from the checkout."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")
CODE = ("features", "models", "pipeline")

pytestmark = pytest.mark.slow


def run(*command: object, **options: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(wheel, source archive, wheel built from that archive), of a copy of the files git knows."""
    if not UV.exists():
        pytest.skip("needs uv, which the Makefile installs")
    copy, dist = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    files = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    for file in files:
        if (ROOT / file).exists():
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, copy / file, follow_symlinks=False)
    run(UV, "build", "--wheel", "--sdist", "--out-dir", dist / "direct", copy)  # a wheel by way of no archive
    (archive,) = (dist / "direct").glob("*.tar.gz")
    run(UV, "build", "--wheel", "--out-dir", dist / "from_archive", archive)
    (wheel,) = (dist / "direct").glob("*.whl")
    (again,) = (dist / "from_archive").glob("*.whl")
    return wheel, archive, again


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def test_a_wheel_holds_all_code_and_data_under_one_name_and_nothing_else(built):
    files = contents(built[0])
    assert {name.split("/")[0] for name in files} == {"ionsieve"}
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", *CODE, cwd=ROOT).splitlines()
    code = {f"ionsieve/{name}" for name in tracked if name.endswith((".py", ".html")) and (ROOT / name).exists()}
    assert code <= set(files)
    assert files["ionsieve/plan.yaml"] == (ROOT / "dvc.yaml").read_bytes()
    assert files["ionsieve/params.yaml"] == (ROOT / "params.yaml").read_bytes()
    for path in (ROOT / "funnels").glob("*.yaml"):
        assert files[f"ionsieve/funnels/{path.name}"] == path.read_bytes()
    for path in (path for path in (ROOT / "data/reference").rglob("*") if path.is_file()):
        assert files[f"ionsieve/reference/{path.relative_to(ROOT / 'data/reference')}"] == path.read_bytes()


def test_the_source_archive_holds_files_for_links_and_gives_the_same_wheel(built):
    with tarfile.open(built[1]) as archive:
        assert [member.name for member in archive if member.issym() or member.islnk()] == []
    assert contents(built[2]) == contents(built[0])


def test_both_wheels_work_in_empty_environments_far_from_the_checkout(built, tmp_path):
    pins = tmp_path / "pins.txt"
    pins.write_text(run(UV, "export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", cwd=ROOT))
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment = clean | {"IONSIEVE_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    for name, wheel, how in (("direct", built[0], "at length"), ("from_archive", built[2], "briefly")):
        folder = tmp_path / name
        run(UV, "venv", "--python", sys.executable, folder / "venv")
        python = folder / "venv/bin/python"
        run(UV, "pip", "install", "--python", python, "--constraint", pins, wheel)
        (folder / "empty").mkdir()
        script = Path(__file__).with_name("far_from_checkout.py")
        assert "works" in run(python, script, ROOT, how, cwd=folder / "empty", env=environment)
