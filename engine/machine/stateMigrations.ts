import { StateReader } from "../base/StateReader.ts";
import type { Migration } from "../snapshot/container/migrateSections.ts";

/**
 * How sections of saved states that older versions wrote become present ones. Each has a file of its old form in `tests/fixtures/states`. A
 * device whose `stateVersion` rises gets a row here. Version 0 is that of a section which was not there yet.
 */
export const stateMigrations: readonly Migration[] = [
  {
    // Whether the self test had begun was not kept. A machine that was worth saving had begun it.
    section: "device:bios",
    from: 1,
    migrate: (payload) => {
      const reader = new StateReader(payload);
      reader.u16();
      return Uint8Array.from([...payload.subarray(0, 2), 1, ...payload.subarray(2)]);
    },
  },
  {
    // The slot controller was not there: nothing came, and the tables that the guest has know nothing of it.
    section: "device:pci-hot-plug",
    from: 0,
    migrate: () => new Uint8Array(5),
  },
];
