"""Finds solid electrolytes and coatings for lithium batteries worth making next.

    import ionsieve
    ionsieve.window(["Li3PS4", "Li3YCl6"])

The functions take lists of formulas or DataFrames and return DataFrames. They work outside any checkout, on the
packaged data; what they need beyond these is made once and kept in the user's cache folder.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ionsieve.pipeline.library import interface, percolation, predict, screen, window

__all__ = ["interface", "percolation", "predict", "screen", "window"]


def __getattr__(name: str) -> Any:
    # the library takes a second or two to import, which the command line's --help need not wait for
    if name in __all__:
        from ionsieve.pipeline import library

        return getattr(library, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
