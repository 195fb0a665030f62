/** The command's exit statuses: a contract with scripts. */
export const exitStatus = {
  done: 0,
  /** Compared media differ, or a checked one has faults that are left. */
  different: 1,
  badArguments: 2,
  timeIsUp: 4,
  guestCrashed: 6,
  failed: 8,
} as const;

/** The debug-exit device's convention (QEMU's isa-debug-exit): always odd, so never taken for another status of a run. */
export function debugExitStatus(value: number): number {
  return ((value << 1) | 1) & 0xff;
}
