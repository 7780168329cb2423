import numpy as np
import pandas as pd
import pytest

from ionsieve.models.judgement.candidates import Background, chemistry_columns, written_plainly


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("H2LiO4P", "LiH2PO4"),
        ("FLi", "LiF"),
        ("LiO12P3Ti2", "LiTi2(PO4)3"),
        ("ClLi6PS5", "Li6PS5Cl"),
        ("Br3Cl3Li3Y", "Li3YBr3Cl3"),
        ("Cl4LiNbO", "LiNbOCl4"),
        ("Ge2Li20P4S24", "Li10GeP2S12"),
        ("Li2S", "Li2S"),
        ("Li2O4S", "Li2SO4"),
        ("LiNO3", "LiNO3"),
        ("LiHO", "LiOH"),
        ("ClHLi2O", "Li2OHCl"),
        ("Li6.4La3Zr2Al0.2O12", "Li6.4La3Zr2Al0.2O12"),  # fractions stay as given
    ],
)
def test_formulas_as_chemists_write_them(given, written):
    assert written_plainly([given]) == [written]


def test_what_follows_from_formulas_and_tables_of_known_compounds():
    formulas = ["LiHS", "LiHO", "LiBH4", "Li2S", "LiHSO4", "LiNH2", "LiCHS"]
    candidates = pd.DataFrame({"id": [f"m{i}" for i in range(7)], "formula": formulas, "origin": "table", "about": ""})
    symbols = ["Li", "H", "S", "O", "B", "N", "C"]
    background = Background(
        elements=pd.DataFrame({"symbol": symbols, "excluded": False, "price_class": 1, "toxicity_class": 0}),
        coatings=pd.DataFrame(
            {"formula": ["S2Li4", "LiHO"], "outcome": ["works", "fails"], "film_sigma_s_cm": np.nan, "film_source": ""}
        ),
        measurements=pd.DataFrame({"formula": ["Li2S"], "sigma_s_cm": [1e-9]}),
        known_formulas=["LiOH"],
    )
    table = chemistry_columns(candidates, background).set_index(candidates["formula"])
    # sulfides, amides and hydrides react with moist air; hydroxides have done so
    assert table["hygroscopic"].to_dict() == {f: f in ("LiHS", "LiBH4", "Li2S", "LiNH2", "LiCHS") for f in formulas}
    # a hydrosulfide gives off its proton, and so does an acid salt; hydroxides, amides and thiols are other matters
    assert table["protic"].to_dict() == {f: f in ("LiHS", "LiHSO4") for f in formulas}
    assert table["used_in_cells"].to_dict() == {f: f == "Li2S" for f in formulas}
    assert table["novelty"].to_dict() == {f: "known" if f in ("LiHO", "Li2S") else "new" for f in formulas}
