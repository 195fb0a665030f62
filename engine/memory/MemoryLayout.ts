/**
 * The part of the memory plan that the map needs; the board passes the processor's plan in, so that the two rooms do not know
 * each other.
 */
export interface MemoryLayout {
  /** Offsets of the two tables in the shared memory. */
  readonly physMap: number;
  readonly dirtyMap: number;
  readonly physPages: number;
  readonly bits: {
    readonly readable: number;
    readonly writable: number;
    readonly hasCode: number;
    readonly trackDirty: number;
    readonly frozen: number;
    readonly absent: number;
  };
}
