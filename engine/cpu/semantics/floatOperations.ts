/**
 * Floating-point operations that MXCSR governs, by the number that the x87 and SSE unit knows them by (Intel SDM vol. 1, chapters 10, 11 and 14).
 * Lanes are those of the source; conversions put their results into the low lanes. `control` is what an immediate says: a predicate
 * (Compare), a rounding mode (Round, ToHalf), 1 to truncate (ToInt32, ToInt64), 1 to be quiet (CompareFlags), or `fusedControl`.
 */
export const floatOperation = {
  Add: 0,
  Sub: 1,
  /** Even lanes are subtracted. */
  AddSub: 2,
  Mul: 3,
  Div: 4,
  Min: 5,
  Max: 6,
  Compare: 7,
  Sqrt: 8,
  Round: 9,
  /** a * b + c. */
  MulAdd: 10,
  /** Single to double. */
  Promote: 11,
  Demote: 12,
  FromInt32: 13,
  /** The low lane alone. */
  FromInt64: 14,
  ToInt32: 15,
  ToInt64: 16,
  /** ZF PF CF in their places. */
  CompareFlags: 17,
  Reciprocal: 18,
  ReciprocalRoot: 19,
  FromHalf: 20,
  ToHalf: 21,
} as const;
export type FloatOperation = keyof typeof floatOperation;

/** Bits of MulAdd's control. */
export const fusedControl = { negateProduct: 1, negateAddend: 2, flipEvenAddends: 4 } as const;

/** How the unit is told: operation, whether lanes are doubles, their number, the first of two halves of one operation, and control. */
export const floatCode = { double: 1 << 8, countShift: 9, moreFollows: 1 << 12, controlShift: 16 } as const;
