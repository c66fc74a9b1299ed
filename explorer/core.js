/* The mathematics: mixtures of axis-parallel Gaussians in two dimensions, and Fisher vectors of bags. No DOM.
   A bag is a Float64Array x0 y0 x1 y1 ...; a mixture { w: [K], mu: [2K], sd: [2K] }, row-major as in the library. */
"use strict";
const core = (() => {
  const copy = m => ({ w: [...m.w], mu: [...m.mu], sd: [...m.sd] });

  /** Posteriors, n x K, and the mean log-likelihood. `sharp` is the exponent of the posteriors: 1 soft, Infinity the winner. */
  function posteriors(X, m, sharp = 1) {
    const K = m.w.length, n = X.length / 2, q = new Float64Array(n * K), l = new Float64Array(K);
    let fit = 0;
    const base = m.w.map((w, k) => Math.log(w) - Math.log(2 * Math.PI * m.sd[2 * k] * m.sd[2 * k + 1]));
    for (let i = 0; i < n; i++) {
      let top = -Infinity, sum = 0;
      for (let k = 0; k < K; k++) {
        const a = (X[2 * i] - m.mu[2 * k]) / m.sd[2 * k], b = (X[2 * i + 1] - m.mu[2 * k + 1]) / m.sd[2 * k + 1];
        l[k] = base[k] - (a * a + b * b) / 2;
        if (l[k] > top) top = l[k];
      }
      for (let k = 0; k < K; k++) sum += Math.exp(l[k] - top);
      fit += top + Math.log(sum);
      if (sharp === Infinity) { for (let k = 0; k < K; k++) q[i * K + k] = l[k] === top ? 1 : 0; continue; }
      sum = 0;
      for (let k = 0; k < K; k++) sum += q[i * K + k] = Math.exp(sharp * (l[k] - top));
      for (let k = 0; k < K; k++) q[i * K + k] /= sum;
    }
    return { q, fit: n ? fit / n : 0 };
  }
  /** Sums of q, q z and q z^2, z = (x - mu) / sd: all that is ever needed of a bag. */
  function statistics(X, m, q = posteriors(X, m).q) {
    const K = m.w.length, n = X.length / 2;
    const s = { n, s0: new Float64Array(K), z1: new Float64Array(2 * K), z2: new Float64Array(2 * K) };
    for (let i = 0; i < n; i++) for (let k = 0; k < K; k++) {
      const p = q[i * K + k];
      s.s0[k] += p;
      for (let d = 0, j = 2 * k; d < 2; d++, j++) {
        const z = (X[2 * i + d] - m.mu[j]) / m.sd[j];
        s.z1[j] += p * z;
        s.z2[j] += p * z * z;
      }
    }
    return s;
  }
  /** K + 2K + 2K numbers. `unit`: "fisher" (Sanchez et al. 2013, Eqs. 16 to 18, over n), "raw" (the gradient for alpha, mu and
      sigma as it stands), "comment" (the gist's comment: the last block without its division by the variance). */
  function gradient(s, m, unit = "fisher") {
    const K = m.w.length, out = new Float64Array(5 * K), n = s.n || 1;
    if (!s.n) return out;
    for (let k = 0; k < K; k++) {
      const root = unit === "raw" ? 1 : Math.sqrt(m.w[k]);
      out[k] = (s.s0[k] / n - m.w[k]) / root;
      for (let j = 2 * k; j < 2 * k + 2; j++) {
        const c = (s.z2[j] - s.s0[k]) / n;
        out[K + j] = s.z1[j] / n / (unit === "raw" ? m.sd[j] : root);
        out[3 * K + j] = unit === "raw" ? c / m.sd[j] : c / (root * Math.SQRT2) * (unit === "comment" ? m.sd[j] ** 2 : 1);
      }
    }
    return out;
  }
  const fisher = (X, m, sharp) => gradient(statistics(X, m, posteriors(X, m, sharp).q), m);
  /** What each point adds to number j of the Fisher vector: the mean of these is the number. */
  function pushes(X, m, q, j) {
    const K = m.w.length, n = X.length / 2, out = new Float64Array(n);
    const block = j < K ? 0 : j < 3 * K ? 1 : 2, c = block ? (j - K) % (2 * K) : j, k = block ? c >> 1 : j;
    for (let i = 0; i < n; i++) {
      const p = q[i * K + k], z = block ? (X[2 * i + c % 2] - m.mu[c]) / m.sd[c] : 0;
      out[i] = (block === 0 ? p - m.w[k] : block === 1 ? p * z : p * (z * z - 1) / Math.SQRT2) / Math.sqrt(m.w[k]);
    }
    return out;
  }
  /** The mixture with property j nudged by t natural steps: the slope of the fit in t is number j of the Fisher vector. */
  function nudge(m, j, t) {
    const K = m.w.length, out = copy(m);
    if (j < K) {
      const e = m.w.map((w, k) => k === j ? w * Math.exp(t / Math.sqrt(w)) : w), sum = e.reduce((a, b) => a + b);
      out.w = e.map(w => w / sum);
    } else if (j < 3 * K) out.mu[j - K] += t * m.sd[j - K] / Math.sqrt(m.w[(j - K) >> 1]);
    else out.sd[j - 3 * K] *= Math.exp(t / Math.sqrt(2 * m.w[(j - 3 * K) >> 1]));
    return out;
  }
  const fit = (X, m) => posteriors(X, m).fit;
  const slope = (X, m, j, e) => (fit(X, nudge(m, j, e)) - fit(X, nudge(m, j, -e))) / (2 * e);

  /** The to-do list: the share, the place and the spread each component would like, each as if the others could not change. */
  function wishes(s, m) {
    return m.w.map((w, k) => ({
      w: s.s0[k] / s.n,
      mu: [0, 1].map(d => m.mu[2 * k + d] + m.sd[2 * k + d] * s.z1[2 * k + d] / s.s0[k]),
      sd: [0, 1].map(d => m.sd[2 * k + d] * Math.sqrt(s.z2[2 * k + d] / s.s0[k])),
    }));
  }
  /** All wishes at once: the M-step of EM. */
  function maximize(s, m) {
    const out = copy(m);
    m.w.forEach((_, k) => {
      if (s.s0[k] < 1e-9) return;
      out.w[k] = s.s0[k] / s.n;
      for (let j = 2 * k; j < 2 * k + 2; j++) {
        const a = s.z1[j] / s.s0[k];
        out.mu[j] = m.mu[j] + m.sd[j] * a;
        out.sd[j] = m.sd[j] * Math.sqrt(Math.max(s.z2[j] / s.s0[k] - a * a, .01));
      }
    });
    return out;
  }
  const norm = v => Math.hypot(...v);
  function normalise(v, power = 1, l2 = false) {
    const out = Float64Array.from(v, x => Math.sign(x) * Math.abs(x) ** power), r = l2 ? norm(out) || 1 : 1;
    return out.map(x => x / r);
  }
  const dot = (a, b) => a.reduce((s, x, i) => s + x * b[i], 0);
  const sizes = m => m.w.length;
  const hard = (X, m) => Array.from({ length: X.length / 2 }, (_, i) => {
    const d = m.w.map((_, k) => (X[2 * i] - m.mu[2 * k]) ** 2 + (X[2 * i + 1] - m.mu[2 * k + 1]) ** 2);
    return d.indexOf(Math.min(...d));
  });
  function vlad(X, m) {
    const out = new Float64Array(2 * sizes(m)), n = X.length / 2;
    hard(X, m).forEach((k, i) => { for (let d = 0; d < 2; d++) out[2 * k + d] += (X[2 * i + d] - m.mu[2 * k + d]) / n; });
    return out;
  }
  function words(X, m) {
    const out = new Float64Array(sizes(m));
    hard(X, m).forEach(k => { out[k] += 2 / X.length; });
    return out;
  }
  function spatial(X, places, m) {
    const K = sizes(m), place = { w: m.w, mu: Array(2 * K).fill(.5), sd: Array(2 * K).fill(Math.sqrt(1 / 12)) };
    return gradient(statistics(places, place, posteriors(X, m).q), place).slice(K);
  }
  function ridge(rows, y, lambda) {
    const P = rows[0].length, mean = Array.from({ length: P }, (_, j) => rows.reduce((s, v) => s + v[j] / rows.length, 0));
    const Z = rows.map(v => v.map((x, j) => x - mean[j]));
    const times = w => { const r = Z.map(z => dot(z, w)); return w.map((x, j) => lambda * x + Z.reduce((s, z, i) => s + z[j] * r[i], 0)); };
    let w = new Float64Array(P), r = Float64Array.from(w, (_, j) => Z.reduce((s, z, i) => s + z[j] * y[i], 0)), p = r.slice(), rr = dot(r, r);
    for (let i = 0; i < 60 && rr > 1e-26; i++) { const Ap = times(p), a = rr / dot(p, Ap); w = w.map((x, j) => x + a * p[j]); r = r.map((x, j) => x - a * Ap[j]); const next = dot(r, r); p = r.map((x, j) => x + next / rr * p[j]); rr = next; }
    return { w, bias: -dot(w, mean) };
  }
  function votes(X, m, w) {
    const n = X.length / 2, { q } = posteriors(X, m), out = new Float64Array(n);
    w.forEach((x, j) => pushes(X, m, q, j).forEach((g, i) => { out[i] += x * g / n; }));
    return out;
  }
  function learn(X, K) {
    const n = X.length / 2, sd = [0, 1].map(d => { let a = 0, b = 0; for (let i = d; i < 2 * n; i += 2) a += X[i] / n; for (let i = d; i < 2 * n; i += 2) b += (X[i] - a) ** 2 / n; return Math.sqrt(b); });
    const pick = [0];
    while (pick.length < K) { const far = i => Math.min(...pick.map(j => ((X[2 * i] - X[2 * j]) / sd[0]) ** 2 + ((X[2 * i + 1] - X[2 * j + 1]) / sd[1]) ** 2)); let best = 0; for (let i = 1; i < n; i++) if (far(i) > far(best)) best = i; pick.push(best); }
    let m = { w: Array(K).fill(1 / K), mu: pick.flatMap(i => [X[2 * i], X[2 * i + 1]]), sd: pick.flatMap(() => sd.map(s => s / K)) };
    for (let i = 0; i < 200; i++) { m = maximize(statistics(X, m), m); m.sd = m.sd.map((s, j) => Math.max(s, .01 * sd[j % 2])); }
    return m;
  }
  const ready = Promise.resolve();
  return { ready, vlad, words, spatial, ridge, votes, learn, copy, posteriors, statistics, gradient, fisher, pushes, nudge, fit, slope, wishes, maximize, norm, normalise, dot };
})();
