"""Element statistics of 2,000 compositions, side by side with matminer; run by `make bench`, asserts no time."""

import itertools

import numpy as np
import pytest
from matminer.featurizers.composition import ElementProperty
from pymatgen.core import Composition

from ionsieve.features.chemistry.elements import padded_fractions
from ionsieve.features.composition.descriptors import composition_features, element_statistics, magpie_statistics

CATIONS = ("La", "Zr", "Ge", "P", "Ti", "Al", "Y", "In", "Nb", "Ta")
ANIONS = ("O", "S", "Cl", "Br")


@pytest.fixture(scope="module")
def formulas() -> list[str]:
    pairs = itertools.combinations(CATIONS, 2)
    amounts = itertools.product(range(1, 4), range(1, 5))
    cells = itertools.product(pairs, ANIONS, amounts)
    return [f"Li{n}{a}{b}2{anion}{m + 4}" for (a, b), anion, (n, m) in cells][:2000]


@pytest.fixture(scope="module")
def compositions(formulas) -> list[Composition]:
    return [Composition(formula) for formula in formulas]


@pytest.mark.benchmark(group="element statistics of 2,000 compositions")
def test_matminer(benchmark, compositions):
    matminer = ElementProperty.from_preset("magpie", impute_nan=False)
    rows = benchmark.pedantic(lambda: [matminer.featurize(c) for c in compositions], rounds=1)
    assert len(rows) == len(compositions)


@pytest.mark.benchmark(group="element statistics of 2,000 compositions")
def test_ionsieve_from_compositions(benchmark, compositions):
    table = benchmark(lambda: magpie_statistics(padded_fractions(compositions)))
    assert np.isfinite(table.to_numpy()).all()


@pytest.mark.benchmark(group="element statistics of 2,000 compositions")
def test_ionsieve_from_text(benchmark, formulas):
    assert len(benchmark(element_statistics, formulas)) == len(formulas)


@pytest.mark.benchmark(group="all composition features of 2,000 formulas")
def test_all_composition_features(benchmark, formulas):
    assert len(benchmark(composition_features, formulas)) == len(formulas)
