"""Stage `featurize`: descriptor columns per formula and, where known, per lattice and crystal."""

import pandas as pd
from pymatgen.core import Structure

from ionsieve.features.composition.cation_roles import cation_role_features
from ionsieve.features.composition.descriptors import composition_features
from ionsieve.features.composition.ion_similarity import ion_similarity_features
from ionsieve.features.crystals.structure import lattice_features, structure_features
from ionsieve.pipeline.sources.phases import lithium_compounds
from ionsieve.pipeline.stage import Result, stage_main
from ionsieve.pipeline.tables import counted

OF_THE_FORMULA = [composition_features, cation_role_features, ion_similarity_features]


def structures_of(table: pd.DataFrame) -> list[Structure | None]:
    """Crystals of a table's rows; None where unknown."""
    return [Structure.from_str(s, fmt="json") if isinstance(s, str) else None for s in table["structure_json"]]


def features_of(table: pd.DataFrame) -> pd.DataFrame:
    """All descriptors of a table of materials, with its `id` first."""
    formulas = list(table["formula"])
    blocks = [table[["id"]].reset_index(drop=True), *(block(formulas) for block in OF_THE_FORMULA)]
    if "a_angstrom" in table:
        blocks.append(lattice_features(table.reset_index(drop=True)))
    if "structure_json" in table:
        blocks.append(structure_features(structures_of(table)))
    return pd.concat(blocks, axis=1)


def run(*, materials: pd.DataFrame) -> Result:
    n_in = len(materials)
    if "id" not in materials:  # phases: only lithium compounds are learned from
        materials = lithium_compounds(materials).assign(id=lambda t: t["formula"])
    features = features_of(materials)
    dropped = {"without lithium": n_in - len(features)}
    return Result({"out": features}, [counted("featurize", n_in, len(features), dropped)])


if __name__ == "__main__":
    stage_main(run)
