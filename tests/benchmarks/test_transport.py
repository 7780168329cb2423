"""Barriers of crystals, side by side with BVlain on the same crystals and grids; run by `make bench`, asserts no time.

BVlain runs as it does by default (100 neighbours, which truncates; all cores for its neighbour search), so its times
are the least it can be charged with. Prints the ratios, the cost per volume, and the memory.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bvlain import Lain
from places import CRYSTALS
from pymatgen.core import Structure
from pymatgen.io.cif import CifParser

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.bond_valence import framework_of, site_energy_landscape
from ionsieve.features.transport.percolation import percolation
from ionsieve.features.transport.table import transport_table

NAMES = ["LiCl", "LiCoO2", "LiFePO4", "LiTi2P3O12"]
SAMPLE = 8
THREADS = 2


def barriers_by_bvlain(structure: Structure) -> dict[str, float]:
    lain = Lain(verbose=False)
    lain.read_structure(structure, oxi_check=False)
    lain.bvse_distribution(mobile_ion="Li1+", resolution=0.2, r_cut=10)
    return lain.percolation_barriers(encut=5.0)


def barriers_by_ionsieve(structure: Structure) -> np.ndarray:
    return percolation(site_energy_landscape(framework_of(structure), threads=THREADS)).percolation_barrier_ev


def seconds(work: Callable[[Structure], object], structure: Structure) -> float:
    start = time.perf_counter()
    work(structure)
    return time.perf_counter() - start


def ordered_crystals(folder: Path) -> list[Structure]:
    """Fully ordered shared crystals with parameters, by volume."""
    found = []
    for path in sorted((folder / "obelix" / "cifs").glob("*.cif")):
        structure = CifParser(path, occupancy_tolerance=10).parse_structures(primitive=False)[0]
        if not structure.is_ordered or "Li" not in structure.symbol_set:
            continue
        try:
            decorated = assign_oxidation_states(structure)[0]
            site_energy_landscape(framework_of(decorated), divisions=(1, 1, 1))
        except ValueError:
            continue
        found.append(decorated)
    return sorted(found, key=lambda s: s.volume)


@pytest.fixture(scope="module", params=NAMES)
def crystal(request: pytest.FixtureRequest) -> Structure:
    structure = assign_oxidation_states(Structure.from_file(CRYSTALS / f"{request.param}.cif"))[0]
    barriers_by_ionsieve(structure)
    return structure


def test_bvlain(benchmark, crystal):
    benchmark.group = f"barriers of {crystal.composition.reduced_formula}, {crystal.volume:.0f} cubic angstrom, 0.2 Å"
    assert benchmark.pedantic(barriers_by_bvlain, args=(crystal,), rounds=1)


def test_ionsieve(benchmark, crystal):
    benchmark.group = f"barriers of {crystal.composition.reduced_formula}, {crystal.volume:.0f} cubic angstrom, 0.2 Å"
    assert len(benchmark(barriers_by_ionsieve, crystal)) == 3


def test_ratio_to_bvlain_on_ordered_shared_crystals(benchmark, shared_data, capsys):
    crystals = ordered_crystals(shared_data)
    chosen = [crystals[i] for i in np.linspace(0, len(crystals) - 1, SAMPLE).round().astype(int)]
    barriers_by_ionsieve(chosen[0])
    rows = []
    for structure in chosen:
        ours = min(seconds(barriers_by_ionsieve, structure) for _ in range(3))
        rows.append((structure.volume, seconds(barriers_by_bvlain, structure), ours))
    _, bvlain_s, ours_s = np.array(rows).T
    benchmark.pedantic(barriers_by_ionsieve, args=(chosen[len(chosen) // 2],), rounds=3)
    with capsys.disabled():
        print(f"\nratio to BVlain on {SAMPLE} of {len(crystals)} ordered crystals, evenly spaced in volume:")
        for v, b, o in rows:
            print(f"  {v:7.0f} cubic angstrom: {b:7.2f} s, {o:7.4f} s, ratio {b / o:6.0f}")
        print(f"  median ratio {np.median(bvlain_s / ours_s):.0f}, smallest {np.min(bvlain_s / ours_s):.0f}")


def test_cost_is_linear_in_volume(benchmark, capsys):
    cell = assign_oxidation_states(Structure.from_file(CRYSTALS / "LiFePO4.cif"))[0]
    lines = []
    for repeat in ((1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 4, 4)):
        framework = framework_of(cell * repeat)
        volume = cell.volume * np.prod(repeat)

        def work(framework=framework):
            return percolation(site_energy_landscape(framework, use_symmetry=False))

        best = min(seconds(lambda _, w=work: w(), cell) for _ in range(2))
        reduced = min(seconds(lambda _, f=framework: percolation(site_energy_landscape(f)), cell) for _ in range(2))
        lines.append(
            f"  {volume:6.0f} cubic angstrom: {1e3 * best / volume:.3f} ms per cubic angstrom, "
            f"{1e3 * reduced / volume:.3f} with symmetry"
        )
    benchmark.pedantic(work, rounds=1)
    with capsys.disabled():
        print("\ncost of a landscape and its barriers on one core, supercells of LiFePO4:", *lines, sep="\n")


def test_all_shared_cifs(benchmark, shared_data, capsys):
    paths = sorted((shared_data / "obelix" / "cifs").glob("*.cif"))

    def everything():
        structures = (CifParser(p, occupancy_tolerance=10).parse_structures(primitive=False)[0] for p in paths)
        return transport_table(structures, [p.stem for p in paths], workers=THREADS)

    start = time.process_time()
    table = benchmark.pedantic(everything, rounds=1)
    with capsys.disabled():
        spent = time.process_time() - start
        print(f"\n{len(table)} CIFs read and answered with all columns: {spent:.1f} s of processor time")


# Peak memory is that of a process of its own, in kilobytes; getrusage would count what the parent had before it.
MEMORY_SCRIPT = """
import re, sys
from pathlib import Path
from pymatgen.core import Structure
from ionsieve.features.transport.percolation import percolation_row
structure = Structure.from_file(sys.argv[1])
for repeat in ((1, 1, 1), (2, 2, 4)):
    percolation_row(structure * repeat)
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def test_memory_of_the_largest_crystals(benchmark, capsys):
    # 2,184 cubic angstrom is the size of the largest shared crystals; 16 times that for the trend
    command = [sys.executable, "-W", "ignore", "-c", MEMORY_SCRIPT, str(CRYSTALS / "Li7La3Zr2O12_tetragonal.cif")]
    run = benchmark.pedantic(subprocess.run, args=(command,), kwargs={"capture_output": True, "text": True}, rounds=1)
    one, sixteen = (int(line) / 2**20 for line in run.stdout.split())
    with capsys.disabled():
        print(f"\npeak memory of a process: {one:.2f} GiB at 2,184, {sixteen:.2f} GiB at 34,950 cubic angstrom")
