from ionsieve.models.judgement.hosts import Hosts, series_of


def named(formulas: list[str], rows: list[int]) -> list[str]:
    return [formulas[row] for row in rows]


def test_a_host_holds_none_but_the_elements_on_the_same_lattice():
    compounds = ["LiTi2(PO4)3", "LiTiPO5", "Li3PO4", "TiO2", "LiGe2(PO4)3", "Li2Ti4(PO4)6"]
    found = Hosts(compounds).near("Li1.3Al0.3Ti1.7(PO4)3")
    assert named(compounds, found) == ["LiTi2(PO4)3", "Li2Ti4(PO4)6"]  # the same composition twice
    assert Hosts(compounds).near("LiTi2(PO4)3") == []  # itself is none
    assert Hosts(compounds).near("Na3Zr2Si2PO12") == []


def test_the_nearest_comes_first_and_what_is_too_far_is_none():
    # of 17 atoms beside lithium 0.6 differ (0.035), 0.25 (0.015), 1 (0.059)
    compounds = ["Li7La3Zr2O12", "Li6.75La3Zr1.75Ta0.25O12", "Li6.15La3Zr1.15Ta0.85O12", "Li6La3ZrTaO12"]
    found = Hosts(compounds).near("Li6.4La3Zr1.4Ta0.6O12")
    assert named(compounds, found) == [compounds[2], compounds[1], compounds[3], compounds[0]]
    assert Hosts(["Li7La3Zr2O12"]).near("Li6La3ZrTaO12") == []


def test_a_solid_solution_lies_between_two_compounds_and_a_compound_does_not():
    compounds = ["Li3YCl6", "Li2ZrCl6", "Li3YBr6"]
    assert named(compounds, Hosts(compounds).between("Li2.5Y0.5Zr0.5Cl6")) == ["Li3YCl6", "Li2ZrCl6"]
    assert named(compounds, Hosts(compounds).between("Li3YBr1.5Cl4.5")) == ["Li3YCl6", "Li3YBr6"]
    assert Hosts(compounds).between("Li5YZrCl12") == []  # whole numbers: a compound of its own
    assert Hosts(compounds).between("Li2.5Y0.5Zr0.5Br6") == []


def test_a_doping_series_is_named_by_its_first_and_compounds_stay_apart():
    formulas = [
        "Li7La3Zr2O12",
        "Li6.4La3Zr1.4Ta0.6O12",
        "Li3PS4",
        "Li6.55Ga0.15La3Zr2O12",
        "Li7P3S11",
        "Li3PS4",
        "Li2S",
    ]
    assert series_of(formulas) == [0, 0, 2, 0, 4, 5, 6]
    assert series_of([]) == []


def test_rare_earths_are_one_series_and_scandium_stands_apart():
    assert series_of(["Li3YCl6", "Li3ErCl6", "Li3ScCl6", "Er2O3", "Sm2O3", "Al2O3"]) == [0, 0, 2, 3, 3, 5]
