import { describe, expect, test } from "vitest";
import { bootGuest } from "./bootGuest.ts";
import { debianFile, grubIso, guestsUnavailable, installerKernel, isolinuxIso, thorough } from "./debianGuests.ts";

/** The Debian 12 installer for i386: a whole Linux, from each kind of loader to programs of its own. */
const unavailable = guestsUnavailable();
const note = unavailable === undefined ? "" : `: ${unavailable}`;
const MINUTE = 60_000;
/** The kernel's self-tests of ciphers take long and tell nothing here. */
const quick = "cryptomgr.notests";
const serial = `console=ttyS0 ${quick}`;

describe.skipIf(unavailable !== undefined)(`Debian installer${note}`, () => {
  test.runIf(thorough)(
    "started directly, asks for the language on the serial line and listens",
    { timeout: 8 * MINUTE },
    async () => {
      using guest = await bootGuest({ ...installerKernel("i386"), commandLine: serial, memoryMiB: 512 });
      await guest.waitForSerial(/Linux version 6\.1\./, MINUTE);
      await guest.waitForSerial(/Run \/init as init process/, 3 * MINUTE);
      await guest.waitForSerial(/Select a language[\s\S]*English/, 4 * MINUTE);
      const before = guest.serial.length;
      guest.machine.sendSerial(0, new TextEncoder().encode("\r"));
      await guest.waitFor(
        "the next question",
        () => /Select your location[\s\S]*United States/.test(guest.serial.slice(before)),
        2 * MINUTE,
      );
      expect(guest.serial).not.toMatch(/Oops|BUG:|Call Trace|segfault/);
    },
  );

  test("started directly, paints its dialog on the screen", { timeout: 8 * MINUTE }, async () => {
    using guest = await bootGuest({ ...installerKernel("i386"), commandLine: quick, memoryMiB: 512 });
    const mode = () => guest.machine.display.render(true)?.mode;
    await guest.waitFor("a frame buffer", () => mode() === "graphics", 4 * MINUTE);
    await guest.waitFor("a grey dialog on blue", () => showsDialog(guest.picture().pixels), 4 * MINUTE);
    guest.screenshot("debian-installer");
  });

  // Under SeaBIOS it is ISOLINUX too.
  for (const [name, makeIso, always] of [
    ["ISOLINUX", isolinuxIso, thorough],
    ["GRUB", grubIso, true],
  ] as const) {
    test.runIf(always)(`from a CD through ${name} to /init`, { timeout: 6 * MINUTE }, async () => {
      using guest = await bootGuest({ cdrom: makeIso(serial), memoryMiB: 512 });
      await guest.waitForSerial(/Run \/init as init process/, 5 * MINUTE);
    });
  }

  test("from a CD under SeaBIOS to /init", { timeout: 6 * MINUTE }, async () => {
    using guest = await bootGuest({
      cdrom: isolinuxIso(serial),
      firmware: debianFile("seabios", "usr/share/seabios/bios-256k.bin"),
      memoryMiB: 512,
    });
    await guest.waitForSerial(/SMBIOS|DMI: /, 3 * MINUTE);
    await guest.waitForSerial(/Run \/init as init process/, 5 * MINUTE);
  });
});

/** The installer's colours, those of the VGA: its window is grey, what is around it blue. */
function showsDialog(pixels: Uint32Array): boolean {
  const share = (colour: number) => pixels.filter((pixel) => (pixel & 0xffffff) === colour).length / pixels.length;
  return share(0xaa0000) > 0.15 && share(0xaaaaaa) > 0.25;
}
