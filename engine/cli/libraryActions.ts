/** The commands on machines of the library: list, create, start, stop, remove. Each prints, and returns the exit status. */

import { resolve } from "node:path";
import type { HostClient } from "../api/HostClient.ts";
import type { HostProtocol } from "../api/hostProtocol.ts";
import { defaultMachineDraft, type MachineDraft } from "../api/MachineConfig.ts";
import { isLive } from "../api/MachineState.ts";
import type { MachineSummary } from "../api/MachineSummary.ts";
import { osTypes } from "../api/osTypes.ts";
import type { ParamsOf } from "../api/ProtocolSpec.ts";
import { MiB } from "../base/units.ts";
import { BadArguments } from "./BadArguments.ts";
import { exitStatus } from "./exitStatus.ts";
import { withHost } from "./HostAccess.ts";
import { newDiskFormat } from "./newDiskFormat.ts";
import { parseInterface } from "./RunOptions.ts";
import { readPassphraseOption } from "./readPassphrase.ts";
import { bySlot, unlocking } from "./unlocking.ts";

type NewDisk = ParamsOf<HostProtocol, "library.create">["newDisks"][number];

export interface CreateArguments {
  readonly type: string;
  readonly memory?: string;
  readonly newDisk?: string;
  readonly diskFormat: string;
  readonly diskSubformat?: string;
  readonly passphraseFile?: string;
  readonly disk: readonly string[];
  /** What its disks hang on. */
  readonly if?: string;
  readonly cdrom?: string;
  readonly floppy?: string;
  readonly json?: boolean;
}

export interface StartArguments {
  readonly disposable?: boolean;
  readonly passphraseFile?: string;
}

export async function listMachines({ json }: { json?: boolean }): Promise<number> {
  const { machines } = await withHost(false, (client) => client.call("library.list", {}));
  if (json === true) {
    console.log(JSON.stringify(machines));
  } else if (machines.length === 0) {
    console.log("No machines. Make one with: guesthouse create NAME");
  } else {
    const width = Math.max(...machines.map(({ name }) => name.length));
    for (const { id, name, state } of machines) {
      const why = "reason" in state ? ` (${state.reason})` : "";
      console.log(`${name.padEnd(width)}  ${id}  ${state.kind}${why}`);
    }
  }
  return exitStatus.done;
}

export async function createMachineFromArguments(name: string, given: CreateArguments): Promise<number> {
  const type = osTypes.find(({ id }) => id === given.type);
  if (type === undefined) {
    throw new BadArguments(`--type is one of ${osTypes.map(({ id }) => id).join(", ")}, not ${given.type}`);
  }
  const base = defaultMachineDraft(name);
  const on = parseInterface(given.if ?? "ide");
  const draft: MachineDraft = {
    ...base,
    osType: type.id,
    memoryMiB: given.memory === undefined ? type.memoryMiB : wholeNumber("--memory", given.memory),
    bootOrder: type.bootOrder,
    rtcUtc: type.rtcUtc,
    storage: {
      disks: given.disk.map((path) => ({ path: resolve(path), ...(on === "ide" ? {} : { interface: on }) })),
      opticals: [{ path: given.cdrom === undefined ? null : resolve(given.cdrom) }],
      floppies: [{ path: given.floppy === undefined ? null : resolve(given.floppy) }],
    },
  };
  const newDisks = given.newDisk === undefined ? [] : [await newDisk(given.newDisk, given)];
  const { machine } = await withHost(false, (client) => client.call("library.create", { draft, newDisks }));
  console.log(given.json === true ? JSON.stringify(machine) : `Created ${machine.name} (${machine.id})`);
  return exitStatus.done;
}

export async function addMachine(file: string, { json }: { json?: boolean }): Promise<number> {
  const path = resolve(file);
  const { machine } = await withHost(false, (client) => client.call("library.add", { path }));
  console.log(json === true ? JSON.stringify(machine) : `Added ${machine.name} (${machine.id})`);
  return exitStatus.done;
}

async function newDisk(sizeMiB: string, given: CreateArguments): Promise<NewDisk> {
  const format = newDiskFormat(given.diskFormat, given.diskSubformat);
  const passphrase = await readPassphraseOption(given.passphraseFile);
  return {
    sizeBytes: wholeNumber("--new-disk", sizeMiB) * MiB,
    format,
    ...(given.diskSubformat === undefined ? {} : { subformat: given.diskSubformat }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(given.if === undefined ? {} : { interface: parseInterface(given.if) }),
  };
}

export async function startMachine(nameOrId: string, given: StartArguments = {}): Promise<number> {
  const passphrase = await readPassphraseOption(given.passphraseFile);
  return await withHost(true, async (client) => {
    const { id, name } = await findMachine(client, nameOrId);
    const order = { id, disposable: given.disposable === true };
    await unlocking(passphrase, (known) => client.call("machine.start", { ...order, ...bySlot(known) }));
    console.log(`${name} runs.`);
    return exitStatus.done;
  });
}

export async function stopMachine(nameOrId: string, given: { force?: boolean; timeout: string }): Promise<number> {
  const seconds = wholeNumber("--timeout", given.timeout);
  return await withHost(false, async (client) => {
    const machine = await findMachine(client, nameOrId);
    const { id, name } = machine;
    if (!isLive(machine.state.kind)) {
      console.log(`${name} does not run.`);
      return exitStatus.done;
    }
    const stopped = whenStopped(client, id, seconds);
    await client.call(given.force === true ? "machine.powerOff" : "machine.powerButton", { id });
    if (await stopped) {
      console.log(`${name} is off.`);
      return exitStatus.done;
    }
    console.error(`${name} still runs after ${seconds} seconds; --force pulls the plug.`);
    return exitStatus.timeIsUp;
  });
}

/** GDB attaches by itself to what is printed. */
export async function debugMachine(nameOrId: string, given: { port: string; i386?: boolean }): Promise<number> {
  const wanted = wholeNumber("--port", given.port);
  if (wanted > 65535) throw new BadArguments(`--port is at most 65535, not ${wanted}`);
  return await withHost(false, async (client) => {
    const { id } = await findMachine(client, nameOrId);
    const architecture = given.i386 === true ? "i386" : null;
    const { port } = await client.call("debug.listen", { id, port: wanted, architecture });
    console.log(`target remote 127.0.0.1:${port}`);
    return exitStatus.done;
  });
}

export async function removeMachine(nameOrId: string, { withFiles }: { withFiles?: boolean }): Promise<number> {
  return await withHost(false, async (client) => {
    const { id, name, folder } = await findMachine(client, nameOrId);
    await client.call("library.remove", { id, withFiles: withFiles === true });
    console.log(
      withFiles === true ? `${name} and its files are gone.` : `${name} is removed; its files stay in ${folder}`,
    );
    return exitStatus.done;
  });
}

/** True when the machine came to rest in time. */
function whenStopped(client: HostClient, id: string, seconds: number): Promise<boolean> {
  return new Promise((done) => {
    const timer = setTimeout(() => done(false), seconds * 1000);
    client.on("machine.state", (event) => {
      if (event.id !== id || isLive(event.state.kind)) return;
      clearTimeout(timer);
      done(true);
    });
  });
}

/** By id, by name, or by the beginning of an id that only one machine has. */
export async function findMachine(client: HostClient, nameOrId: string): Promise<MachineSummary> {
  const { machines } = await client.call("library.list", {});
  const exact = machines.find(({ id, name }) => id === nameOrId || name === nameOrId);
  const close = machines.filter(
    ({ id, name }) => id.startsWith(nameOrId) || name.toLocaleLowerCase() === nameOrId.toLocaleLowerCase(),
  );
  const found = exact ?? (close.length === 1 ? close[0] : undefined);
  if (found !== undefined) return found;
  const many = close.length > 1 ? `${close.length} machines are called` : "There is no machine called";
  throw new BadArguments(`${many} “${nameOrId}”; see guesthouse list`);
}

export function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new BadArguments(`${option} takes a whole number, not ${text}`);
  return Number(text);
}
