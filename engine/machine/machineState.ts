import { GuesthouseError } from "../base/GuesthouseError.ts";
import { StateReader } from "../base/StateReader.ts";
import { StateWriter } from "../base/StateWriter.ts";
import type { Device } from "../contracts/Device.ts";
import type { StateSection } from "../contracts/MachineStateParts.ts";
import { memoryPlan } from "../cpu/layout/memoryPlan.ts";
import { migrateSections } from "../snapshot/container/migrateSections.ts";
import type { Board } from "./board/Board.ts";
import { CPU_STATE_VERSION, readCpuState, saveCpuState } from "./cpuStateSection.ts";
import { PAGE_SECTION_VERSION, preparePages, savePages } from "./pageSection.ts";
import type { RunLoop } from "./RunLoop.ts";
import { stateMigrations } from "./stateMigrations.ts";
import type { VirtualClock } from "./VirtualClock.ts";

/**
 * A machine's state but for its RAM, as sections: "machine" (time), "cpu", "video-memory", "rom" (the guest keeps pointers into the ROM that
 * it started with), and "device:<id>" for each device of the board and of the firmware.
 * Requests of drives that are under way are part of the drives' sections and begin anew after a load: reading or writing the same
 * blocks twice does no harm. BIOS calls that wait begin anew in the same way.
 */
export interface StatefulParts {
  readonly board: Board;
  readonly firmwareDevices: readonly Device[];
  readonly clock: VirtualClock;
  readonly loop: RunLoop;
}

const MACHINE_VERSION = 1;
const LATEST_NS = 2 ** 53;

/** The machine must be between two turns; time stands still meanwhile. */
export function saveSections(parts: StatefulParts): StateSection[] {
  const { board, clock, loop } = parts;
  return clock.hold(() => {
    const machine = new StateWriter().f64(clock.nowNs()).f64(loop.instructionsPerNs);
    const devices = devicesOf(parts).map((device): StateSection => {
      const writer = new StateWriter();
      device.save(writer);
      return { id: sectionId(device), version: device.stateVersion, payload: writer.finish() };
    });
    return [
      { id: "machine", version: MACHINE_VERSION, payload: machine.finish() },
      { id: "cpu", version: CPU_STATE_VERSION, payload: saveCpuState(board.vcpu.getState()) },
      { id: "video-memory", version: PAGE_SECTION_VERSION, payload: savePages(videoMemory(board)) },
      { id: "rom", version: PAGE_SECTION_VERSION, payload: savePages(rom(board)) },
      ...devices,
    ];
  });
}

/**
 * Brings sections of older versions up to date. Throws GuesthouseError "state-section-missing", "state-section-unknown" or "state-version" unless these
 * are this machine's sections, or "state-..." for old ones that are damaged.
 */
export function acceptSections(parts: StatefulParts, sections: readonly StateSection[]): readonly StateSection[] {
  const present = new Map([
    ["machine", MACHINE_VERSION],
    ["cpu", CPU_STATE_VERSION],
    ["video-memory", PAGE_SECTION_VERSION],
    ["rom", PAGE_SECTION_VERSION],
    ...devicesOf(parts).map((device) => [sectionId(device), device.stateVersion] as const),
  ]);
  const left = new Set(present.keys());
  for (const { id } of sections) {
    if (left.delete(id)) continue;
    throw new GuesthouseError("state-section-unknown", `This machine has no place for the saved state of “${id}”.`, {
      section: id,
    });
  }
  const began = (id: string) => stateMigrations.some(({ section, from }) => section === id && from === 0);
  const added = [...left].filter(began).map((id): StateSection => ({ id, version: 0, payload: new Uint8Array() }));
  for (const { id } of added) left.delete(id);
  for (const id of left) {
    throw new GuesthouseError("state-section-missing", `The saved state of “${id}” is missing.`, { section: id });
  }
  return migrateSections([...sections, ...added], stateMigrations, present);
}

/** `sections` were accepted. Throws GuesthouseError for a damaged one; the machine must then be reset. RAM is there already. */
export function loadSections(parts: StatefulParts, sections: readonly StateSection[]): void {
  const { board, clock, loop } = parts;
  const payloads = new Map(sections.map(({ id, payload }) => [id, payload]));
  const machine = new StateReader(payloads.get("machine")!);
  const [nowNs, instructionsPerNs] = [machine.f64(), machine.f64()];
  machine.end();
  if (!(nowNs >= 0 && nowNs < LATEST_NS && instructionsPerNs > 0 && instructionsPerNs < 1000)) {
    throw new GuesthouseError("state-invalid", "The saved state is from no possible time.", { nowNs });
  }
  const cpu = readCpuState(payloads.get("cpu")!);
  const takeMemory = [
    preparePages(payloads.get("video-memory")!, videoMemory(board)),
    preparePages(payloads.get("rom")!, rom(board)),
  ];
  clock.setNowNs(nowNs);
  loop.instructionsPerNs = instructionsPerNs;
  for (const take of takeMemory) take();
  for (const device of devicesOf(parts)) {
    const reader = new StateReader(payloads.get(sectionId(device))!);
    device.load(reader);
    reader.end();
  }
  board.vcpu.setState(cpu);
  board.forgetCode();
}

function devicesOf({ board, firmwareDevices }: StatefulParts): readonly Device[] {
  // The interrupt controllers stay last: lines that move while others load leave no edge behind.
  return [...firmwareDevices, ...board.devices];
}

const sectionId = (device: Device): string => `device:${device.id}`;

function videoMemory(board: Board): Uint8Array {
  const start = memoryPlan.videoMemory;
  return board.map.bytes.subarray(start, start + memoryPlan.videoMemoryBytes);
}

function rom(board: Board): Uint8Array {
  return board.map.bytes.subarray(memoryPlan.rom, memoryPlan.rom + memoryPlan.romBytes);
}
