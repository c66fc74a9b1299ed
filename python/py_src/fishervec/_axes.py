"""Axes of matplotlib in the style of all pictures of fishervec; matplotlib is imported when something is drawn."""

from typing import Any, TypeAlias

from ._palette import DARK, LIGHT
from ._reading import needed

#: Axes of matplotlib, which need not be there.
Axes: TypeAlias = Any


def load() -> Any:
    """The package, which is imported when something is drawn."""
    with needed("matplotlib", "plot", "fishervec.plot"):
        import matplotlib.pyplot
        import matplotlib.ticker
    return matplotlib


def axes_of(ax: Axes | None, matplotlib: Any) -> Axes:
    """The axes to draw on: those that were given, or new ones."""
    if ax is None:
        return matplotlib.pyplot.subplots(layout="constrained")[1]
    if not hasattr(ax, "set_title") or hasattr(ax, "get_zlim"):
        raise TypeError(f"ax must be axes of matplotlib over a plane, got {type(ax).__name__}")
    return ax


def ground(ax: Axes, matplotlib: Any) -> tuple[float, float, float]:
    """The colour that the axes are drawn on."""
    for colour in (ax.get_facecolor(), ax.figure.get_facecolor()):
        *rgb, alpha = matplotlib.colors.to_rgba(colour)
        if alpha > 0.5:
            return rgb[0], rgb[1], rgb[2]
    return 1.0, 1.0, 1.0


def palette(ax: Axes, matplotlib: Any) -> dict[str, str]:
    """The palette for the ground of these axes."""
    red, green, blue = ground(ax, matplotlib)
    return LIGHT if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.4 else DARK


def title(ax: Axes, colours: dict[str, str], words: str) -> None:
    ax.set_title(words, loc="left", color=colours["ink"], weight="bold", fontsize="medium")


def styled(ax: Axes, colours: dict[str, str], grid: str | None) -> Axes:
    """Axes without a frame and ticks, with a grid in one direction at most."""
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labelcolor=colours["muted"])
    ax.xaxis.label.set_color(colours["muted"])
    ax.yaxis.label.set_color(colours["muted"])
    ax.set_axisbelow(True)
    if grid:
        ax.grid(axis=grid, color=colours["grid"], linewidth=1)
    return ax
