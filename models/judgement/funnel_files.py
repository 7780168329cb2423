"""Funnels as people write them: filters in order, groups of the roles they build on, and every partner by name.

A funnel may name several electrolytes and electrodes. A filter whose column has a placeholder such as {electrolyte}
then stands for one filter per partner, each of which has to be passed.
"""

import difflib
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.models.judgement.cell import cathode_voltage_v, partner_ids
from ionsieve.models.judgement.filters import FILTER_KEYS, Filter, read_filter, role_specs

TEXTS = ("name", "title", "reference", "doi", "role", "doi_check", "quoted_in")
LISTS = ("includes", "without", "partners", "found", "differs", "missing")
FUNNEL_KEYS = frozenset({*TEXTS, *LISTS, "start", "filters", "end"})
CLAIM_KEYS = frozenset({"published_count", "count_check", "basis", "note"})
TEXT_KEYS = ("column", "unless", "low", "high", "unknown", "relative_to", "next_step", "count_check", "basis", "note")
PARTS = ("electrolyte", "cathode_lithiated", "cathode_delithiated", "anode")
PARTNER = "partner"  # placeholder for every partner the funnel names
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class Claim:
    """What is said of one step from outside: how many remained in a publication, how that is known, and a note."""

    published_count: int | None = None
    count_check: str = ""
    basis: str = ""
    note: str = ""


@dataclass(frozen=True)
class Funnel:
    """Filters in order with one claim each; `start` and `end` are (what is counted, claim), `source` is the file.

    `found` are formulas that the publication is known to have found, `differs` the reasons why its counts are not ours,
    `missing` its conditions for which there is no column.
    """

    name: str
    source: str
    title: str
    reference: str
    filters: tuple[Filter, ...]
    claims: tuple[Claim, ...]
    start: tuple[str, Claim] = ("candidates", Claim())
    end: tuple[str, Claim] = ("survivors", Claim())
    found: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def read_funnel(spec: Any, where: str, name: str, screen: Mapping[str, Any], partners: pd.DataFrame) -> Funnel:
    """A funnel from what a YAML file holds; funnels/README.md lists the keys, of which a person's own needs few.

    Args:
        spec: The file's content.
        where: The file, for messages.
        name: Used where the file gives none.
        screen: Block `screen` of the parameters: its roles may be included, and its cathode, electrolyte and anode are
            taken where `partners` names none.
        partners: As for `partner_ids`, with formula and voltage_max_v.

    Raises:
        ValueError: One sentence with the file, the filter and what is wrong with it.
    """
    if not isinstance(spec, Mapping):
        raise ValueError(f"{where}: a funnel is a mapping with `filters` or `includes`, not {_kind(spec)}.")
    _known(spec, FUNNEL_KEYS, where)
    texts = {key: _text(spec, key, where) for key in TEXTS}
    lists = {key: _texts(spec, key, where) for key in LISTS}
    # results are kept in a folder of this name
    if not re.fullmatch(r"\w[\w .+-]*", texts["name"] or name):
        raise ValueError(
            f"{where}: name {texts['name'] or name!r} is not made of letters, digits, spaces and _ . + - alone."
        )
    parts, references = _cell(lists["partners"], where, screen, partners)
    filters, claims = [], []
    for at, filter_name, fields, claim in _written(spec, lists, where, screen["roles"]):
        expanded = list(_expanded(at, filter_name, fields, parts))
        for k, (one_name, one) in enumerate(expanded):
            try:
                filters.append(read_filter(at, one_name, one, {}, references))
            except ValueError as error:
                raise ValueError(f"{error}.") from error
            # What a publication counted after all its partners stands beside the last of them.
            claims.append(claim if k == len(expanded) - 1 else replace(claim, published_count=None, count_check=""))
    if not filters:
        raise ValueError(f"{where}: the funnel has no filter; give `filters`, or `includes` a group of screen.roles.")
    for formula in lists["found"]:
        _formula(formula, where)
    doi = f"doi:{texts['doi']}" if texts["doi"] else ""
    return Funnel(
        name=texts["name"] or name,
        source=where,
        title=texts["title"],
        reference="; ".join(filter(None, (texts["reference"], doi))),
        filters=tuple(filters),
        claims=tuple(claims),
        start=_end_of(spec, "start", "candidates", where),
        end=_end_of(spec, "end", "survivors", where),
        **{key: tuple(lists[key]) for key in ("found", "differs", "missing")},
    )


def _written(
    spec: Mapping[str, Any], lists: Mapping[str, list[str]], where: str, roles: Mapping[str, Any]
) -> list[tuple[str, str, dict[str, Any], Claim]]:
    """(where, name, fields, claim) of every filter before partners are filled in: included ones first."""
    found: dict[str, tuple[str, dict[str, Any], Claim]] = {}
    for group in lists["includes"]:
        try:
            included = role_specs(group, roles)
        except ValueError as error:
            raise ValueError(f"{where}, includes: {error}.") from error
        found |= {name: (f"{where}, {at}", dict(fields), Claim()) for name, (at, fields) in included.items()}
    for name in lists["without"]:
        if name not in found:
            raise ValueError(f"{where}, without: no included filter is called {name!r}; there are {', '.join(found)}.")
        del found[name]
    rows = spec.get("filters", [])
    if not isinstance(rows, list):
        raise ValueError(f"{where}: filters is a list of filters, each with name and column, not {_kind(rows)}.")
    own: set[str] = set()
    for number, row in enumerate(rows, start=1):
        name, fields, claim = _one_filter(row, f"{where}, filter {number}")
        if name in own:
            raise ValueError(f"{where}: two filters are called {name!r}.")
        own.add(name)
        found[name] = (f"{where}, filter {name}", fields, claim)
    return [(at, name, fields, claim) for name, (at, fields, claim) in found.items()]


def _one_filter(row: Any, where: str) -> tuple[str, dict[str, Any], Claim]:
    if not isinstance(row, Mapping):
        raise ValueError(f"{where}: name, column and at_least or at_most are expected, not {_kind(row)}.")
    if not isinstance(row.get("name"), str) or not row["name"]:
        raise ValueError(f"{where}: it has no name.")
    where = f"{where.rsplit(' ', 1)[0]} {row['name']}"
    _known(row, FILTER_KEYS | CLAIM_KEYS | {"name"}, where)
    for key in TEXT_KEYS:
        _text(row, key, where)
    for key in ("at_least", "at_most"):
        value = row.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise ValueError(f"{where}: {key} {value!r} is no number.")
    return row["name"], {key: row[key] for key in row if key in FILTER_KEYS}, _claim(row, where)


def _claim(row: Mapping[str, Any], where: str) -> Claim:
    count = row.get("published_count")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
        raise ValueError(f"{where}: published_count {count!r} is no count.")
    return Claim(count, *(_text(row, key, where) for key in ("count_check", "basis", "note")))


def _end_of(spec: Mapping[str, Any], key: str, default: str, where: str) -> tuple[str, Claim]:
    row = spec.get(key) or {}
    if not isinstance(row, Mapping):
        raise ValueError(f"{where}: {key} has `what` and `published_count`, and is not {_kind(row)}.")
    _known(row, CLAIM_KEYS | {"what"}, f"{where}, {key}")
    return _text(row, "what", f"{where}, {key}") or default, _claim(row, f"{where}, {key}")


def _cell(
    names: Sequence[str], where: str, screen: Mapping[str, Any], partners: pd.DataFrame
) -> tuple[dict[str, list[str]], dict[str, float]]:
    """Partner ids by placeholder, and the values thresholds may be relative to."""
    rows = [_partner_rows(name, where, partners) for name in names]
    chosen = pd.concat(rows).drop_duplicates("partner") if rows else partners.iloc[:0]
    usual = partner_ids(partners, screen["cathode"], screen["electrolyte"], screen["anode"])
    parts = {PARTNER: list(chosen["partner"])}
    cathodes = chosen[chosen["kind"].str.startswith("cathode")]
    for part in PARTS:
        # A cathode of which one side is named must not be completed by the side of another.
        given = cathodes if part.startswith("cathode") else chosen[chosen["kind"] == part]
        parts[part] = [usual[part]] if given.empty else list(given.loc[given["kind"] == part, "partner"])
    usual_top = cathode_voltage_v(screen, partners)
    tops = {usual_top if c == screen["cathode"] else v for c, v in _tops(cathodes)}
    return parts, {"cathode_voltage_v": float(max(tops, default=usual_top))}


def _tops(cathodes: pd.DataFrame) -> list[tuple[str, float]]:
    return [] if cathodes.empty else list(zip(cathodes["cathode"], cathodes["voltage_max_v"], strict=True))


def _partner_rows(name: str, where: str, partners: pd.DataFrame) -> pd.DataFrame:
    """The rows of one partner by id, cathode (both its sides) or formula."""
    for column in ("partner", "cathode", "formula"):
        rows = partners[partners[column] == name]
        if not rows.empty:
            return rows
    known = [*partners["partner"], *partners["cathode"].dropna().unique()]
    raise ValueError(f"{where}, partners: {name!r} is neither a partner nor a cathode{nearest(name, known)}.")


def _expanded(
    where: str, name: str, fields: Mapping[str, Any], parts: Mapping[str, Sequence[str]]
) -> list[tuple[str, dict[str, Any]]]:
    """(name, fields) with each partner in place of placeholders; the partner is in the name where there are several."""
    texts = {key: fields[key] for key in ("column", "unless", "low", "high") if key in fields}
    holders = sorted({found for text in texts.values() for found in _PLACEHOLDER.findall(text)})
    for holder in holders:
        if holder not in parts:
            raise ValueError(f"{where}: {{{holder}}} is none of {', '.join(f'{{{part}}}' for part in parts)}.")
        if not parts[holder]:
            raise ValueError(f"{where}: partners names nothing for {{{holder}}}.")
    if any(set("{}") & set(_PLACEHOLDER.sub("", text)) for text in texts.values()):
        raise ValueError(f"{where}: a brace is not closed in {', '.join(texts.values())}.")
    found = []
    for chosen in itertools.product(*(parts[holder] for holder in holders)):
        by_holder = dict(zip(holders, chosen, strict=True))
        filled = {key: text.format(**by_holder) for key, text in texts.items()}
        several = [by_holder[holder] for holder in holders if len(parts[holder]) > 1]
        found.append(("_".join([name, *several]), {**fields, **filled}))
    return found


def _formula(text: str, where: str) -> None:
    try:
        parse_formula(text)
    except ValueError as error:
        raise ValueError(f"{where}, found: {error}.") from error


def _known(row: Mapping[Any, Any], keys: frozenset[str], where: str) -> None:
    for key in row:
        if key not in keys:
            raise ValueError(f"{where}: unknown key {key!r}{nearest(str(key), sorted(keys))}.")


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{where}: {key} {value!r} is no text.")
    return value or ""


def _texts(row: Mapping[str, Any], key: str, where: str) -> list[str]:
    values = row.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{where}: {key} is a list of texts, not {_kind(values)}.")
    return values


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{value!r}"[:60]


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of a message about a name that does not exist: those it may have meant, or some there are."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    return f"; the nearest are {', '.join(close)}" if close else f"; there are {', '.join(known[:12])} …"
