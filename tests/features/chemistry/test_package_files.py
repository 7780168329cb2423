"""Tables read off packages' files without importing them equal what importing gives."""

import numpy as np
import pytest

from ionsieve.features.chemistry.package_files import package_folder, table_in_module


def test_ases_covalent_radii_are_those_an_import_gives():
    ase_data = pytest.importorskip("ase.data")
    read = table_in_module(package_folder("ase") / "data" / "__init__.py", "covalent_radii")
    assert np.array_equal(read, ase_data.covalent_radii)


def test_softbvs_covalent_radii_are_those_an_import_gives():
    bvlain = pytest.importorskip("bvlain.data.covalent_radii")
    read = table_in_module(package_folder("bvlain") / "data" / "covalent_radii.py", "covalent_radii_softbv")
    assert read == bvlain.covalent_radii_softbv


def test_a_table_is_read_and_nothing_is_run(tmp_path):
    (tmp_path / "m.py").write_text("raise SystemExit\nunknown = 2.0\ntable = np.array([1, unknown, {3: -1}])\n")
    assert table_in_module(tmp_path / "m.py", "table") == [1, 2.0, {3: -1}]
    with pytest.raises(KeyError, match="other"):
        table_in_module(tmp_path / "m.py", "other")


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(ModuleNotFoundError, match="no_such_package is not installed"):
        package_folder("no_such_package")
