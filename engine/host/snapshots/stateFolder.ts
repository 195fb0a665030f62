/** Where a machine's states lie, within its folder. */
export const stateFolder = "states";
