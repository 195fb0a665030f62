import { StateReader } from "../base/StateReader.ts";
import { StateWriter } from "../base/StateWriter.ts";
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
    // Of disks there were only the geometries, in the machine's order.
    section: "device:bios",
    from: 2,
    migrate: placeDisks,
  },
  {
    // The slot controller was not there: nothing came, and the tables that the guest has know nothing of it.
    section: "device:pci-hot-plug",
    from: 0,
    migrate: () => new Uint8Array(5),
  },
];

const GEOMETRY_BYTES = 5;
const BOOT_IMAGE_BYTES = 16;

/** Each disk gets a place that means "by position", and their number comes first. */
function placeDisks(payload: Uint8Array): Uint8Array {
  const reader = new StateReader(payload);
  reader.u16();
  for (let count = 0; count < 3; count++) reader.u8();
  for (let reasons = reader.u8(); reasons > 0; reasons--) reader.string();
  if (reader.bool()) for (let count = 0; count < BOOT_IMAGE_BYTES; count++) reader.u8();
  const disks = new StateWriter();
  let count = 0;
  for (; !reader.atEnd; count++) disks.string("").u16(reader.u16()).u16(reader.u16()).u8(reader.u8());
  const before = payload.subarray(0, payload.length - count * GEOMETRY_BYTES);
  return Uint8Array.from([...before, count, ...disks.finish()]);
}
