"""The live page in Chromium: each number is the library's, computed in the same run; real mouse, keys and fingers."""

import json
import re
import subprocess
import sys
from types import SimpleNamespace

import explorer
import hero
import numpy as np
import page_checks
import pytest
from browser import Browser, find
from sklearn.mixture import GaussianMixture as SklearnMixture

from fishervec import BagOfWords, FisherVector, GaussianMixture, Vlad, fisher_vector, gist

pytestmark = pytest.mark.skipif(find() is None, reason="Chromium is not installed (Debian: apt-get install chromium)")

PAGE = explorer.PAGE
READY = "!document.querySelector('[aria-busy=true]')"
W, MU, SIGMA = np.array([0.3, 0.45, 0.25]), np.array([[11, 2], [8.6, 5.6], [4, 2.6]]), hero.SIGMAS
TOLERANCE = {"rtol": 0, "atol": 1e-6}
STEPS = ["bag", "mixture", "shares", "todo", "vector", "nudge", "units", "relatives", "cures", "places", "votes"]


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


class Live:
    """The page in a window, and what one does to it with real events."""

    def __init__(self, tab):
        self.tab = tab

    def load(self, width=1280, **features):
        self.tab.show(width, mobile=width < page_checks.PHONE, **features)
        self.tab.open(PAGE)
        self.tab.until(READY)
        return self

    def __call__(self, expression):
        return self.tab.evaluate(expression)

    def state(self, figure):
        self.tab.settle()
        return self(f"explorer.figures.{figure}.state")

    def middle(self, element):
        """Where the middle of an element is, which is brought into the window first."""
        return self(
            f"(() => {{ const node = {element}; node.scrollIntoView({{ block: 'center' }});"
            "const box = node.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )

    def click(self, element):
        self.tab.click(*self.middle(element))
        self.tab.settle()

    def press_button(self, section, text):
        self.click(f"[...document.querySelectorAll('#{section} button')].find(b => b.innerText.trim() === '{text}')")

    def focus(self, element):
        self(f"{element}.focus()")

    def press(self, *keys, shift=False):
        for key in keys:
            self.tab.press(key, shift=shift)
        self.tab.settle()

    def said(self):
        self.tab.settle()
        return self("document.getElementById('said').textContent")

    def place(self, plot, x, y):
        """Where in the window a place of the data is."""
        self(f"{plot}.host.scrollIntoView({{ block: 'center' }})")
        left, top, px, py = self(
            f"(() => {{ const plot = {plot}, box = plot.canvas.getBoundingClientRect();"
            f"return [box.x, box.y, plot.X({x}), plot.Y({y})]; }})()"
        )
        return left + px, top + py


@pytest.fixture(scope="module")
def live(browser):
    return Live(browser.tab()).load()


@pytest.fixture(scope="module")
def data(live):
    """The leaves as the page has them."""
    plain = "(key, value) => value instanceof Float64Array ? [...value] : value"
    found = live(f"JSON.parse(JSON.stringify(explorer.data, {plain}))")
    found["classes"] = live("explorer.data.classes().map(({name, y, X}) => ({name, y, X: [...X]}))")
    return found


def points(flat):
    return np.reshape(flat, (-1, 2))


def mixture(weights, means, variances):
    return SimpleNamespace(weights_=np.array(weights), means_=np.array(means), covariances_=np.array(variances))


@pytest.fixture(scope="module")
def gmm():
    return GaussianMixture.from_sklearn(mixture(W, MU, SIGMA**2))


@pytest.fixture(scope="module")
def bags(data):
    return {name: points(flat) for name, flat in data["bags"].items()}


def of_page(m):
    """A mixture of the page for scikit-learn."""
    peer = SklearnMixture(len(m["w"]), covariance_type="diag")
    peer.weights_, peer.means_, peer.covariances_ = np.array(m["w"]), points(m["mu"]), points(m["sd"]) ** 2
    peer.precisions_cholesky_ = 1 / np.sqrt(peer.covariances_)
    return peer


# ---- numbers ---------------------------------------------------------------------------------------------


def test_the_committed_page_is_what_its_parts_give(tmp_path):
    assert PAGE.read_text(encoding="utf-8") == explorer.page() == explorer.page()
    assert PAGE.stat().st_size <= explorer.MOST
    assert subprocess.run([sys.executable, explorer.__file__, "--check"], check=False).returncode == 0


def test_the_leaves_are_those_of_the_storyboard(data, bags):
    np.testing.assert_allclose(bags["River"], hero.river(), rtol=0, atol=1e-12)
    assert (data["mixture"]["w"], points(data["mixture"]["mu"]).tolist()) == (W.tolist(), MU.tolist())
    assert {name: len(bag) for name, bag in bags.items()} == dict.fromkeys(["River", "Hill", "Park", "Typical"], 80)
    assert len(data["all"]) == 720 and len(data["classes"]) == 24


def test_em_from_the_bad_start_is_scikit_learns(live, data):
    X = points(data["all"])
    live.press_button("mixture", "Start badly")
    peer = of_page(live.state("mixture")["m"])
    assert sorted(points(live.state("mixture")["m"]["mu"]).tolist()) == sorted(points(data["start"]["mu"]).tolist())
    known = {1: -4.234830, 5: -4.090578, 24: -4.014488}
    for step in range(1, 25):
        q = peer.predict_proba(X)
        mass = q.sum(axis=0)
        means = q.T @ X / mass[:, None]
        moved = mixture(mass / len(X), means, np.einsum("nk,nkd->kd", q, (X[:, None] - means) ** 2) / mass[:, None])
        peer = of_page({"w": moved.weights_, "mu": moved.means_, "sd": np.sqrt(moved.covariances_)})
        live.press_button("mixture", "One step")
        if step in (1, 5, 20, 24):
            state = live.state("mixture")
            for name, expected in (("w", peer.weights_), ("mu", peer.means_), ("sd", np.sqrt(peer.covariances_))):
                np.testing.assert_allclose(state["m"][name], np.ravel(expected), **TOLERANCE)
            np.testing.assert_allclose(np.reshape(state["q"], (-1, 3)), peer.predict_proba(X), **TOLERANCE)
            assert state["fit"] == pytest.approx(peer.score(X), abs=1e-6)
            assert state["fit"] == pytest.approx(known.get(step, state["fit"]), abs=1e-6)
    rows = live("[...document.querySelectorAll('#mixture tbody tr')].map(row => row.innerText.replace(/\\s+/g, ' '))")
    told = zip("ABC", ["narrow", "broad", "small"], peer.weights_, peer.means_, strict=True)
    for row, (letter, name, weight, mean) in zip(rows, told, strict=True):
        assert row.startswith(f"{letter} {name} {100 * weight:.0f} % {mean[0]:.1f}, {mean[1]:.1f}")


def test_the_shares_of_a_leaf_are_its_posteriors(live, gmm):
    state = live.state("shares")
    np.testing.assert_allclose(state["shares"], gmm.predict_proba([[10.6, 3.65]])[0], **TOLERANCE)
    np.testing.assert_allclose(state["shares"], [0.322767, 0.677233, 0], **TOLERANCE)
    assert np.array(state["like"]) / np.sum(state["like"]) == pytest.approx(state["shares"], abs=1e-9)
    values = "[...document.querySelectorAll('#shares [data-value]')]"
    shown = live(f"{values}.map(one => [Number(one.dataset.value), one.textContent])")
    assert [value for value, _ in shown] == state["shares"]
    assert [text for _, text in shown] == ["32 %", "68 %", "0 %"]


KNOWN = {
    "River": [
        *(0.360985, -0.275285, -0.026105, 0.008625, -0.049756, 0.286795, 0.321424, -0.037129, -0.031429),
        *(-0.077746, -0.067367, 0.044573, 0.055640, 0.419667, 0.414212),
    ],
    "Hill": [-0.209693, *[None] * 13, -0.076411],
    "Park": [-0.348018, *[None] * 13, 0.005136],
}


@pytest.mark.parametrize("name", ["River", "Hill", "Park", "Typical"])
def test_the_bars_are_the_fisher_vector(name, live, bags, gmm):
    live.press_button("vector", name)
    expected = fisher_vector(bags[name], gmm)
    np.testing.assert_allclose(live.state("vector")["v"], expected, **TOLERANCE)
    shown = live("[...document.querySelectorAll('#vector .bar')].map(bar => Number(bar.dataset.value))")
    np.testing.assert_allclose(shown, expected, **TOLERANCE)
    for value, known in zip(expected, KNOWN.get(name, []), strict=False):
        assert known is None or value == pytest.approx(known, abs=1e-6)
    # The sticks are what each leaf adds: the number is their mean.
    state = live.state("vector")
    pulls = [fisher_vector([leaf], gmm)[state["bar"]] for leaf in bags[name]]
    np.testing.assert_allclose(state["push"], pulls, **TOLERANCE)
    if name == "Typical":
        assert np.abs(expected).max() < 0.0074


def nudged(j, t):
    """The mixture with number j nudged by t, after the formulas of step 6."""
    w, mu, sigma = W.copy(), np.array(MU, dtype=float), SIGMA.copy()
    if j < 3:
        w[j] *= np.exp(t / np.sqrt(w[j]))
    elif j < 9:
        k, d = divmod(j - 3, 2)
        mu[k, d] += t * sigma[k, d] / np.sqrt(w[k])
    else:
        k, d = divmod(j - 9, 2)
        sigma[k, d] *= np.exp(t / np.sqrt(2 * w[k]))
    return GaussianMixture.from_sklearn(mixture(w / w.sum(), mu, sigma**2))


def test_each_number_is_a_slope_of_the_fit(live, bags, gmm):
    vector = fisher_vector(bags["River"], gmm)
    slope = "core.slope(data.bags.River, data.mixture, j, 1e-4)"
    slopes = live(f"(({{ core, data }}) => [...Array(15).keys()].map(j => {slope}))(explorer)")
    np.testing.assert_allclose(slopes, vector, **TOLERANCE)
    for size in ("0.01", "0.5"):
        live.press_button("nudge", size)
        state, t = live.state("nudge"), float(size)
        fits = [[nudged(j, step).score(bags["River"]) for step in (t, -t)] for j in range(15)]
        expected = [(more - less) / (2 * t) for more, less in fits]
        np.testing.assert_allclose(state["slopes"], expected, **TOLERANCE)
        assert np.abs(np.array(state["slopes"]) - vector).max() < (5e-4 if t == 0.01 else 0.2)
    assert (state["slopes"][5], state["slopes"][13]) == pytest.approx((0.2867, 0.5655), abs=1e-4)
    assert state["gain"] == pytest.approx(nudged(5, 0.6).score(bags["River"]) - gmm.score(bags["River"]), abs=1e-6)
    told = live("[...document.querySelectorAll('#nudge .sentence b')].map(b => b.textContent)")
    assert told == [f"{vector[5]:+.4f}", f"{state['slopes'][5]:+.4f}"]


RULERS = {"mm": 10, "cm": 1, "inch": 1 / 2.54, "m": 0.01}


def test_the_ruler_does_not_matter_to_the_fisher_vector(live, bags, gmm):
    in_cm = fisher_vector(bags["River"], gmm)
    similar = {"fisher": {}, "raw": {}, "broken": {}}
    for unit, c in RULERS.items():
        live.press_button("units", unit)
        scale, sigma = np.array([c, 1]), SIGMA * [c, 1]
        on_ruler = GaussianMixture.from_sklearn(mixture(W, MU * scale, sigma**2))
        state = live.state("units")
        np.testing.assert_allclose(state["fisher"]["v"], in_cm, **TOLERANCE)

        def raw(bag, on_ruler=on_ruler, scale=scale, sigma=sigma):
            weight, mean, variance = np.split(gist.fisher_vector(bag * scale, on_ruler), [3, 9])
            return np.concatenate([weight, mean / np.ravel(sigma**2), -variance / np.ravel(sigma**3)])

        np.testing.assert_allclose(state["raw"]["v"], raw(bags["River"]), rtol=1e-9, atol=1e-6)
        for kind, encode in (("fisher", lambda bag: fisher_vector(bag, gmm)), ("raw", raw)):
            like = [cosine(encode(bags["River"]), encode(bags[name])) for name in ("Hill", "Park")]
            np.testing.assert_allclose(state[kind]["like"], like, **TOLERANCE)
            similar[kind][unit] = like
        live.click("document.querySelector('#units .switch input')")
        broken = live.state("units")["fisher"]
        ratio = np.array(broken["v"][9:]) / state["fisher"]["v"][9:]
        np.testing.assert_allclose(ratio, np.ravel(sigma**2), rtol=1e-14)
        similar["broken"][unit] = broken["like"]
        live.click("document.querySelector('#units .switch input')")
    nearest = {
        kind: "".join("H" if hill > park else "P" for hill, park in found.values()) for kind, found in similar.items()
    }
    assert nearest == {"fisher": "HHHH", "raw": "PHHH", "broken": "PPHH"}
    told = live("document.querySelectorAll('#units .near, #units figure .below')[1].textContent")
    assert "more like Hill" in told


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_relatives_are_the_librarys_encoders(live, data, gmm):
    sets = [points(flat) for flat in data["relatives"].values()]
    fisher = FisherVector(mixture=gmm, power=1, norm=None).fit(sets).transform(sets)
    vlad = Vlad(codebook=MU, power=1, norm=None).fit(sets).transform(sets) / 60
    words = BagOfWords(codebook=MU, power=1, norm=None).fit(sets).transform(sets)
    expected = {0: fisher, 2: np.zeros((3, 15)), 3: np.zeros((3, 15))}
    expected[2][:, 3:9], expected[3][:, :3] = vlad, words
    for at, vectors in expected.items():
        live.click(f"document.querySelectorAll('#relatives .stop')[{at}]")
        np.testing.assert_allclose(live.state("relatives")["v"], vectors, **TOLERANCE)
    distances = np.array(live.state("relatives")["distances"]).T
    known = [[0.775630, 0.467695, 0.798047], [0.789543, 0.468450, 0.804557]]
    np.testing.assert_allclose(distances[:2], known, **TOLERANCE)
    for at, vectors in expected.items():
        pairs = [np.linalg.norm(vectors[a] - vectors[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
        np.testing.assert_allclose(distances[at], pairs, **TOLERANCE)
    assert (distances < 1e-9).sum() == 4
    shown = live("[...document.querySelectorAll('.apart-by')].map(cell => cell.textContent.trim())")
    assert shown.count("same") == 4


def test_cures_are_as_good_as_they_say(live, data, bags, gmm):
    odd, dull = np.tile(data["odd"], (12, 1)), points(live("[...explorer.data.background(160)]"))
    spoilt = [np.tile(bags["River"], (3, 1)), np.vstack([bags["River"], dull]), np.vstack([bags["River"], odd])]
    cures = [{}, {}, {"norm": "l2"}, {"power": 0.5, "norm": "l2"}]
    state = live.state("cures")["off"]
    for found, bag in zip(state, spoilt, strict=True):
        for row, (off, cure) in enumerate(zip(found, cures, strict=True)):
            before, after = fisher_vector(bags["River"], gmm, **cure), fisher_vector(bag, gmm, **cure)
            if row == 0:
                after = after * len(bag) / 80
            assert off == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before), abs=1e-6)
    known = [[2, 0, 0, 0], [0.017532, 0.664616, 0.016289, 0.019459], [1.308662, 1.115043, 0.754774, 0.445311]]
    np.testing.assert_allclose(state, known, **TOLERANCE)
    cells = live("[...document.querySelectorAll('#cures .cell')].map(cell => cell.innerText)")
    cells = [" ".join(cell.split()) for cell in cells]
    assert cells[0].endswith("200 % off") and cells[-1] == "softened 45 % off"


def test_places_have_a_vector_of_their_own(live, data, bags, gmm):
    square = GaussianMixture.from_sklearn(mixture([1.0], [[0.5, 0.5]], [[1 / 12, 1 / 12]]))
    for garden, flat in zip(live.state("places"), data["layouts"].values(), strict=True):
        located = np.hstack([bags["River"], points(flat)])
        encoder = FisherVector(mixture=gmm, spatial=square, position_columns=2, power=1, norm=None).fit([located])
        (vector,) = encoder.transform([located])
        np.testing.assert_allclose([*garden["leaves"], *garden["spatial"]], vector, **TOLERANCE)
    sorted_, stirred = (garden["spatial"] for garden in live.state("places"))
    assert sorted_[:3] == pytest.approx([0.679348, -0.840598, -0.254097], abs=1e-6)
    assert stirred[0] == pytest.approx(-0.020115, abs=1e-6)


def test_the_votes_of_leaves_add_up_to_the_score(live, data, gmm):
    state = live.state("votes")
    bags_ = [points(bag["X"]) for bag in data["classes"]]
    encoder = FisherVector(mixture=gmm, power=1, norm=None).fit(bags_)
    vectors, labels = encoder.transform(bags_), np.array([bag["y"] for bag in data["classes"]])
    centred = vectors - vectors.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + 0.8 * np.eye(15), centred.T @ labels)
    np.testing.assert_allclose(state["w"], weights, **TOLERANCE)
    assert state["bias"] == pytest.approx(-weights @ vectors.mean(axis=0), abs=1e-6)
    np.testing.assert_allclose(state["scores"], vectors @ weights + state["bias"], **TOLERANCE)
    picked = data["classes"][state["pick"]]
    assert (picked["name"], len(state["votes"])) == ("River 1", 75)
    assert state["total"] == pytest.approx(0.023673, abs=1e-6)
    (votes,) = encoder.contributions([points(picked["X"])], weights)
    np.testing.assert_allclose(state["votes"], votes, **TOLERANCE)
    assert sum(state["votes"]) + state["bias"] == pytest.approx(state["total"], abs=1e-12)
    values = "[...table.querySelectorAll('[data-value]')].map(cell => Number(cell.dataset.value))"
    by_table = [sum(rows) for rows in live(f"[...document.querySelectorAll('#votes tbody')].map(table => {values})")]
    assert by_table == pytest.approx([state["total"]] * 2, abs=1e-12)


def test_the_code_beside_the_figures_runs_and_gives_their_numbers(live, data, bags, gmm):
    page = PAGE.read_text(encoding="utf-8")
    code = dict(re.findall(r'<pre tabindex="0" data-step="(\w+)">(.*?)</pre>', page, re.DOTALL))
    assert list(code) == STEPS[1:]
    names = {
        "np": np,
        "GaussianMixture": GaussianMixture,
        "fisher_vector": fisher_vector,
        "gmm": gmm,
        "bag": bags["River"],
        "all_leaves": points(data["all"]),
        "located": np.hstack([bags["River"], points(data["layouts"]["Sorted garden"])]),
        "weights": np.array(live.state("votes")["w"]),
    }

    def last(step, **more):
        lines = code[step].replace("&amp;", "&").replace("&lt;", "<").splitlines()
        scope = {**names, **more}
        exec("\n".join(lines[:-1]), scope)
        return eval(lines[-1], scope)

    assert last("mixture", gmm=None) == pytest.approx(-4.0145, abs=1e-3)
    np.testing.assert_allclose(last("shares")[0], live.state("shares")["shares"], **TOLERANCE)
    wishes = live.state("todo")["wishes"]
    np.testing.assert_allclose(last("todo"), [wish["mu"] for wish in wishes], **TOLERANCE)
    assert last("nudge") == pytest.approx(KNOWN["River"][5], abs=5e-4)
    assert last("vector") == pytest.approx(KNOWN["River"], abs=1e-6)
    assert last("units").shape == (15,) and last("relatives").shape == (1, 3)
    assert np.linalg.norm(last("cures")) == pytest.approx(1)
    np.testing.assert_allclose(last("places")[0, 15:], live.state("places")[0]["spatial"], **TOLERANCE)
    assert last("votes").shape == (80,)


# ---- hands -----------------------------------------------------------------------------------------------


def test_a_leaf_is_dragged_with_the_mouse(live, gmm):
    live.press_button("vector", "River")
    x, y = live.state("vector")["X"][80:82]
    start, end = (live.place("explorer.figures.vector.plot", *place) for place in ((x, y), (15, 8)))
    live.tab.drag(start, end)
    state = live.state("vector")
    assert state["X"][80:82] == pytest.approx([15, 8], abs=0.05)
    np.testing.assert_allclose(state["v"], fisher_vector(points(state["X"]), gmm), **TOLERANCE)
    part = np.array(state["part"]) / 6
    one = fisher_vector(points(state["X"])[40:41], gmm)
    np.testing.assert_allclose(part, one / 80, **TOLERANCE)


def test_keys_go_along_the_bars_and_move_leaves(live):
    live.focus("document.querySelector('#vector .bar')")
    live.press(*["ArrowRight"] * 6)
    name = live("document.activeElement.getAttribute('aria-label')")
    assert name.startswith("Number 7 of 15, move")
    live.press("End")
    assert live("document.activeElement.getAttribute('aria-label')").startswith("Number 15 of 15, stretch")
    live.focus("document.querySelector('#todo .stage')")
    before = live.state("todo")["X"]
    live.press(".", "ArrowRight", "ArrowRight")
    after = live.state("todo")["X"]
    assert [after[0] - before[0], after[1] - before[1]] == pytest.approx([0.2, 0], abs=1e-9)
    assert live.said().startswith("Leaf 1 of 80: ") and re.search(r"A \d+ %, B \d+ %, C \d+ %\.$", live.said())
    live.press("ArrowUp", shift=True)
    assert live.state("todo")["X"][1] - before[1] == pytest.approx(1, abs=1e-9)
    live.press("Escape")
    assert live("explorer.figures.todo.on") == -1
    live.focus("document.querySelector('#votes [aria-checked=true]')")
    live.press("ArrowRight")
    state = live.state("votes")
    order = np.argsort(state["scores"])
    assert list(order).index(state["pick"]) == sorted(state["scores"]).index(state["total"]) > 0
    live.press("ArrowLeft")


def test_all_wishes_are_done(live):
    live.press_button("todo", "Hill")
    live.press_button("todo", "Do it")
    live.tab.until("!explorer.figures.todo.goal")
    state = live.state("todo")
    for name, now in state["m"].items():
        np.testing.assert_allclose(np.ravel([wish[name] for wish in state["wishes"]]), now, rtol=0, atol=0.05)
    assert np.abs(state["vector"]).max() < 0.05
    assert live("document.querySelectorAll('#todo .todo li li:not(.off)').length") == 0
    assert live.said() == "Done. The list is empty."
    live.press_button("todo", "Undo")
    assert live.state("todo")["m"]["mu"] == np.ravel(MU).tolist()
    live.press_button("todo", "River")


def test_the_loudest_leaf_takes_its_vote_along(live, gmm):
    state = live.state("votes")
    loudest = int(np.argmax(np.abs(state["votes"])))
    x, y = state["X"][2 * loudest : 2 * loudest + 2]
    plot = "explorer.figures.votes.plot"
    live.tab.drag(live.place(plot, x, y), live.place(plot, 14, 1.5))
    moved = live.state("votes")
    assert moved["total"] != state["total"]
    score = fisher_vector(points(moved["X"]), gmm) @ moved["w"] + moved["bias"]
    assert moved["total"] == pytest.approx(score, abs=1e-6)
    assert sum(moved["votes"]) + moved["bias"] == pytest.approx(moved["total"], abs=1e-12)


def test_two_thousand_points_within_a_frame(live):
    frames = live(
        """(() => { const { todo } = explorer.figures, was = todo.X;
        todo.X = explorer.data.join(...Array(25).fill(explorer.data.bags.River)).map((x, i) => x + .3 * Math.sin(i));
        const time = () => { const from = performance.now(); todo.draw(); return performance.now() - from; };
        const times = Array.from({ length: 50 }, time);
        const n = todo.X.length / 2; todo.X = was; todo.draw(); return [n, Math.min(...times)]; })()"""
    )
    print(f"\na frame of {frames[0]} points: {frames[1]:.1f} ms")
    assert frames[0] == 2000 and frames[1] < 8


# ---- a visitor's own bags ----------------------------------------------------------------------------------


@pytest.fixture
def own(live):
    """A function that shows a text's bags and returns what the page says; the leaves come back afterwards."""

    def show(text):
        live(f"(() => {{ const {{ own }} = explorer.figures; own.text.value = {json.dumps(text)}; }})()")
        live.press_button("own", "Show my bags")
        live.tab.until("!explorer.figures.own.told.innerText.startsWith('Reading')")
        return live("explorer.figures.own.told.innerText.trim()")

    yield show
    live("explorer.figures.own.leave(); explorer.figures.own.blobs = 3; explorer.figures.own.told.innerText = ''")


def table(n=40, seed=0, form="{:.3f}, {:.3f}, {}", header="height (cm), weight (kg), school", names=("North", "South")):
    rng = np.random.default_rng(seed)
    rows = [(170 + 8 * x, 65 + 12 * y, names[i % len(names)]) for i, (x, y) in enumerate(rng.normal(size=(n, 2)))]
    return "\n".join([header] * bool(header) + [form.format(*row) for row in rows])


def bags_on_page(live):
    found = live("Object.entries(explorer.figures.own.state.world.bags).map(([name, X]) => [name, [...X]])")
    return {name: points(flat) for name, flat in found}


def test_a_visitors_bags_are_seen_in_steps_3_to_5(live, own):
    told = own(table())
    assert told.startswith("2 bags, 40 rows of height and weight. 3 blobs were learned from all of them.")
    world = live("(({ mixture, view }) => ({ mixture, axes: view.axes }))(explorer.figures.own.state.world)")
    assert world["axes"] == ["height, cm", "weight, kg"]
    peer, bags = of_page(world["mixture"]), bags_on_page(live)
    assert {name: bag.shape for name, bag in bags.items()} == {"North": (20, 2), "South": (20, 2)}
    # Blobs that were learned explain these rows better than one blob.
    X = np.vstack(list(bags.values()))
    assert peer.score(X) > SklearnMixture(1, covariance_type="diag").fit(X).score(X)
    for name in ("South", "North"):
        live.press_button("vector", name)
        live.press_button("todo", name)
        np.testing.assert_allclose(live.state("vector")["v"], fisher_vector(bags[name], peer), **TOLERANCE)
        s = GaussianMixture.from_sklearn(peer).statistics([bags[name]])[0]
        np.testing.assert_allclose([wish["w"] for wish in live.state("todo")["wishes"]], s.s0 / s.n, **TOLERANCE)
    state = live.state("shares")
    np.testing.assert_allclose(state["shares"], peer.predict_proba([state["point"]])[0], **TOLERANCE)
    words = live("document.querySelector('#vector .sentence').innerText")
    assert re.search(r"points here are .* (kg|cm) (higher|lower) in (weight|height) than typical|stays", words)
    notices = live("[...document.querySelectorAll('.notice')].map(line => line.parentNode.id)")
    assert notices == ["shares", "todo", "vector"]
    live.press_button("own", "5")
    assert len(live.state("vector")["v"]) == 25
    live.press_button("own", "3")
    live.click("document.querySelector('#todo .notice button')")
    assert live("document.querySelectorAll('.notice').length") == 0
    assert live.state("vector")["v"] == pytest.approx(KNOWN["River"], abs=1e-6)


READ = {
    "commas": table(),
    "semicolons, decimal commas": table(form="{:.4f};{:.4f};{}", header="").replace(".", ","),
    "tabs": table(form="{:.2f}\t{:.2f}\t{}", header="height (cm)\tweight\tschool"),
    "spaces": table(form="{:.2f}   {:.2f}", header=""),
    "spaces, decimal commas": table(form="{:.2f} {:.2f}", header="").replace(".", ","),
    "Windows, quotes": "\ufeff" + table(form='"{:.3f}","{:.3f}","{}, the school"').replace("\n", "\r\n"),
    "quoted decimal commas": table(form='"{:.4f}","{:.4f}"', header="").replace(".", ","),
    "NumPy": "# height weight\n" + table(form="{:.18e} {:.18e}", header=""),
    "minus signs": table(form="\N{MINUS SIGN}{:.3f}, -{:.3f}", header=""),
    "integers under a header": table(form="{:.0f},{:.0f}", header="a,b"),
    "blank lines": 2 * (table(n=20, form="{:.2f}, {:.2f}", header="") + "\n\n\n"),
}


@pytest.mark.parametrize("form", READ)
def test_a_table_is_read_as_it_is_meant(form, live, own):
    told = own(READ[form])
    assert "3 blobs were learned from all of them" in told, told
    bags = bags_on_page(live)
    assert sum(map(len, bags.values())) == 40
    plain = table(form="{:.3f}, {:.3f}", header="")
    numbers = np.array([[float(cell) for cell in line.split(",")] for line in plain.splitlines()])
    if form == "blank lines":
        assert {name: len(bag) for name, bag in bags.items()} == {"Bag 1": 20, "Bag 2": 20}
        return
    if len(bags) == 2:
        numbers = np.vstack([numbers[::2], numbers[1::2]])
    sign = -1 if form == "minus signs" else 1
    rounding = 0.51 if form.startswith("integers") else 0.0051
    np.testing.assert_allclose(np.vstack(list(bags.values())), sign * numbers, rtol=0, atol=rounding)


WRONG = {
    "nothing": ("", "The table has no rows yet"),
    "one column": ("4.1\n4.2\n4.3", "Line 1: one column was found: “4.1”"),
    "words": ("length, width\n4.1, 2\n4.2, wide", "Line 3: “wide” in column 2 is not a number. Expected two numbers"),
    "NaN": ("4.1, 2\n4.2, NaN", "Line 2: column 2 has “NaN”. Expected a number; leave the row out, or"),
    "a gap": ("4.1, 2, a\n4.2, , a", "Line 2: column 2 has nothing"),
    "five columns": ("1.5,2,3,4,5", "Line 1: 5 columns were found. Expected two numbers, and at most a third column"),
    "another width": ("1.5,2\n1.5,2,3", "Line 2: 3 columns were found, but 2 in the lines before"),
    "three rows": ("1.5,2\n2.5,3\n3.5,4", "3 rows were found. Expected at least 10"),
    "too many": ("1.5,2\n" * 100_000, "100,000 rows were found. This page draws each of them at every step, and takes"),
    "two readings": ("3,5\n" * 20, "“3,5” can be two numbers, 3 and 5; or, with a decimal comma, one number, 3.5."),
    "three cells": ("1,5,2\n" * 20, "can be 1 and 5 of bag 2; or, with a decimal comma, 1.5 and 2, or 1 and 5.2."),
    "four cells": ("1,5,2,5\n" * 20, "can be four numbers; or two with a decimal comma, 1.5 and 2.5."),
    "names alone": ("length, width", "There is a line of names, but no row"),
    "thousands": ("1,234;5,678\n" * 20, "“1,234” can be 1.234 or 1234. Write one of these, without the comma."),
    "a point and a comma": ("1.234,5;2\n" * 20, "“1.234,5” has a point and a comma"),
    "constant": ("".join(f"{i}.5, 7\n" for i in range(20)), "The column “second number” is 7.00 in every row"),
    "third measurement": ("".join(f"{i}.5, {i * i}.5, {i}.1\n" for i in range(20)), "third column has 20 different"),
    "huge": ("1e300, 2\n" * 20, "1e300 in column 1 is too large"),
    "a few points": ("1.5, 2\n2.5, 3\n" * 10, "2 different rows were found. Expected at least 6, two per blob"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_table_is_said(case, live, own):
    text, expected = WRONG[case]
    told = own(text)
    assert expected in told, told
    assert live("document.querySelectorAll('.notice').length") == 0
    assert live("explorer.figures.own.text.getAttribute('aria-invalid')") == "true"
    assert live.tab.complaints == []


def test_names_stay_names(live, own):
    odd = '<img src=x onerror=alert(1)>&"'
    own(table(header=f"{odd}; b", form="{:.2f}; {:.2f}", names=("x",)))
    assert live("document.querySelectorAll('main img:not(.hero *)').length") == 0
    own(table(header="__proto__,constructor,toString", names=("__proto__", "constructor", odd)))
    assert list(bags_on_page(live)) == ["__proto__", "constructor", odd]
    assert live("document.querySelectorAll('main img:not(.hero *)').length") == 0


@pytest.mark.parametrize("kind", ["text", "file"])
def test_a_table_is_dropped(kind, live, own, tmp_path):
    path = tmp_path / "bags.csv"
    path.write_text(table())
    dropped = {"items": [{"mimeType": "text/plain", "data": table()}]} if kind == "text" else {"files": [str(path)]}
    x, y = live.middle("explorer.figures.own.text")
    for event in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], **dropped, "dragOperationsMask": 1}
        live.tab.call("Input.dispatchDragEvent", type=event, x=x, y=y, data=data)
    live.tab.until("explorer.figures.own.told.innerText")
    assert list(bags_on_page(live)) == ["North", "South"]


# ---- everybody -------------------------------------------------------------------------------------------


def test_nothing_is_asked_for_and_nothing_complained_of(live):
    assert page_checks.loaded(live.tab, PAGE) == []
    plain = "document.body.appendChild(document.createElement('iframe')).contentWindow"
    own = live(f"Object.keys(globalThis).filter(name => isNaN(name) && !({plain}.hasOwnProperty(name)))")
    assert own == ["explorer"]


@pytest.fixture(scope="module")
def second(browser):
    """The page in another window, for what takes a load of its own."""
    return Live(browser.tab())


def test_the_page_is_good_for_everybody(second):
    looked_at = [(320, "light"), (390, "dark"), (768, "dark"), (1280, "light")]
    assert page_checks.check(second.tab, PAGE, views=looked_at) == []


def test_nothing_scrolls_sideways(second):
    second.load()
    for width, theme in page_checks.VIEWS:
        second.tab.show(width, theme=theme, mobile=width < page_checks.PHONE)
        second.tab.settle()
        assert second("[document.scrollingElement.scrollWidth, innerWidth]") == [width, width]


def test_a_finger_drags_points_and_scrolls_beside_them(second, gmm):
    second.load(390)
    second.tab.call("Emulation.setTouchEmulationEnabled", enabled=True)
    plot = "explorer.figures.vector.plot"
    x, y = second.state("vector")["X"][80:82]
    near, far = second.place(plot, x, y), second.place(plot, x, 0.4)
    at = second("scrollY")
    second.tab.swipe(near, far)
    state = second.state("vector")
    # It went straight down, where it would have scrolled the page.
    assert state["X"][80:82] == pytest.approx([x, 0.4], abs=0.1)
    np.testing.assert_allclose(state["v"], fisher_vector(points(state["X"]), gmm), **TOLERANCE)
    assert second("scrollY") == at
    # A finger is not exact: twenty pixels beside the point it still holds it.
    second.tab.swipe((far[0] - 14, far[1] + 14), second.place(plot, 1, 8))
    state = second.state("vector")
    assert state["X"][80:82] == pytest.approx([1, 8], abs=0.1)
    beside = second.place(plot, 15, 0.5)
    second.tab.swipe(beside, (beside[0], beside[1] - 150))
    second.tab.until(f"scrollY > {at}")
    assert second.state("vector")["X"] == state["X"]
    second.tab.call("Emulation.setTouchEmulationEnabled", enabled=False)


def test_an_address_leads_to_its_figure(browser):
    second = Live(browser.tab())
    # Other browsers do not hold a place while figures appear above it.
    alone = "addEventListener('DOMContentLoaded', () => { document.documentElement.style.overflowAnchor = 'none'; })"
    second.tab.call("Page.addScriptToEvaluateOnNewDocument", source=alone)
    second.tab.show(1280)
    second.tab.open(PAGE, "#units")
    second.tab.until(READY)
    assert abs(second("document.getElementById('units').getBoundingClientRect().top")) < 20
    ids = second("[...document.querySelectorAll('h2 a.no')].map(a => [a.getAttribute('href'), a.textContent])")
    assert ids == [[f"#{step}", str(i + 1)] for i, step in enumerate(STEPS)]


def test_less_motion_is_none(second):
    second.load(reduced_motion="reduce")
    second.press_button("todo", "Do it")
    assert second.state("todo")["moving"] is False
    assert np.abs(second.state("todo")["vector"]).max() < 0.05
    second.press_button("mixture", "Learn")
    assert second.state("mixture")["fit"] == pytest.approx(-4.014488, abs=1e-6)


def test_forced_colours_are_the_readers_and_hues_stay(second):
    second.load()
    hue = "getComputedStyle(document.querySelector('#vector .bar .value')).backgroundColor"
    normal = second(hue)
    second.tab.call("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    second.tab.settle()
    system = "Object.assign(document.body.appendChild(document.createElement('i')), { style: 'color: CanvasText' })"
    assert second(hue) == normal
    assert second(f"getComputedStyle(document.querySelector('h1')).color === getComputedStyle({system}).color")
    assert page_checks.loaded(second.tab, PAGE) == []


def test_on_paper_all_is_unfolded_and_drawn_in_its_colours(second):
    ink, picture = "getComputedStyle(document.body).color", "document.querySelector('#bag canvas').toDataURL()"
    light = second.load()(ink)
    second.load(theme="dark")
    dark = second(picture)
    second.tab.show(page_checks.PAPER, theme="dark", media="print")
    second.tab.settle()
    assert second(ink) == light
    assert second(picture) != dark
    assert second("[...document.querySelectorAll('main details:not(.keys)')].every(one => one.open)")
    hidden = second("[...document.querySelectorAll('.tab, .act, input, .try')].every(one => !one.checkVisibility())")
    assert hidden
    second.tab.show(1280)
    second.tab.settle()
    assert second("[...document.querySelectorAll('details')].every(one => !one.open)")


def test_the_page_may_not_speak_to_the_network(second):
    second.load()
    assert second("fetch('data:text/plain,bag').then(() => 'sent', () => 'refused')") == "refused"


def test_figures_follow_the_theme(second):
    second.load()
    picture = "document.querySelector('#todo canvas').toDataURL()"
    light = second(picture)
    second.tab.show(1280, theme="dark")
    second.tab.settle()
    assert second(picture) != light
    second.tab.show(1280)
    second.tab.settle()
    assert second(picture) == light


def test_without_webassembly_the_page_says_so(browser):
    old = Live(browser.tab())
    old.tab.call("Page.addScriptToEvaluateOnNewDocument", source="delete globalThis.WebAssembly")
    old.load()
    assert "does not run WebAssembly" in old("document.querySelector('header [role=alert]').innerText")
    assert "Each number is a slope" in old("document.querySelector('main').innerText")


def test_without_scripts_the_text_says_what_is_missing(second):
    second.tab.show(390, mobile=True)
    second.tab.call("Emulation.setScriptExecutionDisabled", value=True)
    second.tab.open(PAGE)
    second.tab.call("Emulation.setScriptExecutionDisabled", value=False)
    text = second("document.querySelector('main').innerText")
    assert "Scripts are off." in text and "Each number is a slope" in text
    shown = "one => one.checkVisibility() && one.complete && one.naturalWidth > 0"
    assert second(f"[...document.querySelectorAll('.hero img')].filter({shown}).length") == 1
    assert second("document.scrollingElement.scrollWidth") == 390
