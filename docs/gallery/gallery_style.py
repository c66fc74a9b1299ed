"""The style of the pictures: colours of `fishervec.plot`, on white in both themes.

Sphinx-gallery calls `apply` before each example (`reset_modules` in conf.py). An
example that runs by itself looks as matplotlib is set up.
"""

from pathlib import Path


def apply(gallery_conf=None, script=None):
    """Reset matplotlib to the style of the gallery."""
    import matplotlib.pyplot as plt

    plt.rcdefaults()
    plt.style.use(Path(__file__).with_name("fishervec.mplstyle"))
