"""Versions each stage rests on, generated from uv.lock; and the code it imports, read from its source."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ionsieve.pipeline
from ionsieve.pipeline import closure
from ionsieve.pipeline.closure import libraries, local_files
from ionsieve.pipeline.locked import FOLDER, locked_versions, main
from ionsieve.pipeline.resume import code_digest

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "uv.lock"


def stages_changed_by(distribution: str) -> set[str]:
    """Stages whose versions differ once a distribution has another one."""
    text = LOCK.read_text(encoding="utf-8")
    other, n = re.subn(rf'(name = "{distribution}"\nversion = )"[^"]+"', r'\1"99.9"', text)
    assert n
    before, after = locked_versions(text), locked_versions(other)
    return {stage for stage in before if before[stage] != after[stage]}


def test_the_committed_versions_are_those_of_the_lock_and_imports():
    # After a change of imports or of uv.lock: make locked
    committed = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in (ROOT / FOLDER).glob("*.json")}
    assert committed == locked_versions(LOCK.read_text(encoding="utf-8"))


def test_an_upgrade_reruns_the_stages_whose_result_it_can_change():
    assert {"train", "predict"} <= stages_changed_by("lightgbm") <= {"train", "predict", "track"}
    assert {"transport", "stability", "interfaces"} <= stages_changed_by("llvmlite")  # numba's compiler
    assert "measurements" in stages_changed_by("spglib")  # by pymatgen
    assert stages_changed_by("plotly") == {"report"}
    assert stages_changed_by("rich") == set()  # draws bars
    assert stages_changed_by("numpy") == stages_changed_by("pyarrow") == set(locked_versions(LOCK.read_text()))


def test_writing_touches_only_what_changed(tmp_path, capsys):
    (tmp_path / "uv.lock").write_bytes(LOCK.read_bytes())
    main(tmp_path)
    file = tmp_path / FOLDER / "train.json"
    os.utime(file, (0, 0))
    main(tmp_path)
    assert file.stat().st_mtime == 0
    file.write_text("{}")
    capsys.readouterr()
    main(tmp_path)
    assert capsys.readouterr().out == f"{FOLDER}/train.json\n"


def test_imports_are_followed_whatever_depth(tmp_path, monkeypatch):
    sources = {
        "a.py": "import numpy as np\nfrom ionsieve.b import c\n",
        "b/__init__.py": "import json\n",
        "b/c.py": "def f():\n    from ionsieve import d\n    import scipy.stats\n",
        "d.py": "import ionsieve.a\n",
        "e.py": "",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(closure, "packaged", lambda name: tmp_path / name)
    closure._imports.cache_clear()
    try:
        files = local_files("ionsieve.a")
        assert files == ["a.py", "b/__init__.py", "b/c.py", "d.py"]
        assert libraries(files) == {"numpy", "scipy", "json"}
    finally:
        closure._imports.cache_clear()


def test_partial_results_outlive_edits_elsewhere(monkeypatch):
    # A row of `transport` is known by the code it came from: pictures and hulls are none of it.
    before, read = code_digest("ionsieve.features.transport.table"), Path.read_text

    def digest_after_edit_of(file: str) -> str:
        edited = closure.source(file)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_text", lambda p, **kw: read(p, **kw) + ("# edited\n" if p == edited else ""))
            return code_digest("ionsieve.features.transport.table")

    for file in ("features/transport/landscape_picture.py", "features/thermodynamics/hull.py", "pipeline/stage.py"):
        assert digest_after_edit_of(file) == before
    for file in ("features/transport/refinement.py", "features/chemistry/elements.py"):
        assert digest_after_edit_of(file) != before


def kernels(**environment: str) -> str:
    """The architecture OpenBLAS computes for in a process that has loaded the pipeline, and its NumPy setting."""
    code = (
        "import ionsieve.pipeline, os, numpy, threadpoolctl\n"
        "found = {i['architecture'] for i in threadpoolctl.threadpool_info() if i['internal_api'] == 'openblas'}\n"
        "print(*found, os.environ['NPY_DISABLE_CPU_FEATURES'])"
    )
    clean = {k: v for k, v in os.environ.items() if k not in ionsieve.pipeline.KERNELS}
    run = subprocess.run([sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True)
    return run.stdout.strip() or run.stderr


@pytest.mark.skipif(not ionsieve.pipeline.has_avx2(Path("/proc/cpuinfo")), reason="needs Linux, AVX2 and FMA")
def test_all_processors_compute_with_the_same_kernels_unless_told_otherwise():
    assert kernels() == "Haswell X86_V4 AVX512_ICL AVX512_SPR"
    assert kernels(OPENBLAS_CORETYPE="Sandybridge", NPY_DISABLE_CPU_FEATURES="") == "Sandybridge"


def test_a_processor_without_them_keeps_its_own(tmp_path):
    (tmp_path / "cpuinfo").write_text("flags\t\t: fpu sse2 avx\n")
    assert not ionsieve.pipeline.has_avx2(tmp_path / "cpuinfo")
    assert not ionsieve.pipeline.has_avx2(tmp_path / "absent")
