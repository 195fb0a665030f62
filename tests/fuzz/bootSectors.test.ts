import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MiB } from "../../engine/base/units.ts";
import { createMachine } from "../../engine/machine/createMachine.ts";
import type { MachineControl } from "../../engine/machine/MachineControl.ts";
import type { MachineStop } from "../../engine/machine/MachineOptions.ts";
import { openImage } from "../../engine/storage/openImage.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { buildCpu } from "../../resources/build/buildCpu.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

/**
 * Machines that start random boot sectors: whatever the bytes do, a guest may spin, halt, reset or fault three times over, but never
 * break the executor or leave an exception in the run loop. GUESTHOUSE_BOOT_SECTORS sets how many, for long runs.
 */
const SECTORS = Number(process.env.GUESTHOUSE_BOOT_SECTORS ?? 300);
const FLOPPY_BYTES = 1_474_560;
/** Each look at the clock costs the guest this much, which makes a slice a few turns. */
const CLOCK_STEP_NS = 1_000_000;
/** Slices of guest work after the sector has been entered. */
const SLICES = 4;
const MOST_ROUNDS = 3_000;

class CountingStore extends MemoryStore {
  reads = 0;

  override read(offset: number, target: Uint8Array): Promise<number> {
    this.reads++;
    return super.read(offset, target);
  }
}

/** A host whose time and event loop the test drives. */
class SteppedHost {
  #nowNs = 0;
  #ready: (() => void)[] = [];
  #delayed: { atNs: number; resume: () => void }[] = [];

  readonly services = {
    wallClock: { nowMs: () => 1_700_000_000_000 + this.#nowNs / 1e6 },
    steadyNowNs: () => {
      this.#nowNs += CLOCK_STEP_NS;
      return this.#nowNs;
    },
    yieldToHost: (resume: () => void) => void this.#ready.push(resume),
    delay: (milliseconds: number, resume: () => void) => {
      const entry = { atNs: this.#nowNs + milliseconds * 1e6, resume };
      this.#delayed.push(entry);
      return () => {
        this.#delayed = this.#delayed.filter((other) => other !== entry);
      };
    },
  };

  /** One round of the event loop; promises settle in between. */
  async round(): Promise<void> {
    const ready = this.#ready.splice(0);
    for (const resume of ready) resume();
    if (ready.length === 0) this.#skipToNextDelay();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #skipToNextDelay(): void {
    const next = this.#delayed.toSorted((a, b) => a.atNs - b.atNs)[0];
    if (!next) return;
    this.#delayed = this.#delayed.filter((other) => other !== next);
    this.#nowNs = Math.max(this.#nowNs, next.atNs);
    next.resume();
  }
}

/** Points the first 32 vectors at a handler that steps over one byte, so that execution gets on through invalid code. */
const steppingHandlers = [
  ...[0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x31, 0xff, 0xb9, 0x20, 0x00], // ds = es = 0, di = 0, cx = 32
  ...[0xb8, 0xf0, 0x7d, 0xab, 0x31, 0xc0, 0xab, 0xe2, 0xf7], // 0000:7DF0 in each
];
const stepOver = [0x55, 0x89, 0xe5, 0xff, 0x46, 0x02, 0x5d, 0xcf];
/** Enters flat 32-bit protected mode without interrupt gates. */
const protectedMode = [
  ...[0xfa, 0x0f, 0x01, 0x16, 0xb8, 0x7d, 0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0],
  ...[0xea, 0x13, 0x7c, 0x08, 0x00, 0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0],
];
const descriptorTable = [
  ...[0x17, 0x00, 0xc0, 0x7d, 0x00, 0x00, 0, 0],
  ...[0, 0, 0, 0, 0, 0, 0, 0],
  ...[0xff, 0xff, 0, 0, 0, 0x9a, 0xcf, 0],
  ...[0xff, 0xff, 0, 0, 0, 0x92, 0xcf, 0],
];

function randomSector(random: RandomValues): Uint8Array<ArrayBuffer> {
  const sector = random.bytes(512);
  switch (random.below(3)) {
    case 0:
      sector.set(steppingHandlers);
      sector.set(stepOver, 0x1f0);
      break;
    case 1:
      sector.set(protectedMode);
      sector.set(descriptorTable, 0x1b8);
  }
  sector.set([0x55, 0xaa], 510);
  return sector;
}

async function createFuzzMachine(host: SteppedHost): Promise<MachineControl> {
  const paths = await buildCpu();
  const unit = (name: "system" | "fpu") => new Uint8Array(readFileSync(paths[name]!));
  const random = new RandomValues(1);
  return createMachine({
    cpuUnits: { system: unit("system"), fpu: unit("fpu") },
    accel: "auto",
    memoryBytes: 4 * MiB,
    firmware: { kind: "builtin" },
    bootOrder: ["floppy"],
    disks: [],
    opticalDrives: [undefined],
    floppyDrives: [undefined],
    debugPorts: { console: true, exit: true },
    rtcUtc: true,
    entropy: { fill: (bytes) => bytes.set(random.bytes(bytes.length)) },
    ...host.services,
    log: () => {},
  });
}

test(`${SECTORS} random boot sectors harm only their machine`, { timeout: 60_000 + SECTORS * 1_000 }, async () => {
  const host = new SteppedHost();
  const machine = await createFuzzMachine(host);
  const random = new RandomValues(0x6057);
  const image = new Uint8Array(FLOPPY_BYTES);
  const ends = new Map<string, number>();
  let stop: MachineStop | undefined;
  machine.stopped.subscribe((reason) => {
    stop = reason;
  });
  for (let index = 0; index < SECTORS; index++) {
    image.set(randomSector(random));
    const store = new CountingStore(image);
    const medium = await openImage(store, { name: "sector", use: "floppy", readOnly: true });
    machine.floppyDrives[0]!.insert(medium, true);
    stop = undefined;
    store.reads = 0;
    machine.start();
    let rounds = 0;
    for (let left = SLICES; left > 0 && stop === undefined; ) {
      if (++rounds > MOST_ROUNDS) throw new Error(`sector ${index} was never read`);
      await host.round();
      if (store.reads > 0) left--;
    }
    const end = (stop as MachineStop | undefined) ?? { kind: "running" as const };
    if (end.kind === "failure") throw new Error(`sector ${index} broke the executor`, { cause: end.error });
    ends.set(end.kind, (ends.get(end.kind) ?? 0) + 1);
    machine.powerOff();
  }
  // Some must have got somewhere, or the sectors were not executed at all.
  expect(ends.get("tripleFault")).toBeGreaterThan(0);
  expect(ends.get("running")).toBeGreaterThan(0);
});
