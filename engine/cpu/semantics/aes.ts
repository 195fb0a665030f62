/** AES-NI and the carry-less product (Intel SDM vol. 2): the round functions are helpers, as WebAssembly has neither tables nor bit matrices. */
import type { Semantics } from "./Algebra.ts";
import { packed, packedHalves } from "./vectorShapes.ts";

const round = (helper: "aesEncrypt" | "aesDecrypt", last: 0 | 1): Semantics =>
  packed((v, state, key) => v.helper(helper, state, key, last));

export const aes = {
  AESENC: round("aesEncrypt", 0),
  AESENCLAST: round("aesEncrypt", 1),
  AESDEC: round("aesDecrypt", 0),
  AESDECLAST: round("aesDecrypt", 1),
  AESIMC: packed((v, _a, key) => v.helper("aesInverseMix", key)),
  AESKEYGENASSIST: packedHalves((v, _a, key, _x, constant) => v.helper("aesKeyAssist", key, constant)),
  /** Bit 0 of the immediate picks a half of the first source, bit 4 one of the second. */
  PCLMULQDQ: packedHalves((v, a, b, x, halves) => {
    const p = x.select(x.bit(halves, 0), v.extract(64, a, 1), v.extract(64, a, 0));
    const q = x.select(x.bit(halves, 4), v.extract(64, b, 1), v.extract(64, b, 0));
    return v.helper("carrylessProduct", p, q);
  }),
} satisfies Record<string, Semantics>;
