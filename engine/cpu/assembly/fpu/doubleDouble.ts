// About 100 bits of precision out of pairs of doubles (Dekker 1971, Knuth TAOCP 4.2.2), for the transcendental functions: their
// results are then rounded once to 64 bits. Results are left in `hi` and `lo`.
export let hi: f64 = 0;
export let lo: f64 = 0;

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function set(h: f64, l: f64): void {
  hi = h;
  lo = l;
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
function quickTwoSum(a: f64, b: f64): void {
  const s = a + b;
  lo = b - (s - a);
  hi = s;
}

const SPLITTER: f64 = 134217729;
let productError: f64 = 0;

// @ts-ignore: TypeScript has no decorators of functions
@inline
function twoProduct(a: f64, b: f64): f64 {
  const p = a * b;
  let t = SPLITTER * a;
  const ah = t - (t - a);
  const al = a - ah;
  t = SPLITTER * b;
  const bh = t - (t - b);
  const bl = b - bh;
  productError = ah * bh - p + ah * bl + al * bh + al * bl;
  return p;
}

export function add(ah: f64, al: f64, bh: f64, bl: f64): void {
  const s = ah + bh;
  const v = s - ah;
  const e = ah - (s - v) + (bh - v);
  const t = al + bl;
  const w = t - al;
  const f = al - (t - w) + (bl - w);
  quickTwoSum(s, e + t);
  quickTwoSum(hi, lo + f);
}

export function mul(ah: f64, al: f64, bh: f64, bl: f64): void {
  const p = twoProduct(ah, bh);
  quickTwoSum(p, productError + (ah * bl + al * bh));
}

export function div(ah: f64, al: f64, bh: f64, bl: f64): void {
  const q1 = ah / bh;
  mul(q1, 0, bh, bl);
  add(ah, al, -hi, -lo);
  const rh = hi;
  const rl = lo;
  const q2 = rh / bh;
  mul(q2, 0, bh, bl);
  add(rh, rl, -hi, -lo);
  const q3 = hi / bh;
  quickTwoSum(q1, q2);
  add(hi, lo, q3, 0);
}
