/**
 * One decoded instruction as the handlers read it, 16 bytes. The handler says what the other fields mean: an operand in a slot byte
 * is a register's byte offset within `gpr` (AH is 1; general registers), or its number (all other files).
 */
export const recordLayout = {
  /** u16: index of the handler. */
  handler: 0,
  /** u16: where the instruction starts in its page (12 bits), and above that its length. */
  place: 2,
  /** Slot bytes. A memory operand takes 5 and 6 for its base and index. */
  slots: [4, 5, 6] as const,
  base: 5,
  index: 6,
  /** Segment in bits 5..7, scale shift in bits 0..1. */
  addressing: 7,
  /** Base and addressing of a second memory operand, which has nothing else. */
  secondBase: 4,
  secondAddressing: 6,
  /** i32: displacement, second immediate, selector of a far pointer, or the record that a branch leads to (0: not yet known). */
  displacement: 8,
  /** i32: immediate, or a branch's target: offset in the page when it lies there, else relative to the next instruction. */
  immediate: 12,
  sizeBytes: 16,
} as const;

/** Slot bytes for registers when the three are taken: those of the immediate, which is a byte at most in such instructions. */
export const spareSlots = [13, 14] as const;

/** Handlers that are not instructions. */
export const specialHandler = {
  /** Decode (again) what lies at this record's place, then become `follow`. */
  resolve: 0,
  /** Go on at the record in `displacement`. */
  follow: 1,
  /** Go on at offset `immediate` from the page's start, whatever is there; nothing is remembered. */
  refetch: 2,
  /** Leave the loop before the instruction at offset `immediate`. */
  leave: 3,
  /** Raise exception `immediate`, with error code 0 where it has one. */
  raise: 4,
  /**
   * The instruction in the next record goes on in the next page: go there if that is still the page of memory whose number is in
   * `displacement`.
   */
  crossing: 5,
} as const;
export const specialHandlers = 6;
