import { expect, test } from "vitest";
import { bootGuest } from "./bootGuest.ts";
import { debianFile, guestsUnavailable } from "./debianGuests.ts";

/** Debian's U-Boot for QEMU's PC, as the ROM: firmware that shares nothing with ours. Its console is the serial line. */
const unavailable = guestsUnavailable();
const note = unavailable === undefined ? "" : `: ${unavailable}`;
const MINUTE = 60_000;

test.skipIf(unavailable !== undefined)(`U-Boot comes to its prompt${note}`, { timeout: 4 * MINUTE }, async () => {
  const rom = debianFile("u-boot-qemu", "usr/lib/u-boot/qemu-x86/u-boot.rom");
  using guest = await bootGuest({ firmware: rom, memoryMiB: 256 });
  await guest.waitForSerial(/Hit any key to stop autoboot/, 2 * MINUTE);
  const type = (text: string) => guest.machine.sendSerial(0, new TextEncoder().encode(text));
  type(" ");
  await guest.waitForSerial(/^=> $/m, MINUTE);
  type("version\r");
  await guest.waitForSerial(/=> version\s+U-Boot 20\d\d/, MINUTE);
  type("md.l 0 4\r");
  await guest.waitForSerial(/00000000: [0-9a-f]{8} [0-9a-f]{8}/, MINUTE);
  expect(guest.stop).toBeUndefined();
});
