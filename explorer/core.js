/* The mathematics: the library as WebAssembly, behind functions of flat arrays. A bag is a Float64Array
   x0 y0 x1 y1 ...; a mixture is { w: [K], mu: [2K], sd: [2K] }, row by row as in the library. */
"use strict";
const core = (() => {
  let wasm = null;

  /** The module is in the page (`wasmBase64`), compressed, since a page from file:// may not fetch. */
  async function load() {
    const packed = Uint8Array.from(atob(wasmBase64), c => c.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const module = await WebAssembly.compile(await new Response(unpacked).arrayBuffer());
    wasm = (await WebAssembly.instantiate(module, unused(module))).exports;
  }

  /** What the module asks for: functions of a crate that reads files, which nothing here calls. */
  function unused(module) {
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      (imports[from] ??= {})[name] = () => { throw new Error(`${name} is not part of the page`); };
    }
    return imports;
  }

  /** Calls a function of the module with the numbers of `inputs` in its buffer. */
  function call(name, rows, components, option, ...inputs) {
    const size = inputs.reduce((sum, input) => sum + input.length, 0);
    let at = wasm.room(size) / 8;
    const memory = new Float64Array(wasm.memory.buffer);
    for (const input of inputs) {
      memory.set(input, at);
      at += input.length;
    }
    const length = wasm[name](rows, components, option);
    const where = wasm.room(length < 0 ? Math.ceil(wasm.told() / 8) : length);
    if (length >= 0) return new Float64Array(wasm.memory.buffer, where, length).slice();
    const message = new Uint8Array(wasm.memory.buffer, where, wasm.told());
    throw new RangeError(new TextDecoder().decode(message));
  }

  const flat = m => [...m.w, ...m.mu, ...m.sd];
  const mixture = (v, K) => ({ w: [...v.slice(0, K)], mu: [...v.slice(K, 3 * K)], sd: [...v.slice(3 * K)] });
  const sums = s => [s.s0, s.z1, s.z2];
  const copy = m => ({ w: [...m.w], mu: [...m.mu], sd: [...m.sd] });

  /** Posteriors, n x K, and the mean log-likelihood. `sharp` is the exponent of the posteriors: 1 soft,
      Infinity the winner. */
  function posteriors(X, m, sharp = 1) {
    const out = call("posteriors", X.length / 2, m.w.length, sharp, flat(m), X);
    return { q: out.subarray(0, -1), fit: out.at(-1) };
  }

  /** Sums of q, q z and q z², z = (x − μ) / σ: all that is ever needed of a bag. */
  function statistics(X, m, q = posteriors(X, m).q) {
    const n = X.length / 2, K = m.w.length;
    const out = call("statistics", n, K, 0, flat(m), X, q);
    return { n, s0: out.subarray(0, K), z1: out.subarray(K, 3 * K), z2: out.subarray(3 * K) };
  }

  /** K + 2K + 2K numbers. `unit`: "fisher" (Sanchez et al. 2013, Eqs. 16 to 18, over n), "raw" (the
      gradient for alpha, mu and sigma as it stands), "comment" (the gist's comment: the last block without
      its division by the variance). */
  function gradient(s, m, unit = "fisher") {
    const out = call("gradient", s.n, m.w.length, unit === "raw" ? 1 : 0, flat(m), ...sums(s));
    if (unit === "comment") m.sd.forEach((sd, j) => { out[3 * m.w.length + j] *= sd * sd; });
    return out;
  }

  /** The Fisher vector of a bag, with neither power nor norm. */
  const fisher = (X, m, sharp) => gradient(statistics(X, m, posteriors(X, m, sharp).q), m);

  /** The share of each point in the score <weights, Fisher vector>. */
  const votes = (X, m, weights) => call("votes", X.length / 2, m.w.length, 0, flat(m), weights, X);

  /** What each point adds to number j of the Fisher vector: the mean of these is the number. */
  function pushes(X, m, j) {
    const weights = new Float64Array(5 * m.w.length);
    weights[j] = X.length / 2;
    return votes(X, m, weights);
  }

  /** The mixture with property j nudged by t natural steps: the slope of the fit in t is number j. */
  const nudge = (m, j, t) => mixture(call("nudge", j, m.w.length, t, flat(m)), m.w.length);
  const fit = (X, m) => posteriors(X, m).fit;
  const slope = (X, m, j, e) => (fit(X, nudge(m, j, e)) - fit(X, nudge(m, j, -e))) / (2 * e);

  /** All wishes at once: the M-step of EM. */
  const maximize = (s, m) => mixture(call("maximize", s.n, m.w.length, 0, flat(m), ...sums(s)), m.w.length);

  /** The to-do list: the share, the place and the spread each blob would like, each as if the others could
      not change. */
  function wishes(s, m) {
    const pair = f => [0, 1].map(f);
    return m.w.map((_, k) => ({
      w: s.s0[k] / s.n,
      mu: pair(d => m.mu[2 * k + d] + m.sd[2 * k + d] * s.z1[2 * k + d] / s.s0[k]),
      sd: pair(d => m.sd[2 * k + d] * Math.sqrt(s.z2[2 * k + d] / s.s0[k])),
    }));
  }

  /** VLAD of the mixture's means over n, 2K numbers, and the bag of words, K. */
  const vlad = (X, m) => call("vlad", X.length / 2, m.w.length, 0, flat(m), X);
  const words = (X, m) => call("words", X.length / 2, m.w.length, 0, flat(m), X);

  /** The spatial Fisher vector of places in the unit square: 2K numbers for moves, 2K for stretches. */
  const spatial = (X, places, m) => call("spatial", X.length / 2, m.w.length, 0, flat(m), X, places);

  /** The mixture of K blobs that EM makes of the points. */
  const learn = (X, K) => mixture(call("learn", X.length / 2, K, 0, X), K);

  /** Ridge regression of centred vectors onto labels: { w, bias }. */
  function ridge(rows, y, lambda) {
    const out = call("ridge", rows.length, rows[0].length, lambda, ...rows, y);
    return { w: out.subarray(0, -1), bias: out.at(-1) };
  }

  const normalise = (v, power = 1, l2 = false) => call("normalise", v.length, l2 ? 1 : 0, power, v);
  const norm = v => Math.hypot(...v);
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

  return {
    ready: load(), copy, posteriors, statistics, gradient, fisher, votes, pushes, nudge, fit, slope, maximize, wishes,
    vlad, words, spatial, learn, ridge, normalise, norm, dot,
  };
})();
