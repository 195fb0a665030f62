/**
 * The arguments of `guesthouse run`, parsed: the machine as a configuration, and what to do with it when. Values are checked
 * here, before anything is opened.
 */
import { randomUUID } from "node:crypto";
import { checkMachineDraft, IDE_DEVICES_MAX } from "../api/checkMachineDraft.ts";
import { type KeyStroke, keysOfText } from "../api/keysOfText.ts";
import {
  type BootSource,
  type DiskConfig,
  type DiskInterface,
  defaultMachineDraft,
  MACHINE_CONFIG_VERSION,
  type MachineConfig,
} from "../api/MachineConfig.ts";
import { BadArguments } from "./BadArguments.ts";

/** As commander hands them over. */
export interface RunArguments {
  readonly memory: string;
  readonly accel: string;
  readonly cpu?: string;
  readonly firmware?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly cdrom?: string;
  readonly floppy?: string;
  readonly disk: readonly string[];
  readonly boot?: string;
  readonly serial: string;
  readonly until?: string;
  readonly keys: readonly string[];
  readonly screenshot: readonly string[];
  readonly timeout?: string;
  readonly saveState?: string;
  readonly loadState?: string;
  readonly debugExit?: boolean;
  readonly gdb?: string;
  readonly json?: boolean;
}

/** A GDB may attach. */
export interface GdbOptions {
  /** 0 is any free one. */
  readonly port: number;
  /** The guest waits for it. */
  readonly wait: boolean;
  readonly architecture: "i386" | undefined;
}

export interface RunOptions {
  readonly config: MachineConfig;
  /** Files with the passphrases of encrypted disks. */
  readonly passphraseFiles: readonly { readonly slot: number; readonly file: string }[];
  /** The first serial port is this process's standard input and output. */
  readonly serialOnStdio: boolean;
  readonly until: RegExp | undefined;
  readonly keys: readonly { readonly atSeconds: number; readonly strokes: readonly KeyStroke[] }[];
  /** `atSeconds` undefined is the end of the run. */
  readonly screenshots: readonly { readonly atSeconds: number | undefined; readonly path: string }[];
  readonly timeoutSeconds: number | undefined;
  /** Where the guest's state goes when the run ends before the guest does. */
  readonly saveState: string | undefined;
  /** The guest goes on from this state instead of starting. */
  readonly loadState: string | undefined;
  readonly debugExit: boolean;
  readonly gdb: GdbOptions | undefined;
  readonly json: boolean;
}

/** Throws BadArguments. */
export function parseRunOptions(given: RunArguments): RunOptions {
  if (given.accel !== "auto" && given.accel !== "interpreter") {
    throw new BadArguments(`--accel is auto or interpreter, not ${given.accel}`);
  }
  if (given.kernel === undefined && (given.initrd !== undefined || given.append !== undefined)) {
    throw new BadArguments("--initrd and --append need --kernel");
  }
  const until = given.until === undefined ? undefined : parsePattern(given.until);
  const debugExit = given.debugExit === true;
  const disks = given.disk.map(parseDisk);
  const debugPorts = { console: debugExit || until !== undefined, exit: debugExit };
  return {
    config: machineOf(
      given,
      disks.map(({ disk }) => disk),
      given.accel,
      parseCpuLevel(given.cpu),
      debugPorts,
    ),
    passphraseFiles: disks.flatMap(({ passphraseFile: file }, slot) => (file === undefined ? [] : [{ slot, file }])),
    serialOnStdio: given.serial === "stdio",
    until,
    keys: given.keys.map(parseKeys),
    screenshots: given.screenshot.map(parseScreenshot),
    timeoutSeconds: given.timeout === undefined ? undefined : parseSeconds("--timeout", given.timeout),
    saveState: given.saveState,
    loadState: given.loadState,
    debugExit,
    gdb: given.gdb === undefined ? undefined : parseGdb(given.gdb),
    json: given.json === true,
  };
}

function machineOf(
  given: RunArguments,
  disks: DiskConfig[],
  accel: MachineConfig["accel"],
  cpuLevel: MachineConfig["cpuLevel"],
  debugPorts: MachineConfig["debugPorts"],
): MachineConfig {
  const draft = defaultMachineDraft("run");
  const opticalFits = disks.filter((disk) => (disk.interface ?? "ide") === "ide").length < IDE_DEVICES_MAX;
  const config: MachineConfig = {
    ...draft,
    version: MACHINE_CONFIG_VERSION,
    id: randomUUID(),
    accel,
    cpuLevel,
    memoryMiB: parseNumber("--memory", given.memory),
    firmware:
      given.firmware === undefined || given.firmware === "builtin"
        ? { kind: "builtin" }
        : { kind: "rom", path: given.firmware },
    bootOrder: given.boot === undefined ? bootOrderOf(given) : parseBootOrder(given.boot),
    storage: {
      disks,
      opticals: given.cdrom !== undefined || opticalFits ? [{ path: given.cdrom ?? null }] : [],
      floppies: [{ path: given.floppy ?? null }],
    },
    directBoot:
      given.kernel === undefined
        ? null
        : { kernel: given.kernel, initrd: given.initrd ?? null, commandLine: given.append ?? "" },
    serial: [parseSerial(given.serial)],
    debugPorts,
  };
  const issue = checkMachineDraft(config)[0];
  if (issue !== undefined) throw new BadArguments(issue.message);
  return config;
}

const interfaceWords: Readonly<Record<string, DiskInterface>> = {
  ide: "ide",
  ahci: "ahci",
  virtio: "virtio-blk",
  "virtio-blk": "virtio-blk",
  "virtio-scsi": "virtio-scsi",
  scsi: "virtio-scsi",
  nvme: "nvme",
};
const diskOptions = /,(if|format|snapshot|serial|ssd|removable|passphrase-file)=([^,]*)$/;

/** "FILE,if=nvme,format=qcow2,snapshot=on": options are taken from the end, so that a file's name may have commas. */
function parseDisk(text: string): { disk: DiskConfig; passphraseFile: string | undefined } {
  let path = text;
  const given = new Map<string, string>();
  for (let match = diskOptions.exec(path); match !== null; match = diskOptions.exec(path)) {
    if (!given.has(match[1]!)) given.set(match[1]!, match[2]!);
    path = path.slice(0, match.index);
  }
  if (path === "") throw new BadArguments("--disk needs a file");
  const word = given.get("if");
  const kind = word === undefined ? undefined : parseInterface(word);
  const known = parseKnownFormat(given.get("format"));
  const serial = given.get("serial");
  const disk: DiskConfig = {
    path,
    ...(kind === undefined ? {} : { interface: kind }),
    ...(known === undefined ? {} : { format: known }),
    ...(serial === undefined ? {} : { serial }),
    ...(isOn(given, "snapshot") ? { kind: "immutable" } : {}),
    ...(isOn(given, "ssd") ? { solidState: true } : {}),
    ...(isOn(given, "removable") ? { removable: true } : {}),
  };
  return { disk, passphraseFile: given.get("passphrase-file") };
}

/** Throws BadArguments. */
export function parseInterface(word: string): DiskInterface {
  const kind = Object.hasOwn(interfaceWords, word) ? interfaceWords[word] : undefined;
  if (kind === undefined) {
    throw new BadArguments(`A disk's interface is ide, ahci, virtio, virtio-scsi or nvme, not ${word}`);
  }
  return kind;
}

/** Throws BadArguments. */
export function parseKnownFormat(format: string | undefined): DiskConfig["format"] | undefined {
  const known = diskFormatIds.find((id) => id === format);
  if (format !== undefined && known === undefined) {
    throw new BadArguments(`A disk's format is one of ${diskFormatIds.join(", ")}, not ${format}`);
  }
  return known;
}

const diskFormatIds = ["raw", "qcow", "qcow2", "vdi", "vmdk", "vhd", "vhdx"] as const;

function isOn(given: ReadonlyMap<string, string>, option: string): boolean {
  const word = given.get(option) ?? "off";
  if (word !== "on" && word !== "off") throw new BadArguments(`${option}= is on or off, not ${word}`);
  return word === "on";
}

/** Without --boot: what was given, most removable first. */
function bootOrderOf(given: RunArguments): BootSource[] {
  const order: BootSource[] = [];
  if (given.floppy !== undefined) order.push("floppy");
  if (given.cdrom !== undefined) order.push("cdrom");
  if (given.disk.length > 0) order.push("disk");
  return order.length > 0 ? order : defaultMachineDraft("run").bootOrder;
}

function parseBootOrder(text: string): BootSource[] {
  return text.split(",").map((word) => {
    if (word === "cdrom" || word === "floppy" || word === "disk") return word;
    throw new BadArguments(`--boot lists cdrom, floppy and disk, not ${word}`);
  });
}

function parseCpuLevel(text: string | undefined): MachineConfig["cpuLevel"] {
  if (text === undefined) return "host";
  if (text === "v1" || text === "v2" || text === "v3" || text === "host") return text;
  throw new BadArguments(`--cpu is v1, v2, v3 or host, not ${text}`);
}

function parseSerial(text: string): MachineConfig["serial"][number] {
  if (text === "stdio") return { kind: "terminal" };
  if (text === "none") return { kind: "none" };
  if (text.startsWith("file:") && text.length > 5) return { kind: "file", path: text.slice(5) };
  throw new BadArguments(`--serial is stdio, file:NAME or none, not ${text}`);
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, "m");
  } catch (error) {
    throw new BadArguments(`--until is no regular expression: ${error instanceof Error ? error.message : text}`);
  }
}

/** PORT and then, after commas, "wait" and "i386". */
function parseGdb(text: string): GdbOptions {
  const [port = "", ...words] = text.split(",");
  const known = words.every((word) => word === "wait" || word === "i386");
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535 || !known) {
    throw new BadArguments(`--gdb takes PORT[,wait][,i386], not ${text}`);
  }
  return {
    port: Number(port),
    wait: words.includes("wait"),
    architecture: words.includes("i386") ? "i386" : undefined,
  };
}

function parseNumber(option: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new BadArguments(`${option} takes a number, not ${text}`);
  return Number(text);
}

/** Timers hold 31 bits of milliseconds. */
const SECONDS_MAX = 2_000_000;

function parseSeconds(option: string, text: string): number {
  const seconds = parseNumber(option, text);
  if (seconds > SECONDS_MAX) throw new BadArguments(`${option} takes at most ${SECONDS_MAX} seconds`);
  return seconds;
}

function parseKeys(text: string): RunOptions["keys"][number] {
  const at = text.lastIndexOf("@");
  if (at < 0) throw new BadArguments(`--keys takes "text@SECONDS", not ${text}`);
  const atSeconds = parseSeconds("--keys", text.slice(at + 1));
  try {
    return { atSeconds, strokes: keysOfText(text.slice(0, at)) };
  } catch (error) {
    throw new BadArguments(`--keys: ${error instanceof Error ? error.message : text}`);
  }
}

function parseScreenshot(text: string): RunOptions["screenshots"][number] {
  const match = /^(.+)@(\d+(?:\.\d+)?)$/.exec(text);
  if (match === null) return { path: text, atSeconds: undefined };
  return { path: match[1]!, atSeconds: parseSeconds("--screenshot", match[2]!) };
}
