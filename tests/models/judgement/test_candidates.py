import pytest

from ionsieve.models.judgement.candidates import written_plainly


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
