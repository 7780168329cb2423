"""Figures of the report: the map of candidates, held-out predictions, and the ways of lithium through crystals."""

import math
from collections.abc import Sequence
from html import escape

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup
from pymatgen.core import Structure

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.bond_valence import framework_of, site_energy_landscape
from ionsieve.features.transport.landscape_picture import landscape_figure

USABLE_LOG10_SIGMA = -4.0
COLORS = {"measured": "#b3541e", "upper bound": "#8a8a8a", "predicted": "#0b6e75"}
OXIDATION_RANGE_V = [-0.2, 7.6]  # beyond it nothing oxidises: such limits are defects of the energies
PARITY_POINTS = 2000  # more make the page slow and the cloud no clearer
PICTURE_RESOLUTION_ANGSTROM = 0.4  # finer surfaces look the same and weigh megabytes


def figure_html(figure: go.Figure, id_: str) -> Markup:
    """Figure without the library, under a fixed id: the page's bytes must not change from run to run."""
    figure.update_layout(template="plotly_white", margin={"l": 60, "r": 20, "t": 40, "b": 50}, font={"size": 13})
    return Markup(figure.to_html(full_html=False, include_plotlyjs=False, div_id=id_))


def map_figure(judged: pd.DataFrame, cathode_voltage_v: float) -> go.Figure:
    """Conductivity against oxidation limit; measured and predicted apart, out of domain open."""
    known = judged[judged["log10_sigma"].notna() & judged["oxidation_limit_tol_v"].map(math.isfinite)]
    figure = go.Figure()
    for origin, rows in known.groupby("sigma_origin"):
        open_symbol = (rows["in_domain"].astype(float) == 0) & (origin == "predicted")
        figure.add_scatter(
            x=rows["oxidation_limit_tol_v"],
            y=rows["log10_sigma"],
            mode="markers",
            name=escape(str(origin)),
            text=[escape(f"{f} ({i})" if f != i else f) for f, i in zip(rows["formula"], rows["id"], strict=True)],
            hovertemplate="%{text}<br>oxidises above %{x:.2f} V<br>log σ %{y:.1f}<extra></extra>",
            marker={
                "color": COLORS[str(origin)],
                "size": 7,
                "symbol": ["circle-open" if o else "circle" for o in open_symbol],
            },
        )
    figure.add_hline(y=USABLE_LOG10_SIGMA, line={"dash": "dash", "width": 1})
    figure.add_vline(x=cathode_voltage_v, line={"dash": "dot", "width": 1})
    figure.update_xaxes(title="oxidation limit with tolerance (V against Li/Li⁺)", range=OXIDATION_RANGE_V)
    figure.update_yaxes(title="log₁₀ σ / (S/cm)")
    return figure.update_layout(height=520)


def parity_figure(name: str, rows: pd.DataFrame) -> go.Figure:
    """Held-out predictions against what was measured (or computed) for one model."""
    shown = rows.sample(min(len(rows), PARITY_POINTS), random_state=0)
    figure = go.Figure()
    figure.add_scatter(
        x=shown["target"],
        y=shown["predicted"],
        mode="markers",
        marker={"size": 5, "color": COLORS["predicted"]},
        showlegend=False,
    )
    ends = [min(rows["target"].min(), rows["predicted"].min()), max(rows["target"].max(), rows["predicted"].max())]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"dash": "dash", "width": 1, "color": "#5b6770"}, showlegend=False
    )
    figure.update_xaxes(title="known")
    figure.update_yaxes(title="predicted, held out")
    return figure.update_layout(title=name.replace("_", " "), height=380)


def crystal_figures(
    candidates: pd.DataFrame, judged: pd.DataFrame, ids: Sequence[str], most: int
) -> list[dict[str, object]]:
    """The channels of the first `most` listed crystals through which lithium can move, at the level that opens them.

    Args:
        candidates: `id`, `formula`, `structure_json`.
        judged: `id`, `dimensionality` and the percolation and migration barriers.
        ids: Listed materials in the order of interest.
    """
    crystals = candidates.dropna(subset="structure_json").drop_duplicates("id").set_index("id")
    known = judged.set_index("id")
    shown: list[dict[str, object]] = []
    for id_ in dict.fromkeys(ids):
        if len(shown) == most:
            break
        dimensions = known["dimensionality"].get(id_, math.nan)
        if id_ not in crystals.index or not dimensions >= 1:
            continue
        level = known[f"percolation_barrier_{int(dimensions)}d_ev"][id_]
        decorated, _ = assign_oxidation_states(Structure.from_str(crystals["structure_json"][id_], fmt="json"))
        framework = framework_of(decorated)
        landscape = site_energy_landscape(framework, resolution_angstrom=PICTURE_RESOLUTION_ANGSTROM)
        figure = landscape_figure(landscape, framework, level).update_layout(height=420)
        barrier, formula = known[f"migration_barrier_{int(dimensions)}d_ev"][id_], crystals["formula"][id_]
        caption = f"{formula} ({id_}): paths in {int(dimensions)} dimensions, barrier {barrier:.2f} eV"
        shown.append({"caption": caption, "figure": figure_html(figure, f"crystal-{len(shown)}")})
    return shown
