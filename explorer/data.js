/* The leaves. Every number on the page follows from this file. A bag is a Float64Array: x0, y0, x1, y1,
   ... */
"use strict";
const data = (() => {
  /* ---- numbers by chance, without luck ---- */

  /** mulberry32: uniform numbers in [0, 1). */
  function uniform(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  /** Box and Muller, the cosine alone: two uniform numbers each. */
  function normal(seed) {
    const next = uniform(seed);
    return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  }

  /** Shifts and stretches points until their mean and standard deviation are exactly these. */
  function moments(points, mean, sd) {
    const n = points.length / 2;
    for (let d = 0; d < 2; d++) {
      let middle = 0,
        variance = 0;
      for (let i = d; i < 2 * n; i += 2) middle += points[i] / n;
      for (let i = d; i < 2 * n; i += 2) variance += (points[i] - middle) ** 2 / n;
      const unit = n > 1 ? sd[d] / Math.sqrt(variance) : 0;
      for (let i = d; i < 2 * n; i += 2) points[i] = mean[d] + unit * (points[i] - middle);
    }
    return points;
  }

  /** n normal points of exact moments: luck of the sample would need explaining. */
  const cloud = (n, mean, sd, seed) => moments(Float64Array.from({ length: 2 * n }, normal(seed)), mean, sd);

  /** n points on a golden spiral, of exact moments: a disc of radius 2, or as a Gaussian lies. */
  function spiral(n, mean, sd, gaussian, phase = 0) {
    const turn = Math.PI * (3 - Math.sqrt(5));
    const coordinate = j => {
      const i = j >> 1,
        u = (i + 0.5) / n;
      const radius = gaussian ? Math.sqrt(-2 * Math.log(1 - u)) : 2 * Math.sqrt(u);
      return radius * (j % 2 ? Math.sin : Math.cos)(i * turn + phase);
    };
    return moments(
      Float64Array.from({ length: 2 * n }, (_, j) => coordinate(j)),
      mean,
      sd,
    );
  }

  /** One bag of several. */
  function join(...bags) {
    const out = new Float64Array(bags.reduce((n, bag) => n + bag.length, 0));
    bags.reduce((at, bag) => (out.set(bag, at), at + bag.length), 0);
    return out;
  }

  /* ---- what is typical ---- */

  /** Three typical leaves, in cm (length, width). */
  const mixture = { w: [0.3, 0.45, 0.25], mu: [11, 2, 8.6, 5.6, 4, 2.6], sd: [1.7, 0.6, 1.6, 0.9, 1.1, 0.8] };
  const names = ["narrow", "broad", "small"];
  const blobs = [0, 1, 2];

  /** The place of blob k, moved; its spread, stretched. */
  const at = (k, dx = 0, dy = 0) => [mixture.mu[2 * k] + dx, mixture.mu[2 * k + 1] + dy];
  const wide = (k, fx = 1, fy = fx) => [mixture.sd[2 * k] * fx, mixture.sd[2 * k + 1] * fy];

  /** 80 leaves as typical as can be: they ask for nothing. */
  const even = phases => join(...blobs.map(k => spiral([24, 36, 20][k], at(k), wide(k), true, phases[k])));

  /* ---- bags ---- */

  /** The bag of the first step. */
  const first = join(
    cloud(9, [11, 2], [1.7, 0.5], 1),
    cloud(9, [8.6, 5.6], [1.4, 0.8], 2),
    cloud(6, [4, 2.6], [1, 0.6], 3),
  );

  const bags = {
    // A gains weight, B moves, C stretches: one wish each.
    River: join(
      cloud(40, at(0), wide(0, 0.95), 1036),
      cloud(20, at(1, 1.4, 0.85), wide(1, 0.5), 2024),
      cloud(20, at(2), wide(2, 1.5, 1.6), 3132),
    ),
    Hill: join(
      cloud(14, at(0, -1.1, 0), wide(0, 0.8), 21),
      cloud(20, at(1), wide(1, 0.6), 22),
      cloud(46, at(2, 0.5, 0.3), wide(2), 23),
    ),
    Park: join(
      cloud(8, at(0), wide(0), 31),
      cloud(60, at(1, -0.4, 0.2), wide(1, 1.25), 32),
      cloud(12, at(2, -0.7, -0.4), wide(2, 0.7), 33),
    ),
    Typical: even([6.19, 1.91, 5.22]),
  };

  /** The leaves of twelve bags, from which the mixture is learned. */
  const all = join(cloud(108, at(0), wide(0), 51), cloud(162, at(1), wide(1), 52), cloud(90, at(2), wide(2), 58));

  /** A start from which EM needs its time: thin blobs in the wrong places. */
  const start = { w: [1 / 3, 1 / 3, 1 / 3], mu: [6.2, 1.4, 6.8, 4.4, 8.6, 2.9], sd: [0.8, 0.8, 0.8, 0.8, 0.8, 0.8] };

  /** Discs: equal counts in all three bags, and equal means in the first and the last. */
  const disc = (dx, dy, fx, fy) =>
    join(...blobs.map(k => spiral([18, 27, 15][k], at(k, dx[k], dy[k]), wide(k, fx[k], fy[k]), false)));
  const none = [0, 0, 0],
    one = [1, 1, 1];
  const relatives = {
    plain: disc(none, none, one, one),
    moved: disc([0.9, 0.5, 0.4], [0, 0.7, -0.45], one, one),
    stretched: disc(none, none, [1, 0.85, 1], [1.3, 1.25, 1.3]),
  };

  /* ---- nuisances ---- */

  const phases = [
    [6.19, 1.91, 5.22],
    [3.72, 2.31, 1.14],
    [2.33, 3.9, 1.75],
    [2.17, 3.74, 5.96],
    [2.5, 4.17, 5.05],
  ];
  /** n dull leaves, a multiple of 80. */
  const background = n => join(...phases.slice(0, n / 80).map(even));
  /** A leaf that somebody put into the bag again and again. */
  const odd = [12.8, 6.6];

  /* ---- places ---- */

  /** A layout of the bag River on a square: for each blob the mean and the spread of the places of its
      leaves. */
  function layout(plan) {
    const counts = [40, 20, 20],
      inside = v => Math.min(0.985, Math.max(0.015, v));
    return join(...plan.map(([x, y, sx, sy], k) => cloud(counts[k], [x, y], [sx, sy], 81 + k).map(inside)));
  }
  const stirred = [0.5, 0.5, 0.27, 0.27];
  const layouts = {
    "Sorted garden": layout([
      [0.72, 0.22, 0.16, 0.1],
      [0.28, 0.7, 0.14, 0.13],
      [0.7, 0.74, 0.1, 0.09],
    ]),
    "Stirred garden": layout([stirred, stirred, stirred]),
  };

  /* ---- two classes ---- */

  const kinds = {
    River: { y: 1, share: [0.4, 0.32, 0.28], move: [0.3, 0, 0.6, 0.3, -0.1, 0] },
    Hill: { y: -1, share: [0.26, 0.36, 0.38], move: [-0.4, 0, -0.1, 0, 0.2, 0.2] },
  };
  /** 24 bags of two classes, in turn. */
  function classes() {
    const list = [],
      u = uniform(91),
      z = normal(92);
    for (let b = 0; b < 24; b++) {
      const kind = b % 2 ? "Hill" : "River",
        { y, share, move } = kinds[kind],
        n = 30 + Math.floor(50 * u());
      const parts = blobs.map(k => {
        const count = Math.max(3, Math.round(n * share[k] * (1 + 0.35 * z())));
        const mean = at(k, move[2 * k] + 0.5 * z(), move[2 * k + 1] + 0.25 * z());
        return cloud(count, mean, wide(k, 0.8 + 0.25 * u()), 100 + 3 * b + k);
      });
      list.push({ name: `${kind} ${(b >> 1) + 1}`, y, X: join(...parts) });
    }
    return list;
  }

  return {
    uniform,
    cloud,
    join,
    mixture,
    names,
    first,
    bags,
    all,
    start,
    relatives,
    background,
    odd,
    layouts,
    classes,
  };
})();
