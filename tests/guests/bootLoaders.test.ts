import { describe, expect, test } from "vitest";
import { bootGuest } from "./bootGuest.ts";
import { debianFile, guestsUnavailable } from "./debianGuests.ts";

/** GRUB's rescue media and iPXE under the built-in BIOS, worked with by keyboard. */
const unavailable = guestsUnavailable();
const MINUTE = 60_000;

const rescue = (name: string) => debianFile("grub-rescue-pc", `usr/lib/grub-rescue/grub-rescue-${name}`);
const grubMenu = /GNU GRUB +version 2[\s\S]*GNU\/Linux[\s\S]*Memtest86\+/;

describe.skipIf(unavailable !== undefined)(`GRUB${unavailable === undefined ? "" : `: ${unavailable}`}`, () => {
  test("from the rescue floppy to its menu, which moves with the arrow keys", { timeout: 3 * MINUTE }, async () => {
    using guest = await bootGuest({ floppy: rescue("floppy.img") });
    await guest.waitForText(grubMenu, 2 * MINUTE);
    expect(guest.screen()).toMatch(/\*GNU\/Linux/);
    await guest.type("{down}");
    await guest.waitForText(/\* ?GNU \(aka GNU\/Hurd\)/);
    expect(guest.machine.activity().floppyRead).toBeGreaterThan(500_000);
  });

  test("from the rescue CD to its command line, where ls names the drives", { timeout: 3 * MINUTE }, async () => {
    using guest = await bootGuest({ cdrom: rescue("cdrom.iso") });
    await guest.waitForText(grubMenu, 2 * MINUTE);
    await guest.type("c");
    await guest.waitForText(/^grub>/m);
    await guest.type("ls\n");
    await guest.waitForText(/\(cd\)[^\n]*\(fd0\)/);
  });

  test("from the same image as a hard disk", { timeout: 3 * MINUTE }, async () => {
    using guest = await bootGuest({ disk: rescue("cdrom.iso") });
    await guest.waitForText(grubMenu, 2 * MINUTE);
    await guest.type("c");
    await guest.waitForText(/^grub>/m);
    await guest.type("ls\n");
    await guest.waitForText(/\(hd0\)[^\n]*\(hd0,msdos1\)/);
  });
});

describe.skipIf(unavailable !== undefined)(`iPXE${unavailable === undefined ? "" : `: ${unavailable}`}`, () => {
  test("as a kernel to its command line", { timeout: 4 * MINUTE }, async () => {
    using guest = await bootGuest({ kernel: debianFile("ipxe", "boot/ipxe.lkrn") });
    await toPrompt(guest);
    await guest.type("echo The answer is 42\n");
    await guest.waitForText(/^The answer is 42/m);
  });

  test("from its CD, through ISOLINUX, to its command line", { timeout: 4 * MINUTE }, async () => {
    using guest = await bootGuest({ cdrom: debianFile("ipxe", "usr/lib/ipxe/ipxe.iso") });
    await guest.waitForText(/ISOLINUX/, MINUTE);
    await toPrompt(guest);
    await guest.type("help\n");
    await guest.waitForText(/Available commands/);
  });
});

/** It listens for Ctrl-B for two seconds, twice. */
async function toPrompt(guest: Awaited<ReturnType<typeof bootGuest>>): Promise<void> {
  await guest.waitForText(/initialising devices\.\.\.ok|Press Ctrl-B|iPXE 1\.0/, 3 * MINUTE);
  for (let press = 0; press < 20 && !/^iPXE>/m.test(guest.screen()); press++) {
    await guest.type("{ctrl-b}");
    await guest.runFor(200);
  }
  await guest.waitForText(/^iPXE>/m);
}
