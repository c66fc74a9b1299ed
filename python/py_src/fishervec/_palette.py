"""The palette of the plots, and of every picture of the docs: a colour per token, for a light and a dark ground.

A hue is a component of the mixture or the sign of a number, never both in one picture; all else is ink, greys, and one
accent, for what is ours. The pages of the command have the same. This module imports nothing: the scripts that draw
the pictures read it as a file.
"""

LIGHT = {
    "paper": "#fcfbf8",
    "raised": "#ffffff",
    "sunken": "#f3f1ec",
    "ink": "#1c1f24",
    "muted": "#5d6068",
    "quiet": "#6c7077",
    # Only for lines.
    "faint": "#85888f",
    "rule": "#dcd9d2",
    "grid": "#e6e3dc",
    "accent": "#086a9c",
    "on-accent": "#ffffff",
    # Components as areas and lines, and the same hues as text.
    "a": "#d36009",
    "b": "#7444b4",
    "c": "#029678",
    "d": "#86004b",
    "e": "#7d4a05",
    "a-ink": "#b04f04",
    "b-ink": "#6a3aab",
    "c-ink": "#057a62",
    "d-ink": "#86004b",
    "e-ink": "#7d4a05",
    # Signs: for and against.
    "plus": "#c8560a",
    "minus": "#1f6fb0",
    "plus-ink": "#b04f04",
    "minus-ink": "#1b64a0",
    "plus-wash": "#f6dcc6",
    "minus-wash": "#cfe2f2",
    # What is not ours, told apart by its labels.
    "other-1": "#5d6068",
    "other-2": "#777a81",
    "other-3": "#8e9197",
}

DARK = {
    "paper": "#14161a",
    "raised": "#1b1e23",
    "sunken": "#101215",
    "ink": "#e9e6df",
    "muted": "#a5a7ab",
    "quiet": "#8f9298",
    "faint": "#7d8086",
    "rule": "#31353b",
    "grid": "#272a30",
    "accent": "#64bced",
    "on-accent": "#0d1418",
    "a": "#f49752",
    "b": "#b191ea",
    "c": "#5cc8a9",
    "d": "#d0486e",
    "e": "#f0e6ae",
    "a-ink": "#f49752",
    "b-ink": "#b99cee",
    "c-ink": "#5cc8a9",
    "d-ink": "#e8708f",
    "e-ink": "#f0e6ae",
    "plus": "#f49752",
    "minus": "#63b3ea",
    "plus-ink": "#f49752",
    "minus-ink": "#63b3ea",
    "plus-wash": "#4d2f18",
    "minus-wash": "#173450",
    "other-1": "#a5a7ab",
    "other-2": "#86898f",
    "other-3": "#6c7077",
}
