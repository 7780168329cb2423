"""Interactive picture of the ways of the mobile ion: channels, framework atoms and the cell, as a Plotly figure."""

from itertools import product

import numpy as np
import plotly.graph_objects as go
from ase.data import atomic_numbers, covalent_radii
from ase.data.colors import jmol_colors
from numpy.typing import NDArray

from ionsieve.features.transport.bond_valence import Framework, Landscape
from ionsieve.features.transport.isosurface import isosurface

# Surface where the ion can go: its outermost energy above the level at which the crystal opens.
MARGIN_EV = 0.05


def landscape_figure(landscape: Landscape, framework: Framework, level_ev: float, mobile_ion: str = "Li") -> go.Figure:
    """Channel surface at a level, cell edges, framework atoms and the sites of the mobile ion.

    Args:
        landscape: A coarse one (0.4 Å) keeps the figure small: vertices are written with three decimals.
        framework: The atoms, from `framework_of`.
        level_ev: Height of the surface above the lowest point, usually a percolation barrier; 0.05 eV is added, so
            that the path is seen to be open.
        mobile_ion: Name of the mobile ion in the legend.

    Returns:
        Figure without axes; distances in Å.
    """
    energy = landscape.energy_ev - landscape.energy_ev.min()
    vertices, triangles = isosurface(energy, level_ev + MARGIN_EV)
    figure = go.Figure()
    if len(triangles):
        x, y, z = np.round(vertices @ landscape.lattice, 3).T
        i, j, k = triangles.T
        figure.add_trace(
            go.Mesh3d(x=x, y=y, z=z, i=i, j=j, k=k, color="#2a9d8f", opacity=0.45, name=f"{mobile_ion} paths")
        )
    figure.add_trace(_cell_edges(landscape.lattice))
    for symbol in sorted({symbol for symbol, _ in framework.kinds}):
        held = np.array([s == symbol for s, _ in framework.kinds])[framework.kind]
        figure.add_trace(_atoms(framework.positions[held], landscape.lattice, symbol, symbol))
    if len(framework.mobile_positions):
        figure.add_trace(_atoms(framework.mobile_positions, landscape.lattice, mobile_ion, f"{mobile_ion} sites"))
    hidden = {"visible": False}
    figure.update_layout(
        scene={"xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "aspectmode": "data"},
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        legend={"itemsizing": "constant"},
    )
    return figure


def _cell_edges(lattice: NDArray[np.float64]) -> go.Scatter3d:
    """The twelve edges of the cell as one broken line."""
    points: list[NDArray[np.float64]] = []
    for corner in product((0.0, 1.0), repeat=3):
        for axis in range(3):
            if corner[axis] == 0.0:
                end = np.array(corner)
                end[axis] = 1.0
                points += [np.array(corner) @ lattice, end @ lattice, np.full(3, np.nan)]
    x, y, z = np.round(np.array(points), 3).T
    return go.Scatter3d(
        x=x, y=y, z=z, mode="lines", line={"color": "#555555", "width": 2}, name="cell", hoverinfo="skip"
    )


def _atoms(positions: NDArray[np.float64], lattice: NDArray[np.float64], symbol: str, name: str) -> go.Scatter3d:
    """Atoms of one element as balls, sized by covalent radius."""
    number = atomic_numbers[symbol]
    red, green, blue = (np.array(jmol_colors[number]) * 255).astype(int)
    x, y, z = np.round((positions % 1.0) @ lattice, 3).T
    marker = {"size": 4 + 5 * float(covalent_radii[number]), "color": f"rgb({red},{green},{blue})"}
    return go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, name=name)
