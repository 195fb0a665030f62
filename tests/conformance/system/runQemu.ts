/** The same guest under QEMU, for comparison: what it wrote to COM1, or undefined where this host has no such engine. */
import { execFileSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const QEMU = "qemu-system-x86_64";
const SECONDS_MAX = 60;

export type Accelerator = "tcg" | "kvm";

function isThere(accelerator: Accelerator): boolean {
  try {
    execFileSync(QEMU, ["-version"], { stdio: "ignore" });
    if (accelerator === "kvm") accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

export function runQemu(image: Uint8Array, accelerator: Accelerator): string | undefined {
  if (!isThere(accelerator)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "guesthouse-"));
  const [disk, serial] = [join(folder, "guest.img"), join(folder, "serial.txt")];
  writeFileSync(disk, image);
  const options = ["-accel", accelerator, "-cpu", accelerator === "kvm" ? "host" : "max", "-m", "16", "-net", "none"];
  const devices = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-drive", `file=${disk},if=floppy,format=raw`];
  const rest = ["-boot", "a", "-display", "none", "-no-reboot", "-serial", `file:${serial}`];
  try {
    execFileSync(QEMU, [...options, ...devices, ...rest], { stdio: "ignore", timeout: SECONDS_MAX * 1000 });
  } catch {
    // The guest's own end is an exit status, too.
  }
  const written = readFileSync(serial, "latin1");
  rmSync(folder, { recursive: true });
  return written;
}
