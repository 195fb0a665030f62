import { describe, expect, test } from "vitest";
import { bootGuest, type Guest } from "./bootGuest.ts";
import {
  debianRootDisk,
  grubIso,
  guestsUnavailable,
  installerKernel,
  rootDiskUnavailable,
  thorough,
} from "./debianGuests.ts";

/** 64-bit systems, unmodified: Debian 12's installer and an installed Debian with systemd. */
const unavailable = guestsUnavailable();
const note = unavailable === undefined ? "" : `: ${unavailable}`;
const MINUTE = 60_000;
const serial = "console=ttyS0 cryptomgr.notests";
const trouble = /Oops|BUG:|Call Trace|segfault|invalid opcode/;

function typeSerial(guest: Guest, text: string): void {
  guest.machine.sendSerial(0, new TextEncoder().encode(text));
}

/** Waits for `pattern` in what comes on the serial line from now on. */
async function answer(guest: Guest, typed: string, pattern: RegExp, timeoutMs: number): Promise<void> {
  const before = guest.serial.length;
  typeSerial(guest, typed);
  await guest.waitFor(`${pattern} on COM1`, () => pattern.test(guest.serial.slice(before)), timeoutMs);
}

describe.skipIf(unavailable !== undefined)(`Debian for amd64${note}`, () => {
  for (const cpuLevel of ["v1", "v2", "v3"] as const) {
    const run = thorough || cpuLevel !== "v2";
    test.runIf(run)(`has a working shell on a processor of level ${cpuLevel}`, { timeout: 8 * MINUTE }, async () => {
      using guest = await bootGuest({
        ...installerKernel("amd64"),
        commandLine: `${serial} rdinit=/bin/sh`,
        memoryMiB: 512,
        cpuLevel,
      });
      await guest.waitForSerial(/Run \/bin\/sh as init process[\s\S]*~ # /, 6 * MINUTE);
      await answer(guest, "echo $((6*7)) $(uname -m); ls / | sort | md5sum\n", /42 x86_64\s+[0-9a-f]{32} /, MINUTE);
      expect(guest.serial).not.toMatch(trouble);
    });
  }

  test(`from a CD${thorough ? ", asks for the language and listens" : " to /init"}`, {
    timeout: 12 * MINUTE,
  }, async () => {
    // With less the installer asks about low memory first.
    using guest = await bootGuest({ cdrom: grubIso(serial, "amd64"), memoryMiB: 1024 });
    await guest.waitForSerial(/Run \/init as init process/, 5 * MINUTE);
    expect(guest.serial).not.toMatch(trouble);
    if (!thorough) return;
    await guest.waitForSerial(/Select a language[\s\S]*English/, 6 * MINUTE);
    await answer(guest, "\r", /Select your location[\s\S]*United States/, 2 * MINUTE);
    expect(guest.serial).not.toMatch(trouble);
  });

  const rootDisk = rootDiskUnavailable();
  const diskNote = rootDisk === undefined ? "" : `: ${rootDisk}`;
  test.skipIf(rootDisk !== undefined)(
    `installed on a disk, starts systemd and lets a user in${diskNote}`,
    { timeout: 15 * MINUTE },
    async () => {
      using guest = await bootGuest({
        ...debianRootDisk(),
        commandLine: "console=ttyS0 root=/dev/sda rw",
        memoryMiB: 512,
      });
      await guest.waitForSerial(/login: $/, 10 * MINUTE);
      await answer(guest, "root\n", /Password: $/, MINUTE);
      await answer(guest, "root\n", /root@\S+# /, 2 * MINUTE);
      await answer(guest, "systemctl is-system-running --wait\n", /^(running|degraded)\r?$/m, 2 * MINUTE);
      expect(guest.serial).not.toMatch(trouble);
    },
  );
});
