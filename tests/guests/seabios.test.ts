import { expect, test } from "vitest";
import { bootGuest } from "./bootGuest.ts";
import { debianFile, guestsUnavailable } from "./debianGuests.ts";

/** Debian's SeaBIOS in place of the built-in BIOS: it finds the machine through fw_cfg and shows itself through our video BIOS. */
const unavailable = guestsUnavailable();
const MINUTE = 60_000;
const seabios = () => debianFile("seabios", "usr/share/seabios/bios-256k.bin");
const rescue = (name: string) => debianFile("grub-rescue-pc", `usr/lib/grub-rescue/grub-rescue-${name}`);
const grubMenu = /GNU GRUB +version 2[\s\S]*GNU\/Linux[\s\S]*Memtest86\+/;

const guestTest = test.skipIf(unavailable !== undefined);
const note = unavailable === undefined ? "" : `: ${unavailable}`;

for (const [drive, image] of [
  ["floppy", "floppy.img"],
  ["cdrom", "cdrom.iso"],
  ["disk", "cdrom.iso"],
] as const) {
  guestTest(`SeaBIOS starts GRUB from ${drive}${note}`, { timeout: 3 * MINUTE }, async () => {
    using guest = await bootGuest({ firmware: seabios(), [drive]: rescue(image) });
    await guest.waitForText(grubMenu, 2 * MINUTE);
    await guest.type("c");
    await guest.waitForText(/^grub>/m);
    await guest.type("ls\n");
    await guest.waitForText({ floppy: /\(fd0\)/, cdrom: /\(cd\)/, disk: /\(hd0\)/ }[drive]);
  });
}

guestTest(`SeaBIOS says that nothing is bootable${note}`, { timeout: 2 * MINUTE }, async () => {
  using guest = await bootGuest({ firmware: seabios(), memoryMiB: 64 });
  await guest.waitForText(/SeaBIOS \(version 1\./, MINUTE);
  await guest.waitForText(/No bootable device/, MINUTE);
  expect(guest.stop).toBeUndefined();
});
