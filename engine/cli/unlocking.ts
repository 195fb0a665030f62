import { GuesthouseError } from "../base/GuesthouseError.ts";

/** A disk whose passphrase is known: by its place in the list of a machine. */
export interface KnownPassphrase {
  readonly slot: number;
  /** Where several machines are concerned. */
  readonly machineId: string;
  readonly passphrase: string;
}

/** The one passphrase that was given is for each disk that asks for one; `work` is done again with it. */
export async function unlocking<T>(
  passphrase: string | undefined,
  work: (known: readonly KnownPassphrase[]) => Promise<T>,
): Promise<T> {
  const known: KnownPassphrase[] = [];
  for (;;) {
    try {
      return await work(known);
    } catch (error) {
      const asked = error instanceof GuesthouseError && error.kind === "passphrase-needed" ? error.context : {};
      const { slot, machineId = "" } = asked;
      if (passphrase === undefined || typeof slot !== "number" || typeof machineId !== "string") throw error;
      if (known.some((disk) => disk.slot === slot && disk.machineId === machineId)) throw error;
      known.push({ slot, machineId, passphrase });
    }
  }
}

/** As commands on one machine take them. */
export function bySlot(known: readonly KnownPassphrase[]): { passphrases: { slot: number; passphrase: string }[] } {
  return { passphrases: known.map(({ slot, passphrase }) => ({ slot, passphrase })) };
}
