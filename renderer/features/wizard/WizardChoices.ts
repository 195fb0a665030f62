/**
 * The choices of the New machine page and what follows from them, without the page: defaults per system, guesses from an image,
 * the configuration that will be made, and what still stands in the way. What the user set by hand is never overwritten by a guess.
 */
import { checkMachineDraft, type DraftIssue } from "../../../engine/api/checkMachineDraft.ts";
import type { HostProtocol } from "../../../engine/api/hostProtocol.ts";
import {
  type BootSource,
  type DiskInterface,
  defaultMachineDraft,
  type MachineDraft,
} from "../../../engine/api/MachineConfig.ts";
import type { OsType } from "../../../engine/api/OsType.ts";
import { osTypeById } from "../../../engine/api/osTypes.ts";
import type { ParamsOf } from "../../../engine/api/ProtocolSpec.ts";
import type { DiskPassphrases } from "../../state/passphrases.ts";
import { type DiskFormatChoice, defaultDiskFormat } from "../media/diskFormats.ts";
import {
  canBeEncrypted,
  type Encryption,
  encryptionProblem,
  newPassphrase,
  notEncrypted,
} from "../media/encryption.ts";
import { guessFromImage } from "./guessFromImage.ts";

export type BootMedium = "optical" | "floppy" | "kernel" | "builtin" | "none";
export type DiskChoice = "new" | "existing" | "none";
export type SerialChoice = "terminal" | "none";

export interface WizardChoices {
  name: string;
  osType: string;
  bootMedium: BootMedium;
  /** The ISO or floppy image. */
  imagePath: string;
  kernelPath: string;
  initrdPath: string;
  commandLine: string;
  memoryMiB: number;
  disk: DiskChoice;
  diskMiB: number;
  diskFormat: DiskFormatChoice;
  encryption: Encryption;
  diskPath: string;
  /** Of the new or existing disk. */
  diskInterface: DiskInterface;
  bootOrder: readonly BootSource[];
  firmwarePath: string;
  serial: SerialChoice;
  debugPorts: MachineDraft["debugPorts"];
  /** What was set by hand and is not to be guessed over. */
  touched: readonly ("name" | "osType" | "memoryMiB" | "disk" | "bootOrder")[];
}

export const DISK_MIB_MIN = 1;
export const DISK_MIB_MAX = 2 * 1024 * 1024;

export function initialChoices(): WizardChoices {
  const osType = osTypeById("debian64");
  return {
    name: "",
    osType: osType.id,
    bootMedium: "optical",
    imagePath: "",
    kernelPath: "",
    initrdPath: "",
    commandLine: "console=ttyS0 console=tty0",
    memoryMiB: osType.memoryMiB,
    disk: "new",
    diskMiB: osType.diskMiB,
    diskFormat: defaultDiskFormat,
    encryption: notEncrypted,
    diskPath: "",
    diskInterface: "ide",
    bootOrder: osType.bootOrder,
    firmwarePath: "",
    serial: "terminal",
    debugPorts: { console: false, exit: false },
    touched: [],
  };
}

type Touchable = WizardChoices["touched"][number];

/** Marks choices as made by hand. */
export function touch(choices: WizardChoices, change: Partial<WizardChoices>, ...what: Touchable[]): WizardChoices {
  return { ...choices, ...change, touched: [...new Set([...choices.touched, ...what])] };
}

/** Takes a system's defaults for everything not set by hand. */
export function withSystem(choices: WizardChoices, osType: OsType): WizardChoices {
  const free = (what: Touchable) => !choices.touched.includes(what);
  return {
    ...choices,
    osType: osType.id,
    ...(free("memoryMiB") ? { memoryMiB: osType.memoryMiB } : {}),
    ...(free("disk") ? { disk: osType.diskMiB > 0 ? "new" : "none", diskMiB: osType.diskMiB || choices.diskMiB } : {}),
    ...(free("bootOrder") ? { bootOrder: osType.bootOrder } : {}),
  };
}

/** Takes an image and what its name gives away. */
export function withImage(choices: WizardChoices, imagePath: string): WizardChoices {
  const guess = guessFromImage(imagePath);
  const named = choices.touched.includes("name") ? choices : { ...choices, name: guess.name };
  if (guess.osType === undefined || choices.touched.includes("osType")) return { ...named, imagePath };
  return { ...withSystem(named, guess.osType), imagePath };
}

type NewDisk = ParamsOf<HostProtocol, "library.create">["newDisks"][number];

/** An attribute at its default is left out. */
function onController({ diskInterface }: WizardChoices): { interface?: DiskInterface } {
  return diskInterface === "ide" ? {} : { interface: diskInterface };
}

export function newDisks(choices: WizardChoices): NewDisk[] {
  const { disk, diskMiB, diskFormat, encryption } = choices;
  if (disk !== "new") return [];
  const sizeBytes = diskMiB * 1024 * 1024;
  return [{ sizeBytes, ...diskFormat, ...newPassphrase(diskFormat.format, encryption), ...onController(choices) }];
}

/** Of the new disk, so that the first start need not ask for what was typed a moment ago. */
export function knownPassphrases(choices: WizardChoices): DiskPassphrases {
  return newDisks(choices).flatMap(({ passphrase }, slot) => (passphrase === undefined ? [] : [{ slot, passphrase }]));
}

/** The medium that the user put in comes first, whatever the system's usual order. */
function bootOrderOf(choices: WizardChoices): BootSource[] {
  const order = [...choices.bootOrder];
  if (choices.touched.includes("bootOrder")) return order;
  const first: BootSource | undefined =
    choices.bootMedium === "optical" ? "cdrom" : choices.bootMedium === "floppy" ? "floppy" : undefined;
  return first === undefined ? order : [first, ...order.filter((source) => source !== first)];
}

/** The configuration that "Create" sends. */
export function draftFromChoices(choices: WizardChoices): MachineDraft {
  const osType = osTypeById(choices.osType);
  const image = choices.imagePath === "" ? null : choices.imagePath;
  const withFloppy = osType.floppyDrive || choices.bootMedium === "floppy";
  return {
    ...defaultMachineDraft(choices.name.trim()),
    osType: osType.id,
    memoryMiB: choices.memoryMiB,
    firmware: choices.firmwarePath === "" ? { kind: "builtin" } : { kind: "rom", path: choices.firmwarePath },
    bootOrder: bootOrderOf(choices),
    storage: {
      disks: choices.disk === "existing" ? [{ path: choices.diskPath, ...onController(choices) }] : [],
      opticals: [{ path: choices.bootMedium === "optical" ? image : null }],
      floppies: withFloppy ? [{ path: choices.bootMedium === "floppy" ? image : null }] : [],
    },
    directBoot:
      choices.bootMedium === "kernel"
        ? {
            kernel: choices.kernelPath,
            initrd: choices.initrdPath === "" ? null : choices.initrdPath,
            commandLine: choices.commandLine,
          }
        : null,
    serial: [{ kind: choices.serial }],
    debugPorts: choices.debugPorts,
    rtcUtc: osType.rtcUtc,
  };
}

export type ChoiceIssue =
  | DraftIssue["code"]
  | "image-missing"
  | "kernel-missing"
  | "disk-missing"
  | "disk-size"
  | "passphrase-missing"
  | "passphrases-differ";

/** What stands in the way, by the field it belongs to. Paths are checked for existence by the host when the machine is made. */
export function issuesOf(choices: WizardChoices): Partial<Record<keyof WizardChoices, ChoiceIssue>> {
  const issues: Partial<Record<keyof WizardChoices, ChoiceIssue>> = {};
  if (choices.bootMedium === "builtin") return issues;
  for (const { field, code } of checkMachineDraft(draftFromChoices(choices))) {
    if (field === "name" || field === "memoryMiB" || field === "bootOrder") issues[field] ??= code;
  }
  const needsImage = choices.bootMedium === "optical" || choices.bootMedium === "floppy";
  if (needsImage && choices.imagePath.trim() === "") issues.imagePath = "image-missing";
  if (choices.bootMedium === "kernel" && choices.kernelPath.trim() === "") issues.kernelPath = "kernel-missing";
  if (choices.disk === "existing" && choices.diskPath.trim() === "") issues.diskPath = "disk-missing";
  if (choices.disk === "new" && (choices.diskMiB < DISK_MIB_MIN || choices.diskMiB > DISK_MIB_MAX)) {
    issues.diskMiB = "disk-size";
  }
  const problem = canBeEncrypted(choices.diskFormat.format) ? encryptionProblem(choices.encryption) : undefined;
  if (choices.disk === "new" && problem !== undefined) issues.encryption = problem;
  return issues;
}
