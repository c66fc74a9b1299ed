"""Plots of what was learned and of what decided, on axes of matplotlib: ``pip install "fishervec[plot]"``.

    from fishervec import plot

    plot.components(encoder)
    plot.contributions(encoder.contributions(sets, classifier)[0], positions[0])
    plot.likelihood(encoder)
    plot.embedding(vectors, labels)

Each draws on ``ax``, or on axes of its own, and returns them. Their colours are those of all pictures of fishervec, for
a light or a dark ground as the axes have it: a hue is a sign or a label, never both, and is never alone.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._axes import Axes, axes_of, ground, load, palette, styled, title
from ._learned import Learned
from ._plane import plane_of
from ._shown import grouped, number, one_set, places, plural, tiles

__all__ = ["components", "contributions", "embedding", "likelihood"]

#: A component whose weight is below 1 / (DEAD K) is dead, as in `fishervec inspect`.
DEAD = 100
#: The largest shares are drawn as this percentile of all, or one of them would make all others pale.
LIMIT = 99.5
#: The marks of labels, in turn, and their hues, if there are no more labels than hues.
MARKS, HUES = "os^Dv*PX", "abcde"
#: How many letters of the name of a label are drawn.
LONGEST = 24


def components(encoder: Any, *, shape: tuple[int, ...] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the weights of the components in falling order, or, with `shape`, their means as images.

    Parameters
    ----------
    encoder : estimator
        A fitted mixture (also one of scikit-learn), a fitted encoder or image encoder, or a pipeline or a search that
        has one.
    shape : tuple of int, default=None
        The height and width of a descriptor that is a patch of pixels, and the channels if there are several. A `pca`
        is undone first. Centres of a codebook, which have no weights, can only be drawn so.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None means new axes.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes. Components are numbered as in `weights_`; dead ones, with less than a hundredth of an even share, are
        last and are marked.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    NotFittedError
        If `encoder` is not fitted.
    TypeError
        If it has no components.
    ValueError
        If `shape` is not that of its descriptors.

    See Also
    --------
    likelihood : How the fit went.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import FisherVector, plot
    >>> sets = [np.random.default_rng(i).normal(size=(300, 9)) for i in range(4)]
    >>> encoder = FisherVector(4, random_state=0).fit(sets)
    >>> plot.components(encoder).get_ylabel()
    'weight, %'
    >>> ax = plot.components(encoder, shape=(3, 3))
    """
    learned = Learned.of(encoder)
    k = len(learned.means)
    weights = learned.weights
    order = np.arange(k) if weights is None else np.argsort(-weights, kind="stable")
    dead = np.zeros(k, dtype=bool) if weights is None else weights < 1 / (DEAD * k)
    if shape is None and weights is None:
        raise ValueError("the centres of a codebook have no weights: pass shape=, the shape of a patch, to draw them")
    images = None if shape is None else tiles(learned.means[order], shape)
    matplotlib = load()
    ax = axes_of(ax, matplotlib)
    colours = palette(ax, matplotlib)
    if images is not None:
        return _images(ax, colours, images, order, dead, weights)
    assert weights is not None
    percents = 100 * weights[order]
    ax.bar(range(k), percents, color=colours["accent"])
    ax.axhline(100 / k, color=colours["muted"], linewidth=1, linestyle="--")
    ax.text(k - 0.5, 100 / k, " even ", color=colours["muted"], ha="right", va="bottom")
    if dead.any():
        first = k - dead.sum()
        ax.axvspan(first - 0.5, k - 0.5, color=colours["grid"], zorder=0)
        ax.text((first + k - 1) / 2, 0, "dead", color=colours["ink"], ha="center", va="bottom", rotation="vertical")
    step = -(-k // 16)
    ax.set_xticks(range(0, k, step), [str(i) for i in order[::step]])
    ax.set(xlim=(-0.7, k - 0.3), ylim=(0, percents[0] * 1.12), xlabel="component", ylabel="weight, %")
    ending = f", {dead.sum()} dead" if dead.any() else ""
    title(ax, colours, f"{plural(k, 'component')}; the largest has {number(percents[0])} %{ending}")
    return styled(ax, colours, "y")


def contributions(shares: ArrayLike, positions: ArrayLike | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each descriptor of a set in a score: over a plane, over time, or over the rows.

    Parameters
    ----------
    shares : array-like of shape (n,)
        The shares of one set, an array of `contributions` of an encoder. For several classes choose a column.
    positions : array-like of shape (n,), (n, 1) or (n, 2), default=None
        Where each descriptor is. With x and y it is a map, y downwards as in images: each descriptor is a square as
        wide as the usual distance to the next one, shares at one place are added, and shares beyond the 99.5th
        percentile have the full colour. One column is a time, None means the number of the row: both are bars.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None means new axes.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes. What speaks for the score is orange or upward, what speaks against it blue or downward; the title has
        both sums and their total, the score without its intercept.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `shares` or `positions` are not arrays of numbers.
    ValueError
        For shares of several sets or classes, positions of another number of rows or columns, and numbers that are
        not finite.

    See Also
    --------
    fishervec.FisherVector.contributions : What computes shares.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import FisherVector, plot
    >>> sets = [np.random.default_rng(i).normal(size=(100, 3)) for i in range(4)]
    >>> encoder = FisherVector(2, random_state=0)
    >>> vectors = encoder.fit_transform(sets)
    >>> shares = encoder.contributions(sets, vectors[0] - vectors[1])
    >>> y, x = np.divmod(np.arange(100), 10)
    >>> ax = plot.contributions(shares[0], np.stack([x, y], axis=1))
    >>> plot.contributions(shares[0]).get_xlabel()
    'row'
    """
    values = one_set(shares)
    where = None if positions is None else places(positions, len(values))
    matplotlib = load()
    ax = axes_of(ax, matplotlib)
    colours = palette(ax, matplotlib)
    plus, minus = values[values > 0].sum(), values[values < 0].sum()
    title(ax, colours, f"{number(plus)} for, {number(-minus)} against: {number(plus + minus, sign=True)}")
    if where is not None and where.shape[1] == 2:
        return _map(ax, colours, matplotlib, values, where)
    x = np.arange(len(values)) if where is None else where[:, 0]
    width = min(6, max(0.8, 200 / max(1, len(x))))
    for sign, token in ((1, "plus"), (-1, "minus")):
        of_sign = sign * values > 0
        ax.vlines(x[of_sign], 0, values[of_sign], color=colours[token], linewidth=width)
    ax.axhline(0, color=colours["faint"], linewidth=1)
    ax.set(xlabel="row" if where is None else "position", ylabel="share of the score")
    return styled(ax, colours, "y")


def likelihood(encoder: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the mean log-likelihood of a descriptor after each iteration of the fit.

    Parameters
    ----------
    encoder : estimator
        As for `components`; it must have been fitted, and not have been given its mixture.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None means new axes.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes; the title says whether the fit converged.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    NotFittedError
        If `encoder` is not fitted.
    TypeError
        If it has no components.
    ValueError
        If nothing is known of the fit: it has a codebook of k-means, or its mixture was given.

    See Also
    --------
    components : What was learned.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import GaussianMixture, plot
    >>> X = np.random.default_rng(0).normal(size=(1000, 3))
    >>> ax = plot.likelihood(GaussianMixture(4, random_state=0, tol=1e-2).fit(X))
    >>> ax.get_ylabel()
    'mean log-likelihood'
    """
    learned = Learned.of(encoder)
    bounds = learned.lower_bounds
    if bounds is None or not len(bounds):
        raise ValueError(
            "encoder must have a mixture that it fitted, got one of which no iterations are known: a codebook of "
            "k-means has no likelihood, and a mixture that was given was fitted elsewhere"
        )
    matplotlib = load()
    ax = axes_of(ax, matplotlib)
    colours = palette(ax, matplotlib)
    iterations = np.arange(1, len(bounds) + 1)
    marker = "o" if len(bounds) <= 50 else None
    ax.plot(iterations, bounds, color=colours["accent"], linewidth=2, marker=marker, markersize=4)
    ax.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    ax.set(xlabel="iteration", ylabel="mean log-likelihood")
    word = "Converged" if learned.converged else "Stopped, not converged,"
    title(ax, colours, f"{word} after {plural(len(bounds), 'iteration')}, at {number(bounds[-1], 5)}")
    return styled(ax, colours, "y")


def embedding(vectors: ArrayLike, labels: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw vectors as points of a plane: of their strongest directions, or in which the means of labels differ most.

    Parameters
    ----------
    vectors : array-like of shape (n_sets, P)
        What an encoder returns.
    labels : array-like of shape (n_sets,), default=None
        The label of each set; None or NaN for one that has none. A label has a mark of its own, its name stands at its
        mean, and up to five have hues.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None means new axes.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes. Both have one scale, so that distances can be compared; each says how much of the variance of the
        vectors it shows.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `vectors` is not an array of numbers.
    ValueError
        For vectors of another shape, numbers that are not finite, or another number of labels.

    See Also
    --------
    fishervec.FisherVector.transform : What computes vectors.

    Notes
    -----
    A plane of thousands of columns in which few label means differ most nearly always tells those labels apart, also
    where new sets would not be: draw vectors of sets that no classifier was fitted to before you believe it.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import plot
    >>> vectors = np.random.default_rng(0).normal(size=(30, 8))
    >>> ax = plot.embedding(vectors)
    >>> ax = plot.embedding(vectors, ["a", "b", "c"] * 10)
    """
    plane = plane_of(vectors, labels)
    matplotlib = load()
    ax = axes_of(ax, matplotlib)
    colours = palette(ax, matplotlib)
    names = plane.names
    marks = [_mark(i, len(names), colours) for i in range(len(names))]
    for i, (mark, colour, ink) in [
        (-1, ("o", colours["faint" if names else "accent"], colours["ink"])),
        *enumerate(marks),
    ]:
        points = plane.points[plane.codes == i]
        if not len(points):
            continue
        edges = ground(ax, matplotlib)
        ax.scatter(*points.T, s=24, marker=mark, color=colour, edgecolors=edges, linewidths=0.5)
        if i >= 0:
            box = {"facecolor": edges, "alpha": 0.9, "edgecolor": "none", "pad": 1}
            x, y = points.mean(axis=0)
            name = names[i] if len(names[i]) <= LONGEST else f"{names[i][:LONGEST]}\N{HORIZONTAL ELLIPSIS}"
            ax.text(x, y, name, color=ink, weight="bold", ha="center", va="center", bbox=box, parse_math=False)
    for name, share in zip("xy", plane.shares, strict=True):
        ax.set(**{f"{name}label": f"{number(100 * share)} % of the variance", f"{name}ticks": []})
    ax.set_aspect("equal", adjustable="datalim")
    of_labels = f" of {plural(len(names), 'label')}" if names else ""
    title(ax, colours, f"{plural(len(plane.points), 'set')}{of_labels}; plane of {plane.words}")
    return styled(ax, colours, None)


# ---- parts of plots -----------------------------------------------------------------------------------


def _mark(i: int, n: int, colours: dict[str, str]) -> tuple[str, str, str]:
    """The mark of a label, its colour, and that of its name."""
    if n > len(HUES):
        return MARKS[i % len(MARKS)], colours[f"other-{i % 3 + 1}"], colours["ink"]
    return MARKS[i], colours[HUES[i]], colours[f"{HUES[i]}-ink"]


def _map(
    ax: Axes, colours: dict[str, str], matplotlib: Any, values: NDArray[np.float64], where: NDArray[np.float64]
) -> Axes:
    """Squares over the plane, from blue through paper to orange."""
    where, values, side = grouped(where, values)
    corners = side / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    limit = float(np.percentile(np.abs(values), LIMIT)) if len(values) else 0.0
    hues = [colours["minus"], colours["paper"], colours["plus"]]
    squares = matplotlib.collections.PolyCollection(
        where[:, np.newaxis] + corners,
        array=values,
        cmap=matplotlib.colors.LinearSegmentedColormap.from_list("shares", hues),
        norm=matplotlib.colors.Normalize(-limit or -1.0, limit or 1.0),
        linewidths=0,
    )
    ax.add_collection(squares)
    ax.set_aspect("equal", adjustable="box")
    if len(where):
        (left, top), (right, bottom) = where.min(axis=0) - side / 2, where.max(axis=0) + side / 2
        ax.set(xlim=(left, right), ylim=(bottom, top))
    else:
        ax.invert_yaxis()
    bar = ax.figure.colorbar(squares, ax=ax, extend="both" if np.abs(values).max(initial=0) > limit else "neither")
    bar.set_label("share of the score", color=colours["muted"])
    bar.ax.tick_params(length=0, labelcolor=colours["muted"])
    bar.outline.set_visible(False)
    return styled(ax, colours, None)


def _images(
    ax: Axes,
    colours: dict[str, str],
    images: NDArray[np.float64],
    order: NDArray[np.int64],
    dead: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
) -> Axes:
    """Means side by side, each above its number and its weight."""
    k, height, width = images.shape[:3]
    across = int(np.ceil(np.sqrt(k * height / width)))
    for i, image in enumerate(images):
        row, column = divmod(i, across)
        left, top = column * 1.1, row * (height / width + 0.42)
        ax.imshow(image, cmap="gray", vmin=0, vmax=1, extent=(left, left + 1, top + height / width, top))
        share = "" if weights is None else f": {number(100 * weights[order[i]], 2)} %"
        words = f"{order[i]}{', dead' if dead[order[i]] else share}"
        ax.text(left, top + height / width + 0.05, words, color=colours["ink"], va="top", fontsize="small")
    rows = -(-k // across)
    ax.set(xlim=(0, across * 1.1 - 0.1), ylim=(rows * (height / width + 0.42), 0), xticks=[], yticks=[])
    ending = "" if weights is None else ", the largest weight first"
    title(ax, colours, f"{plural(k, 'centre' if weights is None else 'mean')}{ending}")
    return styled(ax, colours, None)
