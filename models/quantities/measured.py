"""What measurements say of a composition: one distribution of log10 sigma per phase, and which phase a candidate is.

A composition can be several materials: beta- and gamma-Li3PS4 differ by three decades, a glass from its crystal by
seven. Rows are pooled per phase, publications count once each, and repeated measurements of one compound scatter by
0.8 decades (doi:10.1039/d5dd00441a): a single value is no certainty.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

import numpy as np
import pandas as pd
from pymatgen.core import Composition
from scipy.stats import norm

from ionsieve.features.chemistry.formula import (
    ROUNDING,
    composition_key,
    composition_keys,
    parse_formula,
    rounding_apart,
)
from ionsieve.features.chemistry.publications import publication_keys
from ionsieve.features.crystals.lattice import CRYSTAL_SYSTEM_STARTS
from ionsieve.features.crystals.polymorphs import (
    SAME_FRAMEWORK,
    SAME_GROUP,
    SAME_PARENT,
    Crystal,
    crystals_of,
    same_polymorph,
)

TIERS = {"probability_sigma_ge_1e_4": -4.0, "probability_sigma_ge_1e_3": -3.0}
SCATTER = 0.5  # decades between publications of one phase where too few tell: least own spread
LEAST_SCATTER = 0.3  # decades that no number of publications goes below: what a sample's preparation changes
NINETY_PERCENT = float(norm.ppf(0.95))
KINDS = ("bulk", "total", "unstated")  # the first that a publication gives is its value
NOT_STATED = "composition only; the polymorph is not stated"
MATCHES = (SAME_GROUP, SAME_FRAMEWORK, SAME_PARENT, "same composition and crystal system", NOT_STATED)

SYSTEMS = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic")
POLYMORPH = re.compile(
    rf"\b(alpha|beta|gamma|delta|epsilon|rhombohedral|{'|'.join(SYSTEMS)})\b"
    r"(?=[ -](?:\w+ )?(?:polymorph|phase|form|modification)\b)"
)
AMORPHOUS = re.compile(r"\bamorphous\b|\bglass(?:y|es)?\b(?![ -]?ceramic)|\blipon\b", re.IGNORECASE)
AMORPHOUS_NAME = "amorphous"
UNPUBLISHED = "row "  # and its number: a row that names no publication is one of its own
SYMBOL = re.compile(r"[A-Z][a-z]?")  # of an element: which measurements can concern a candidate at all

TEXT = ("formula", "kind", "source", "phase", "sample", "note", "family")
NUMBER = ("sigma_s_cm", "sigma_upper_bound_s_cm")


@dataclass(frozen=True)
class Phase:
    """Measurements of one phase of one composition.

    log10_sigma is the median over publications and `scatter` its error, NaN where only an upper bound is known;
    log10_sigma_bulk and log10_sigma_total the medians of those that give one, NaN where none does; log10_sigma_bound
    the lowest upper bound where there is no value. `name` is "" where the polymorph is not stated, `crystals` are the
    descriptions its rows give.
    """

    formula: str
    name: str
    crystalline: bool
    crystals: tuple[Crystal, ...]
    log10_sigma: float
    scatter: float
    log10_sigma_bulk: float
    log10_sigma_total: float
    log10_sigma_bound: float
    publications: int
    kind: str
    source: str

    @property
    def worth(self) -> tuple[bool, float]:
        """Sorts the best conductor last, phases of which only a bound is known first."""
        known = not np.isnan(self.log10_sigma)
        return known, self.log10_sigma if known else self.log10_sigma_bound


@dataclass(frozen=True)
class Measurement:
    """One row: log10_sigma is NaN where log10_sigma_bound is known, and the reverse; `label` names its phase, or ""."""

    formula: str
    key: str
    publication: str
    kind: str
    log10_sigma: float
    log10_sigma_bound: float
    label: str
    crystal: Crystal


def completed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every column that is read here: "" or NaN where it lacks one."""
    text = {name: table[name].fillna("").astype(str) if name in table else "" for name in TEXT}
    numbers = {name: table[name].astype(float) if name in table else np.nan for name in NUMBER}
    return table.assign(**text, **numbers)


def is_amorphous(phase: str, sample: str, family: str, note: str) -> bool:
    """Whether the words that describe a sample say that it was a glass or an amorphous film.

    Of a note only the part before the first semicolon speaks of the sample itself.
    """
    said = " ".join([phase, sample, family, note.split(";")[0]])
    return bool(AMORPHOUS.search(said)) and not re.search(r"\b(poly)?crystalline\b", said)


def phase_label(phase: str, note: str) -> str:
    """Name of the polymorph as a row states it: its column `phase`, or a note such as "cubic polymorph"; or ""."""
    found = POLYMORPH.search(note.split(";")[0].lower())
    label = phase.strip().lower() or (found.group(1) if found else "")
    return "trigonal" if label == "rhombohedral" else label


def crystal_system(space_group: int) -> str:
    """Name of the system of a space group's number."""
    return SYSTEMS[int(np.searchsorted(CRYSTAL_SYSTEM_STARTS, space_group, side="right")) - 1]


def measurement_rows(measurements: pd.DataFrame) -> list[Measurement]:
    """The rows of a table with what they say of their phase; what has a space group is no glass, whatever it is called.

    Args:
        measurements: `formula`, `sigma_s_cm`, `sigma_upper_bound_s_cm`; where they are known also `space_group_number`,
            the cell, `formula_units_z`, `structure_json`, `kind`, `source`, `phase`, `sample`, `family`, `note`.
    """
    table = completed(measurements)
    own = [key or f"{UNPUBLISHED}{i}" for i, key in enumerate(publication_keys(table["source"]))]
    columns = zip(table.to_dict("records"), own, composition_keys(table["formula"]), crystals_of(table), strict=True)
    rows = []
    for row, publication, key, crystal in columns:
        phase, note = str(row["phase"]), str(row["note"])
        glass = not crystal.space_group and is_amorphous(phase, str(row["sample"]), str(row["family"]), note)
        value, bound = (float(np.log10(float(row[name]))) for name in ("sigma_s_cm", "sigma_upper_bound_s_cm"))
        label = AMORPHOUS_NAME if glass else phase_label(phase, note)
        kind = str(row["kind"]) or "unstated"
        rows.append(Measurement(str(row["formula"]), key, publication, kind, value, bound, label, crystal))
    return rows


def measured_phases(measurements: pd.DataFrame) -> list[Phase]:
    """Every phase that was measured, sorted by composition; the table as for `measurement_rows`."""
    rows = sorted(measurement_rows(measurements), key=lambda row: row.key)
    found = []
    for _, group in groupby(rows, key=lambda row: row.key):
        of_composition = list(group)
        numbers = phase_numbers([r.label for r in of_composition], [r.crystal for r in of_composition])
        for number in sorted(set(numbers)):
            found.append(_phase([r for r, n in zip(of_composition, numbers, strict=True) if n == number]))
    return found


def phase_numbers(labels: Sequence[str], crystals: Sequence[Crystal]) -> list[int]:
    """Number of the phase that each row of one composition belongs to.

    Rows are of one phase if their names are equal or their crystals are the same polymorph; a crystal system as name
    and a space group of it are as good as equal. Rows that state nothing join the crystals if these are all of one
    phase, else they stay a phase of their own.
    """
    number = list(range(len(labels)))
    for i, j in combinations(range(len(labels)), 2):
        if _one_phase((labels[i], crystals[i]), (labels[j], crystals[j])):
            number = [number[i] if n == number[j] else n for n in number]
    stated = [bool(label or crystal.space_group) for label, crystal in zip(labels, crystals, strict=True)]
    polymorphs = {
        n for n, is_stated, label in zip(number, stated, labels, strict=True) if is_stated and label != AMORPHOUS_NAME
    }
    rest = polymorphs.pop() if len(polymorphs) == 1 else -1
    return [n if is_stated else rest for n, is_stated in zip(number, stated, strict=True)]


def _one_phase(a: tuple[str, Crystal], b: tuple[str, Crystal]) -> bool:
    (label, crystal), (other_label, other) = a, b
    if label and other_label:
        return label == other_label
    for name, described in ((label, other), (other_label, crystal)):
        if name in SYSTEMS and described.space_group:
            return crystal_system(described.space_group) == name
    return same_polymorph(crystal, other)[0] is True


def _phase(rows: Sequence[Measurement]) -> Phase:
    """Rows of one phase taken together; rows that are bounds count only where there are no values."""
    valued = [row for row in rows if not np.isnan(row.log10_sigma)]
    publications = sorted({row.publication for row in valued or rows})
    values = [_of_publication([r for r in valued if r.publication == p]) for p in publications] if valued else []
    medians = np.array([value for _, value in values])
    kinds = {kind for kind, _ in values} if valued else {row.kind for row in rows}
    scatter = max(SCATTER, float(medians.std(ddof=1)) if len(medians) > 1 else 0.0)
    label = next((row.label for row in rows if row.label), "")
    groups = ", ".join(sorted({row.crystal.symbol for row in rows} - {""}))
    bounds = [row.log10_sigma_bound for row in rows if np.isnan(row.log10_sigma)]
    return Phase(
        formula=rows[0].formula,
        name=" ".join(filter(None, [label, f"({groups})" if groups else ""])),
        crystalline=label != AMORPHOUS_NAME,
        crystals=tuple(dict.fromkeys(row.crystal for row in rows if row.crystal.space_group)),
        log10_sigma=float(np.median(medians)) if valued else np.nan,
        scatter=max(LEAST_SCATTER, scatter / np.sqrt(len(medians))) if valued else np.nan,
        log10_sigma_bulk=_median_of_kind(valued, "bulk"),
        log10_sigma_total=_median_of_kind(valued, "total"),
        log10_sigma_bound=min(bounds) if not valued else np.nan,
        publications=len(publications),
        kind=", ".join(kind for kind in KINDS if kind in kinds),
        source="; ".join(p for p in publications if not p.startswith(UNPUBLISHED)),
    )


def _median_of_kind(rows: Sequence[Measurement], kind: str) -> float:
    """Median over publications of the values of one kind; NaN without any."""
    of_kind = [row for row in rows if row.kind == kind]
    publications = sorted({row.publication for row in of_kind})
    medians = [np.median([row.log10_sigma for row in of_kind if row.publication == p]) for p in publications]
    return float(np.median(medians)) if medians else np.nan


def _of_publication(rows: Sequence[Measurement]) -> tuple[str, float]:
    """(kind, median of log10 sigma) of the first kind that a publication gives."""
    kind = next(kind for kind in KINDS if any(row.kind == kind for row in rows))
    return kind, float(np.median([row.log10_sigma for row in rows if row.kind == kind]))


class PhasesByComposition:
    """Phases to be found by composition, as written or within rounding."""

    def __init__(self, phases: Sequence[Phase]) -> None:
        self._exact: dict[str, list[Phase]] = {}
        self._by_elements: dict[frozenset[str], dict[str, Composition]] = {}
        for phase in phases:
            composition = parse_formula(phase.formula)
            key = composition_key(composition)
            self._exact.setdefault(key, []).append(phase)
            self._by_elements.setdefault(frozenset(composition.get_el_amt_dict()), {})[key] = composition

    def find(self, formula: str) -> tuple[list[Phase], bool]:
        """(phases of a composition, whether they are of one that differs by rounding); none: ([], False)."""
        composition = parse_formula(formula)
        key = composition_key(composition)
        if key in self._exact:
            return self._exact[key], False
        others = self._by_elements.get(frozenset(composition.get_el_amt_dict()), {})
        apart = {other: rounding_apart(composition, others[other]) for other in others}
        nearest = min(apart, key=lambda other: apart[other], default="")
        return (self._exact[nearest], True) if nearest and apart[nearest] <= ROUNDING else ([], False)


def chosen_phase(phases: Sequence[Phase], crystal: Crystal) -> tuple[Phase | None, str]:
    """(the phase that a candidate is, how it was found), or (None, why none of those measured is it).

    A candidate without a space group is represented by the best of the crystalline phases, by the best of the others
    where no crystal was measured. One with a space group is only what it matches, the best of equally good matches; a
    phase that does not state its polymorph matches last.
    """
    crystalline = [phase for phase in phases if phase.crystalline]
    if not crystal.space_group:
        best = max(crystalline or phases, key=lambda phase: phase.worth)
        return best, _words(best, sum(bool(phase.name) for phase in phases))
    found = [(how, phase) for phase in crystalline if (how := _match(phase, crystal))]
    if found:
        how, phase = min(found, key=lambda pair: (MATCHES.index(pair[0]), tuple(-w for w in pair[1].worth)))
        return phase, how
    return None, f"measured as another phase alone: {', '.join(phase.name for phase in phases)}"


def _match(phase: Phase, crystal: Crystal) -> str:
    """How a phase and a crystal with a space group were found to be one; "" where they are not."""
    if phase.crystals:
        answers = [same_polymorph(crystal, other) for other in phase.crystals]
        return min((how for same, how in answers if same), key=MATCHES.index, default="")
    if phase.name in SYSTEMS:
        return "same composition and crystal system" if crystal_system(crystal.space_group) == phase.name else ""
    return NOT_STATED


def _words(phase: Phase, n_stated: int) -> str:
    if not phase.name:
        return NOT_STATED
    return f"same composition; the best of {n_stated} phases" if n_stated > 1 else "same composition"


KNOWN_TEXT = ["sigma_phase", "sigma_kind", "sigma_source", "sigma_match", "note"]


def known_conductivity(candidates: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """What was measured of each candidate.

    Args:
        candidates: `formula`; `space_group_number`, the cell and `structure_json` where they are known.
        measurements: As for `measured_phases`.

    Returns:
        Indexed as candidates: log10_sigma with log10_sigma_low and _high (90 % of a normal), the probabilities of
        TIERS, NaN where nothing was measured; log10_sigma_bulk and log10_sigma_total, apart; log10_sigma_bound where
        only an upper bound is known, which gives probability 0 from there on; sigma_publications (0: none),
        sigma_phase, sigma_kind, sigma_source, sigma_match, measured_crystalline and note.
    """
    systems = {frozenset(SYMBOL.findall(formula)) for formula in candidates["formula"]}
    asked = [frozenset(SYMBOL.findall(formula)) in systems for formula in measurements["formula"]]
    index = PhasesByComposition(measured_phases(measurements[asked]))
    rows = []
    for formula, crystal in zip(candidates["formula"], crystals_of(candidates), strict=True):
        phases, rounded = index.find(formula)
        phase, how = chosen_phase(phases, crystal) if phases else (None, "")
        if phase is not None and rounded:
            how = f"{how}; written {phase.formula}, the same within rounding"
        rows.append(_known_row(phase, how, any(p.crystalline for p in phases)))
    return pd.DataFrame(rows, index=candidates.index)


def _known_row(phase: Phase | None, how: str, crystalline: bool) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(["log10_sigma", "log10_sigma_low", "log10_sigma_high", *TIERS], np.nan)
    row |= {"log10_sigma_bulk": np.nan, "log10_sigma_total": np.nan}
    row |= {"log10_sigma_bound": np.nan, "sigma_publications": 0, "measured_crystalline": crystalline}
    row |= dict.fromkeys(KNOWN_TEXT, "")
    if phase is None:
        return row | {"note": how}
    row |= {"sigma_publications": phase.publications, "sigma_phase": phase.name, "sigma_kind": phase.kind}
    row |= {"sigma_source": phase.source, "sigma_match": how}
    if np.isnan(phase.log10_sigma):
        below = {name: 0.0 for name, tier in TIERS.items() if phase.log10_sigma_bound <= tier}
        note = f"measured below {10**phase.log10_sigma_bound:.0e} S/cm"
        return row | below | {"log10_sigma_bound": phase.log10_sigma_bound, "note": note}
    half = NINETY_PERCENT * phase.scatter
    row |= {"log10_sigma_bulk": phase.log10_sigma_bulk, "log10_sigma_total": phase.log10_sigma_total}
    row |= {name: float(norm.sf((tier - phase.log10_sigma) / phase.scatter)) for name, tier in TIERS.items()}
    row |= {"log10_sigma_low": phase.log10_sigma - half, "log10_sigma_high": phase.log10_sigma + half}
    return row | {"log10_sigma": phase.log10_sigma}


def decided_conductivity(predicted: pd.DataFrame, known: pd.DataFrame, near_distance: float) -> pd.DataFrame:
    """What is known of the conductivity, what is not, and which of it may decide.

    A measured value goes before a predicted one. A bound stands as what it is, the upper end of an interval without a
    lower, in place of a prediction above it, caps the interval of one below it, and never stands for a missing one;
    where it lies below a tier, it decides. A prediction decides only near the measured rows.

    Args:
        predicted: log10_sigma with _low and _high, the probabilities of TIERS, domain_distance.
        known: As from `known_conductivity`, same index.
        near_distance: Largest domain_distance of what is near.

    Returns:
        `predicted` with these replaced, the columns of `known` but its bound, and `sigma_origin` ("measured",
        "upper bound", "predicted" or ""), `near` (True measured, or predicted near; False predicted far; NA nothing
        known) and `log10_sigma_decides` (NaN where far or nothing; of a bound that decides, the lower of bound and
        prediction).
    """
    measured, bound = known["log10_sigma"].notna(), known["log10_sigma_bound"]
    result = predicted.copy()
    stands = bound.notna() & ~(predicted["log10_sigma"] < bound)
    for column in ("log10_sigma", "log10_sigma_low", "log10_sigma_high"):
        capped = predicted[column].where(bound.isna(), np.minimum(predicted[column], bound))
        result[column] = known[column].where(measured, capped)
    result["log10_sigma_low"] = result["log10_sigma_low"].mask(stands)
    result["log10_sigma_high"] = result["log10_sigma_high"].mask(stands, bound)
    has_value = result["log10_sigma"].notna()
    bound_decides = known[list(TIERS)].eq(0.0).all(axis=1) & bound.notna()
    close = (predicted["domain_distance"] <= near_distance) & has_value
    near = (measured | bound_decides | close).astype("boolean")
    result["near"] = near.mask(~has_value & ~bound_decides)
    decides = near.to_numpy(dtype=bool)
    result["log10_sigma_decides"] = result["log10_sigma"].where(decides & ~bound_decides)
    result.loc[bound_decides, "log10_sigma_decides"] = np.fmin(result["log10_sigma"], bound)[bound_decides]
    for column in TIERS:
        result[column] = known[column].where(known[column].notna(), predicted[column].where(close))
    result["sigma_origin"] = np.select([measured, stands, has_value], ["measured", "upper bound", "predicted"], "")
    told = [c for c in known if c not in result.columns and c != "log10_sigma_bound"]
    return pd.concat([result, known[told]], axis=1)
