"""Measured enthalpies moved to the scale of a computed set, so that they can complete its hull.

A functional's error goes with the elements and with how they are bound: one ridge regression of (computed - measured)
per atom on element fractions, blocks of the periodic table, the anion and what an oxyanion is made of, learned from
compounds that have both (the idea of doi:10.1103/PhysRevB.85.115104, with every element instead of the anions alone).
Each energy moved carries the error of its class, from compounds left out, and from whole cations left out where the
cation was not learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pymatgen.core import Composition, Element

from ionsieve.features.chemistry.formula import composition_key, parse_formula
from ionsieve.features.thermodynamics.known_wrong import kind_of
from ionsieve.models.quantities.formation import anion_of

# Partly filled d or f shells: errors depend on spin and on +U, so their rows are judged apart.
OPEN_SHELL = frozenset(
    "V Cr Mn Fe Co Ni Cu Mo W Re Ru Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Th U".split()  # noqa: SIM905
)
OXYANION = frozenset("B C N Si P S H".split())  # noqa: SIM905
WITH_U = frozenset({"O", "F"})  # the anions beside which sets of this kind compute transition metals with +U
ANION_SCALE = 0.3  # of a term per compound beside terms per atomic fraction
RIDGE = 0.03
ROBUST_EV_ATOM = 0.08  # beyond it a residual counts linearly: a wrong crystal or enthalpy must not pull the rest
N_FOLDS = 20
# Tables count from white phosphorus, computed sets from a polymer, 17.6 kJ/mol lower (red; CRC Handbook): eV per atom.
RED_PHOSPHORUS_EV = 17.6 / 96.485
SIGMA_PER_MEAN_ABS = float(np.sqrt(np.pi / 2.0))  # of a normal distribution
MIN_OF_CLASS = 5
COLUMNS = ["formula", "formation_energy_ev_atom", "energy_error_ev_atom", "obtained"]


@dataclass(frozen=True)
class Shift:
    """A fitted regression: weight of each term, and the standard deviation (eV/atom) of its error by class."""

    weights: dict[str, float]
    sigma_ev_atom: dict[tuple[str, bool], float]
    learned: frozenset[str]


def moved(computed: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Measured enthalpies on the scale of the computed table.

    Args:
        computed: formula, formation_energy_ev_atom (elements at 0).
        measured: The same, of measured enthalpies.

    Returns:
        COLUMNS, one row per measured compound that the computed table lacks, and per compound of a kind that no
        computed table of this sort has right (positive halogen or nitrogen, oxides of sulfur), whether computed or not:
        there measurement comes first, and its row is to replace the computed one. Such kinds and molecules are moved
        by what their metals are moved by alone. Left out: compounds of phosphorus and sulfur together, which have no
        measured relatives to learn from.

    Raises:
        ValueError: If fewer than N_FOLDS compounds have both energies.
    """
    shift = fitted(both_known(computed, measured))
    have = {composition_key(parse_formula(formula)) for formula in computed["formula"]}
    rows = []
    for formula, energy in zip(measured["formula"], measured["formation_energy_ev_atom"], strict=True):
        composition = parse_formula(formula)
        first = measured_first(composition)
        if len(composition) < 2 or {"P", "S"} <= symbols_of(composition):
            continue
        if composition_key(composition) in have and not first:
            continue
        by = float(shift_ev_atom(composition, shift))
        how = f"measured enthalpy moved by {by:+.3f} eV/atom" + (" (measured first)" if first else "")
        rows.append((formula, round(energy + by, 5), round(sigma_of(composition, shift), 3), how))
    return pd.DataFrame(rows, columns=COLUMNS)


def both_known(computed: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Compounds with both energies: formula, composition, difference_ev_atom (computed - measured), class.

    Molecules and the kinds that measurement goes first for are left out: their errors are their own.
    """
    energies: dict[object, float] = {}
    for formula, energy in zip(computed["formula"], computed["formation_energy_ev_atom"], strict=True):
        key = composition_key(parse_formula(formula))
        energies[key] = min(float(energy), energies.get(key, np.inf))
    rows = []
    for formula, energy in zip(measured["formula"], measured["formation_energy_ev_atom"], strict=True):
        composition = parse_formula(formula)
        key = composition_key(composition)
        if len(composition) > 1 and key in energies and not stands_alone(composition):
            rows.append((formula, composition, energies[key] - float(energy), error_class(composition)))
    return pd.DataFrame(rows, columns=["formula", "composition", "difference_ev_atom", "class"])


def fitted(known: pd.DataFrame) -> Shift:
    """The regression over all of `known` (as both_known gives them), its errors from compounds left out."""
    if len(known) < N_FOLDS:
        raise ValueError(f"{len(known)} compounds have a computed and a measured energy, fewer than {N_FOLDS}")
    errors = left_out(known)
    names, matrix = design(known["composition"].tolist())
    weights = solution(matrix, known["difference_ev_atom"].to_numpy())
    learned = frozenset(s for composition in known["composition"] for s in symbols_of(composition))
    return Shift(dict(zip(names, weights.tolist(), strict=True)), class_sigma(errors), learned)


def left_out(known: pd.DataFrame) -> pd.DataFrame:
    """`known` with left_out_ev_atom (its residual with its fold left out of the fit) and cation_out_ev_atom (with all
    compounds of one of its metals left out, the mean over its metals; NaN without a metal)."""
    compositions = known["composition"].tolist()
    _, matrix = design(compositions)
    values = known["difference_ev_atom"].to_numpy()
    folds = np.random.default_rng(0).permutation(len(known)) % N_FOLDS
    residual = np.full(len(known), np.nan)
    for fold in range(N_FOLDS):
        out = folds == fold
        residual[out] = values[out] - matrix[out] @ solution(matrix[~out], values[~out])
    metals = [{e.symbol for e in composition if e.is_metal} for composition in compositions]
    sums, counts = np.zeros(len(known)), np.zeros(len(known))
    for metal in sorted(set().union(*metals)):
        out = np.array([metal in found for found in metals])
        if 0 < out.sum() < len(known):
            sums[out] += values[out] - matrix[out] @ solution(matrix[~out], values[~out])
            counts[out] += 1
    with np.errstate(invalid="ignore"):
        return known.assign(left_out_ev_atom=residual, cation_out_ev_atom=sums / counts)


def class_sigma(errors: pd.DataFrame) -> dict[tuple[str, bool], float]:
    """Standard deviation of the error, eV/atom, by class and by whether the cations were learned; "" is any class."""
    sigma = {}
    for learned, column in ((True, "left_out_ev_atom"), (False, "cation_out_ev_atom")):
        size = errors[column].abs()
        sigma["", learned] = SIGMA_PER_MEAN_ABS * float(size.mean())
        for name, part in size.groupby(errors["class"]):
            if part.count() >= MIN_OF_CLASS:
                sigma[str(name), learned] = SIGMA_PER_MEAN_ABS * float(part.mean())
    return sigma


def error_table(errors: pd.DataFrame) -> pd.DataFrame:
    """Mean and median absolute error of `left_out`'s rows by class, over closed shells and over all, eV/atom."""
    groups = [*errors.groupby("class"), ("closed shells", errors[errors["class"].isin(CLOSED)]), ("all", errors)]
    rows = []
    for name, part in groups:
        size, cation = part["left_out_ev_atom"].abs(), part["cation_out_ev_atom"].abs()
        row = {"class": name, "compounds": len(part), "mean_abs": size.mean(), "median_abs": size.median()}
        rows.append(row | {"cation_out_mean_abs": cation.mean()})
    return pd.DataFrame(rows)


CLOSED = ("oxide", "oxyanion", "F", "Cl", "Br", "I", "S", "N", "H", "other")


def error_class(composition: Composition) -> str:
    """Class a compound's error is counted in: a molecule, an open shell, an oxyanion salt, or its anion."""
    symbols = symbols_of(composition)
    if not any(Element(s).is_metal or Element(s).is_metalloid for s in symbols):
        return "molecule"
    if symbols & OPEN_SHELL:
        return "open shell"
    anion = anion_of(composition)
    if anion == "O":
        return "oxyanion" if symbols & OXYANION else "oxide"
    return anion if anion in CLOSED else "other"


def measured_first(composition: Composition) -> bool:
    """Whether a compound is of a kind that computed tables have wrong by 0.3 to 0.7 eV/atom."""
    return bool(kind_of({element.symbol: float(n) for element, n in composition.items()}))


def stands_alone(composition: Composition) -> bool:
    """Whether the errors of other compounds tell nothing about this one's, its metals apart."""
    return measured_first(composition) or error_class(composition) == "molecule"


def symbols_of(composition: Composition) -> set[str]:
    return {element.symbol for element in composition}


def terms(composition: Composition) -> dict[str, float]:
    """What the regression knows about a compound; none of it depends on the amount of substance."""
    anion = anion_of(composition)
    found = {"": ANION_SCALE, f"anion {anion}": ANION_SCALE}
    for element, share in composition.fractional_composition.items():
        symbol, x = element.symbol, float(share)
        found[f"element {symbol}"] = x
        if symbol != anion:
            block = f"block {block_of(symbol)}"
            found[block] = found.get(block, 0.0) + x
        if symbol in OPEN_SHELL:
            found[f"{symbol} {'with' if anion in WITH_U else 'without'} U"] = x
        if anion == "O" and symbol in OXYANION:
            found[f"oxyanion of {symbol}"] = x
    return found


def block_of(symbol: str) -> str:
    """Elements whose errors are alike: groups of main metals, of transition metals, f elements; p by row, too."""
    element = Element(symbol)
    if element.is_lanthanoid or element.is_actinoid:
        return "f"
    if element.group > 12:
        return f"p{element.group} {'light' if element.row <= 3 else 'heavy'}"
    return f"{element.group}"


def design(compositions: Sequence[Composition]) -> tuple[list[str], np.ndarray]:
    """Names of all terms of the compounds, and their values (n, terms)."""
    found = [terms(composition) for composition in compositions]
    names = sorted({name for row in found for name in row})
    place = {name: k for k, name in enumerate(names)}
    matrix = np.zeros((len(found), len(names)))
    for i, row in enumerate(found):
        for name, value in row.items():
            matrix[i, place[name]] = value
    return names, matrix


def solution(matrix: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Ridge weights, residuals beyond ROBUST_EV_ATOM counted linearly."""
    counts = np.ones(len(values))
    kernel = matrix @ matrix.T
    for _ in range(4):
        dual = np.linalg.solve(kernel + np.diag(RIDGE / counts), values)
        counts = np.minimum(1.0, ROBUST_EV_ATOM / np.maximum(np.abs(values - kernel @ dual), 1e-9))
    return np.asarray(matrix.T @ dual)


def shift_ev_atom(composition: Composition, shift: Shift) -> float:
    """What a measured enthalpy is to be moved by: the expected (computed - measured)."""
    found = terms(composition)
    by = 0.0
    if stands_alone(composition):
        own = {e.symbol for e in composition if e.is_metal}
        names = {name for s in own for name in (f"element {s}", f"block {block_of(s)}")}
        found = {name: value for name, value in found.items() if name in names}
        by = RED_PHOSPHORUS_EV * float(composition.get_atomic_fraction("P"))
    return by + sum(shift.weights.get(name, 0.0) * value for name, value in found.items())


def sigma_of(composition: Composition, shift: Shift) -> float:
    """Standard deviation of a moved energy's error; of the whole, doubled, where its class is too small to tell."""
    if stands_alone(composition):
        return shift.sigma_ev_atom["", True]
    learned = symbols_of(composition) <= shift.learned
    known = shift.sigma_ev_atom.get((error_class(composition), learned))
    return known if known is not None else 2.0 * shift.sigma_ev_atom["", learned]
