import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { GdbServer } from "../../engine/host/gdb/GdbServer.ts";
import { symbolElf } from "../fixtures/symbolElf.ts";
import { bootGuest, type Guest } from "./bootGuest.ts";
import { guestsUnavailable, installerKernel } from "./debianGuests.ts";
import { GdbProcess, gdbUnavailable } from "./GdbProcess.ts";

/** Debian's gdb attaches to a machine with Debian's kernel in it, from its first instruction on and while it runs. */
const unavailable = guestsUnavailable() ?? gdbUnavailable();
const note = unavailable === undefined ? "" : `: ${unavailable}`;
const MINUTE = 60_000;

async function withGdb(guest: Guest, work: (gdb: GdbProcess) => Promise<void>, architecture?: "i386"): Promise<void> {
  const server = await GdbServer.listen(0, {
    target: guest.machine.debug,
    kill: () => guest.powerOff(),
    ...(architecture === undefined ? {} : { architecture }),
  });
  try {
    using gdb = new GdbProcess(server.port);
    await work(gdb);
  } finally {
    server.close();
  }
}

/** The kernel's own list of some functions. */
async function kernelSymbols(guest: Guest, names: readonly string[]): Promise<Map<string, bigint>> {
  const before = guest.serial.length;
  const typed = `mkdir -p /proc; mount -t proc proc /proc; grep -E ' (${names.join("|")})$' /proc/kallsyms; echo end of list\n`;
  guest.machine.sendSerial(0, new TextEncoder().encode(typed));
  await guest.waitFor("the kernel's symbols", () => /^end of list/m.test(guest.serial.slice(before)), 2 * MINUTE);
  const lines = guest.serial.slice(before).matchAll(/^([0-9a-f]{8,16}) \w (\w+)/gm);
  return new Map([...lines].map((match) => [match[2]!, BigInt(`0x${match[1]}`)]));
}

describe.skipIf(unavailable !== undefined)(`gdb${note}`, () => {
  test("breaks in a 64-bit kernel by name, steps, reads, interrupts and leaves", { timeout: 8 * MINUTE }, async () => {
    using guest = await bootGuest({
      ...installerKernel("amd64"),
      commandLine: "console=ttyS0 cryptomgr.notests nokaslr rdinit=/bin/sh",
      memoryMiB: 512,
    });
    await guest.waitForSerial(/Run \/bin\/sh as init process[\s\S]*~ # /, 5 * MINUTE);
    const symbols = await kernelSymbols(guest, ["_text", "_etext", "__x64_sys_newuname", "linux_banner", "jiffies_64"]);
    const [text, end] = [symbols.get("_text")!, symbols.get("_etext")!];
    const folder = mkdtempSync(join(tmpdir(), "guesthouse-gdb-"));
    const file = join(folder, "kernel.symbols");
    const functions = [...symbols].map(([name, address]) => ({ name, address }));
    writeFileSync(file, symbolElf(functions, text, end - text));
    guest.machine.sendSerial(0, new TextEncoder().encode("while true; do uname -r; sleep 1; done\n"));
    try {
      await withGdb(guest, async (gdb) => {
        await gdb.ask(`symbol-file ${file}`);
        expect(guest.machine.debug.state).toBe("paused");
        expect(await gdb.ask("x/s linux_banner")).toContain("Linux version 6.1");
        expect(await gdb.ask("break __x64_sys_newuname", "continue")).toMatch(/Breakpoint 1, .*__x64_sys_newuname/);
        const registers = await gdb.ask("info registers");
        expect(registers).toMatch(/^cs +0x10 /m);
        expect(BigInt(/^rip +(0x\w+)/m.exec(registers)?.[1] ?? 0)).toBe(symbols.get("__x64_sys_newuname"));
        expect(registers).toMatch(/^efer +0x(d|5)01/m);
        expect(await gdb.ask("stepi", "stepi", "x/i $pc")).toMatch(/=> 0x\w+ <__x64_sys_newuname\+\d+>:\s+\w+/);
        expect(await gdb.ask("continue", "backtrace 1")).toMatch(/#0 .*__x64_sys_newuname/);
        // The return address is read by whoever returns, the clock's ticks are written by its interrupt.
        const returned = await gdb.ask("delete", 'eval "rwatch *(long *) 0x%lx", $rsp', "continue");
        expect(returned).toMatch(/Hardware read watchpoint 2: [\s\S]*Value = -\d+/);
        const ticked = await gdb.ask(
          "delete",
          `watch *(long *) 0x${symbols.get("jiffies_64")?.toString(16)}`,
          "continue",
        );
        expect(ticked).toMatch(/Hardware watchpoint 3: [\s\S]*Old value = \d+\s+New value = \d+/);
        const interrupted = await gdb.interrupt(1500, "delete", "continue");
        expect(interrupted).toMatch(/received signal SIGINT/);
        await gdb.ask("detach");
      });
      expect(guest.machine.debug.state).toBe("running");
      const before = guest.serial.length;
      await guest.waitFor("the guest's going on", () => /6\.1\.\d/.test(guest.serial.slice(before)), MINUTE);
      expect(guest.serial).not.toMatch(/Oops|BUG:|Call Trace|segfault|invalid opcode/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("meets a 32-bit kernel at its entry", { timeout: 4 * MINUTE }, async () => {
    using guest = await bootGuest({
      ...installerKernel("i386"),
      commandLine: "console=ttyS0 nokaslr rdinit=/bin/sh",
      memoryMiB: 256,
    });
    guest.machine.pause();
    await withGdb(
      guest,
      async (gdb) => {
        expect(await gdb.ask("info registers cs eip")).toMatch(/cs +0xf000[\s\S]*eip +0xfff0/);
        // The protected-mode entry of a bzImage.
        expect(await gdb.ask("hbreak *0x100000", "continue")).toMatch(/Breakpoint 1, 0x00100000/);
        expect(await gdb.ask("x/i $pc", "info registers cr0")).toMatch(/=> 0x100000:\s+\w+[\s\S]*cr0 +0x\w*1\b/);
        // The boot parameters' signature, by way of the register that points to them.
        expect(await gdb.ask("x/1wx $esi + 0x202")).toMatch(/0x53726448/);
        await gdb.ask("set var $eax = 0x12345678", "delete", "set {int}0x600 = 0x11223344");
        expect(await gdb.ask("p/x $eax", "x/1wx 0x600")).toMatch(/0x12345678[\s\S]*0x11223344/);
        await gdb.ask("kill");
      },
      "i386",
    );
    expect(guest.stop).toEqual({ kind: "poweredOff" });
  });
});
