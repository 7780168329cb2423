"""Relaxed crystals kept under version control come back as they went in, to the digits stated."""

import numpy as np
from pymatgen.core import Lattice, Structure

from ionsieve.pipeline.reference.relaxed_archive import read_archive, write_archive


def row(name: str, shift: float) -> dict:
    crystal = Structure(Lattice.from_parameters(4, 5, 6, 80, 90, 100), ["Li", "F"], [[-shift, 0, 0], [0.5, 0.5, 0.5]])
    return {"formula": name, "energy_ev_atom": -4.25, "reason": "", "structure": crystal.as_dict(verbosity=0)}


def test_rows_come_back_and_their_order_does_not_matter(tmp_path):
    rows = {"b": row("LiF", 0.00004), "a": row("LiF", 0.1)}
    file = tmp_path / "computed" / "rows.jsonl.gz"
    write_archive(rows, file)
    back = read_archive(file)
    assert list(back) == ["a", "b"]
    for key, given in rows.items():
        before, after = Structure.from_dict(given["structure"]), Structure.from_dict(back[key]["structure"])
        assert after.composition == before.composition
        np.testing.assert_allclose(after.distance_matrix, before.distance_matrix, atol=2e-3)
        assert {k: v for k, v in back[key].items() if k != "structure"} == {
            k: v for k, v in given.items() if k != "structure"
        }
    first = file.read_bytes()
    write_archive(dict(reversed(list(back.items()))), file)
    assert file.read_bytes() == first


def test_no_file_is_no_rows(tmp_path):
    assert read_archive(tmp_path / "none.jsonl.gz") == {}
