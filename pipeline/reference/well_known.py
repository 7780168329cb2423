"""Materials and contacts that every set of energies ought to answer for, written down before any set was judged."""

# Electrolytes, coatings and cathodes whose windows the field asks for first: every formula of the design is on it.
MATERIALS = (
    # sulfides
    *("Li3PS4", "Li7P3S11", "Li7PS6", "Li6PS5Cl", "Li6PS5Br", "Li10GeP2S12"),
    *("Li10SiP2S12", "Li7P2S8I", "Li4GeS4", "Li4SnS4", "Li2S", "Li3P"),
    # halides
    *("Li3YCl6", "Li3InCl6", "Li3ScCl6", "Li2ZrCl6", "LiAlCl4", "Li2MgCl4", "Li3YBr6", "LiTaCl6", "LiNbOCl4"),
    *("LiTaOCl4", "LiCl", "LiBr", "LiI", "LiF", "Li3AlF6", "Li3OCl", "Li3OBr"),
    # oxides, phosphates, nitrides
    *("Li7La3Zr2O12", "Li5La3Ta2O12", "LiLaTi2O6", "LiTi2(PO4)3", "Li1.3Al0.3Ti1.7P3O12", "Li1.5Al0.5Ge1.5P3O12"),
    *("LiZr2(PO4)3", "LiGe2(PO4)3", "Li2PO2N", "Li3.5Zn0.25GeO4", "Li3PO4", "LiPO3", "Li3N"),
    *("LiNbO3", "LiTaO3", "Li2ZrO3", "Li4Ti5O12", "Li2TiO3", "Li2SiO3", "Li4SiO4", "LiAlO2", "LiBO2", "Li3BO3"),
    *("Li2CO3", "Li2WO4", "Li2HfO3", "Li2O", "Li2SO4", "BaTiO3", "Al2O3", "ZrO2", "Nb2O5"),
    # cathodes
    *("LiCoO2", "LiNiO2", "LiNi0.8Mn0.1Co0.1O2", "LiMn2O4", "LiFePO4"),
)

CATHODES = (
    *("LiCoO2", "LiNiO2", "LiNi0.8Mn0.1Co0.1O2", "LiMn2O4", "LiFePO4"),
    *("Li0.5CoO2", "NiO2", "Ni0.8Mn0.1Co0.1O2", "MnO2", "FePO4"),
    "Li",
)
ELECTROLYTES = (
    *("Li3PS4", "Li6PS5Cl", "Li10GeP2S12", "Li3YCl6", "Li3InCl6", "Li7La3Zr2O12", "Li1.3Al0.3Ti1.7P3O12"),
    *("LiNbO3", "Li3PO4", "LiTaO3", "Li2ZrO3"),
)
CONTACTS = tuple((cathode, electrolyte) for cathode in CATHODES for electrolyte in ELECTROLYTES)

# Lithium compounds whose oxidation, and that of what they fall apart into, measured enthalpies alone describe.
MEASURED_SUFFICE = (
    *("Li2O", "Li2S", "LiCl", "LiBr", "LiI", "LiF", "Li2CO3", "Li3N", "Li2TiO3", "LiAlO2", "Li2SiO3", "Li2ZrO3"),
    *("Li3AlF6", "LiBO2", "Li2SO4", "Li4SiO4", "Li2WO4"),
)
