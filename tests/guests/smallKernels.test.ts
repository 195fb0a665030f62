import { describe, expect, test } from "vitest";
import { bootGuest } from "./bootGuest.ts";
import { debianFile, guestsUnavailable } from "./debianGuests.ts";

/** Kernels started directly by the built-in BIOS: memtest86+, a multiboot game and the specification's example. */
const unavailable = guestsUnavailable();
const note = unavailable === undefined ? "" : `: ${unavailable}`;
const MINUTE = 60_000;

describe.skipIf(unavailable !== undefined)(`memtest86+${note}`, () => {
  test.each(["ia32", "x64"])(
    "for %s measures the memory, gets on with its tests and opens its settings",
    { timeout: 4 * MINUTE },
    async (kind) => {
      using guest = await bootGuest({ kernel: debianFile("memtest86+", `boot/memtest86+${kind}.bin`), memoryMiB: 64 });
      await guest.waitForText(/Memtest86\+ v6/, MINUTE);
      await guest.waitForText(/Memory +: +64MB/, MINUTE);
      await guest.waitForText(/Test #[1-9]/, 3 * MINUTE);
      expect(guest.screen()).toMatch(/Errors: +0/);
      await guest.type("{f1}");
      await guest.waitForText(/Settings|Configuration:|Test Selection/, MINUTE);
    },
  );

  test.each(["ia32", "x64"])("for %s starts from its disc", { timeout: 4 * MINUTE }, async (kind) => {
    using guest = await bootGuest({
      cdrom: debianFile("memtest86+", `usr/lib/memtest86+/memtest86+${kind}.iso`),
      memoryMiB: 64,
    });
    await guest.waitForText(/Memtest86\+ v6/, 2 * MINUTE);
    await guest.waitForText(/Memory +: +64MB/, MINUTE);
    await guest.waitForText(/Test #[1-9]/, 2 * MINUTE);
    expect(guest.screen()).toMatch(/Errors: +0/);
  });
});

describe.skipIf(unavailable !== undefined)(`multiboot kernels${note}`, () => {
  test("the specification's example prints what it was handed", { timeout: MINUTE }, async () => {
    using guest = await bootGuest({
      kernel: debianFile("multiboot", "usr/lib/multiboot/examples/kernel"),
      commandLine: "one two",
    });
    await guest.waitForText(/Halted\./, MINUTE);
    expect(guest.screen()).toMatch(/cmdline = one two/);
    expect(guest.screen()).toMatch(/mem_lower = 639KB, mem_upper = \d{6}KB/);
    expect(guest.screen()).toMatch(/base_addr = 0x0*100000, length = 0x0*[0-9a-f]{7}, type = 0x1/);
  });

  test("the same kernel has the graphics mode of its header when asked to", { timeout: MINUTE }, async () => {
    using guest = await bootGuest({
      kernel: debianFile("multiboot", "usr/lib/multiboot/examples/kernel"),
      commandLine: "vga=header",
    });
    await guest.waitFor("graphics", () => guest.machine.display.textScreen() === undefined, MINUTE);
    const { width, height } = guest.picture();
    expect([width, height]).toEqual([1024, 768]);
  });

  test("GRUB Invaders is played with the arrow keys", { timeout: 2 * MINUTE }, async () => {
    using guest = await bootGuest({ kernel: debianFile("grub-invaders", "boot/invaders.exec") });
    await guest.waitForText(/-\*-[\s\S]*\/ \\/, MINUTE);
    const column = () =>
      guest.screen().lastIndexOf("_") - guest.screen().lastIndexOf("\n", guest.screen().lastIndexOf("_"));
    const before = column();
    await guest.type("{left}");
    await guest.type("{left}");
    await guest.waitFor("the ship further left", () => column() < before, MINUTE);
    await guest.type(" ");
    await guest.waitForText(/\|/, MINUTE);
  });
});
