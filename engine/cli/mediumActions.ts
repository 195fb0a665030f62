/**
 * `guesthouse medium`: what can be done to files of media, with or without an app that runs. Works on the files themselves, under the same
 * locks as the app; only `remove` asks the library first, so that nothing a machine needs goes away.
 */
import { resolve } from "node:path";
import { type DisketteSize, type DiskFormatName, disketteSizes } from "../api/mediumProtocol.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { checkDiskSize } from "../host/diskSize.ts";
import { formatOfFile, inspectMedium } from "../host/inspectMedium.ts";
import {
  checkDisk,
  compactDisk,
  compareDiskFiles,
  copyDisk,
  createDisk,
  createDiskette,
  type MediumWork,
  resizeDisk,
  tryPassphrase,
} from "../host/mediumWork.ts";
import { BadArguments } from "./BadArguments.ts";
import { exitStatus } from "./exitStatus.ts";
import { withHost } from "./HostAccess.ts";
import { formatByName, newDiskFormat } from "./newDiskFormat.ts";
import { readPassphraseOption } from "./readPassphrase.ts";
import { showProgress } from "./showProgress.ts";

export interface CreateMediumArguments {
  readonly format?: string;
  readonly subformat?: string;
  readonly size?: string;
  readonly backing?: string;
  readonly passphraseFile?: string;
  /** Its size; the rest does not go with it. */
  readonly diskette?: string;
  readonly blank?: boolean;
  readonly json?: boolean;
}

export interface ConvertArguments {
  readonly format?: string;
  readonly subformat?: string;
  readonly sourceFormat?: string;
  readonly compress?: boolean;
  readonly passphraseFile?: string;
  readonly targetPassphraseFile?: string;
  readonly decrypt?: boolean;
  readonly json?: boolean;
}

export interface MediumArguments {
  readonly format?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

export interface CompareArguments {
  readonly firstFormat?: string;
  readonly secondFormat?: string;
  /** For both. */
  readonly passphraseFile?: string;
  readonly secondPassphraseFile?: string;
  readonly json?: boolean;
}

const formats: readonly DiskFormatName[] = ["raw", "qcow", "qcow2", "vdi", "vmdk", "vhd", "vhdx"];

export async function createMedium(file: string, given: CreateMediumArguments): Promise<number> {
  if (given.diskette !== undefined) {
    await createDiskette(resolve(file), disketteSize(given, given.diskette), given.blank !== true);
    return await tell(file, given.json);
  }
  if (given.blank === true) throw new BadArguments("--blank is for diskettes (--diskette)");
  const format = newDiskFormat(given.format ?? formatByName(file) ?? "qcow2", given.subformat);
  if (given.size === undefined && given.backing === undefined) throw new BadArguments("--size or --backing is needed");
  const sizeBytes = given.size === undefined ? undefined : bytesOf("--size", given.size);
  if (sizeBytes !== undefined) checkDiskSize(sizeBytes);
  const { subformat, backing } = given;
  const parent = backing === undefined ? undefined : resolve(backing);
  const passphrase = await readPassphraseOption(given.passphraseFile);
  await createDisk(resolve(file), { format, subformat, sizeBytes, parent, passphrase });
  return await tell(file, given.json);
}

/** "1.44M", "1.44 MB", "1440K" and "1474560" are the same. */
function disketteSize(given: CreateMediumArguments, text: string): DisketteSize {
  const { format, subformat, size, backing, passphraseFile } = given;
  if ([format, subformat, size, backing, passphraseFile].some((other) => other !== undefined)) {
    throw new BadArguments("--diskette goes with --blank and --json alone");
  }
  const plain = (words: string): string => words.toUpperCase().replace(/[ B]/g, "");
  const found = disketteSizes.find(({ label, sizeBytes }) =>
    [plain(label), `${sizeBytes / 1024}K`, String(sizeBytes)].includes(plain(text)),
  );
  if (found === undefined) throw new BadArguments(`--diskette is 360K, 720K, 1.2M, 1.44M or 2.88M, not ${text}`);
  return found.label;
}

/** Says what the file is, and what it rests on; with a passphrase, that it is the right one. */
export async function mediumInformation(file: string, given: MediumArguments): Promise<number> {
  const { format, passphrase } = await readOptions(given);
  if (passphrase !== undefined) await tryPassphrase(resolve(file), { format, passphrase });
  return await tell(file, given.json, format);
}

async function readOptions(
  given: MediumArguments,
): Promise<{ format: DiskFormatName | undefined; passphrase: string | undefined }> {
  return { format: knownFormat(given.format), passphrase: await readPassphraseOption(given.passphraseFile) };
}

export async function convertMedium(file: string, target: string, given: ConvertArguments): Promise<number> {
  if (given.decrypt === true && given.targetPassphraseFile !== undefined) {
    throw new BadArguments("--decrypt and --target-passphrase-file exclude each other");
  }
  const format = given.format ?? formatByName(target);
  if (format === undefined) throw new BadArguments("--format is needed: the target's name says nothing of it");
  const disk = {
    format: newDiskFormat(format, given.subformat),
    subformat: given.subformat,
    compress: given.compress === true,
    source: {
      format: knownFormat(given.sourceFormat),
      passphrase: await readPassphraseOption(given.passphraseFile),
    },
    passphrase: given.decrypt === true ? null : await readPassphraseOption(given.targetPassphraseFile),
  };
  await withProgress("Converting", (work) => copyDisk(resolve(file), resolve(target), disk, work));
  return await tell(target, given.json);
}

export async function resizeMedium(
  file: string,
  size: string,
  given: MediumArguments & { truncate?: boolean },
): Promise<number> {
  const sizeBytes = bytesOf("SIZE", size);
  checkDiskSize(sizeBytes);
  await resizeDisk(resolve(file), sizeBytes, given.truncate === true, await readOptions(given));
  return await tell(file, given.json);
}

export async function compactMedium(file: string, given: MediumArguments): Promise<number> {
  const options = await readOptions(given);
  await withProgress("Compacting", (work) => compactDisk(resolve(file), work, options));
  return await tell(file, given.json);
}

/** Status 1 says that faults are left. */
export async function checkMedium(file: string, given: MediumArguments & { repair?: boolean }): Promise<number> {
  const options = { ...(await readOptions(given)), alone: true };
  const report = await withProgress("Checking", (work) =>
    checkDisk(resolve(file), given.repair === true, work, options),
  );
  if (given.json === true) {
    console.log(JSON.stringify(report));
  } else {
    for (const error of report.errors) console.log(error);
    if (report.repaired > 0) console.log(`Repaired: ${report.repaired}.`);
    if (report.leakedBytes > 0) console.log(`Space that nothing refers to: ${report.leakedBytes} bytes.`);
    if (report.errors.length === 0) console.log("No errors.");
  }
  return report.errors.length === 0 ? exitStatus.done : exitStatus.different;
}

/** Status 1 says that they differ. */
export async function compareMedia(one: string, other: string, given: CompareArguments): Promise<number> {
  const passphrase = await readPassphraseOption(given.passphraseFile);
  const second = (await readPassphraseOption(given.secondPassphraseFile)) ?? passphrase;
  const comparison = await withProgress("Comparing", (work) =>
    compareDiskFiles(resolve(one), resolve(other), work, [
      { format: knownFormat(given.firstFormat), passphrase },
      { format: knownFormat(given.secondFormat), passphrase: second },
    ]),
  );
  const { equal, firstDifferentSector = null, sameSize } = comparison;
  if (given.json === true) console.log(JSON.stringify({ equal, firstDifferentSector, sameSize }));
  else if (equal) console.log(sameSize ? "Equal." : "Equal, but for zeros at the end of the longer one.");
  else console.log(`Different from sector ${firstDifferentSector} on.`);
  return equal ? exitStatus.done : exitStatus.different;
}

export async function removeMedium(file: string, given: { json?: boolean }): Promise<number> {
  const path = resolve(file);
  await withHost(false, (client) => client.call("media.remove", { path, withFile: true }));
  console.log(given.json === true ? JSON.stringify({ removed: path }) : `${path} is gone.`);
  return exitStatus.done;
}

async function tell(file: string, json: boolean | undefined, given?: DiskFormatName): Promise<number> {
  const path = resolve(file);
  const format = given ?? (await formatOfFile(path));
  const facts = await inspectMedium(path, "disk", format);
  if (facts.state.kind === "missing") throw new GuesthouseError("file-missing", `The file does not exist: ${path}`);
  if (facts.state.kind === "broken" || facts.state.kind === "forbidden") {
    throw new GuesthouseError("corrupt-image", facts.state.reason);
  }
  const { subformat, sizeBytes, allocatedBytes, parentPath, encrypted, dirty, state, innerSnapshots } = facts;
  if (json === true) {
    const shown = { path, format, subformat, sizeBytes, allocatedBytes, parentPath, encrypted, dirty, innerSnapshots };
    console.log(JSON.stringify({ ...shown, state: state.kind }));
    return exitStatus.done;
  }
  console.log(`${path}: ${format}${subformat === null || subformat === format ? "" : `, ${subformat}`}`);
  console.log(`  size       ${sizeBytes} bytes (${readable(sizeBytes)})`);
  console.log(`  on disk    ${allocatedBytes} bytes (${readable(allocatedBytes)})`);
  if (parentPath !== null)
    console.log(`  rests on   ${parentPath}${state.kind === "parentMissing" ? " (missing)" : ""}`);
  if (encrypted) console.log("  encrypted");
  if (dirty) console.log("  was not closed in good order");
  for (const { name, sizeBytes: size } of innerSnapshots)
    console.log(`  holds a snapshot “${name}” (${readable(size)})`);
  return exitStatus.done;
}

/** Ctrl+C cancels, and leaves what was there before. */
async function withProgress<T>(title: string, action: (work: MediumWork) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const cancel = (): void => abort.abort();
  process.on("SIGINT", cancel);
  const progress = showProgress(title);
  try {
    return await action({ onProgress: progress.report, signal: abort.signal });
  } finally {
    progress.end();
    process.off("SIGINT", cancel);
  }
}

function knownFormat(format: string | undefined): DiskFormatName | undefined {
  if (format === undefined) return undefined;
  const found = formats.find((known) => known === format);
  if (found === undefined) throw new BadArguments(`A format is one of ${formats.join(", ")}, not ${format}`);
  return found;
}

/** "1048576", "64M", "20G", "1.5T". */
export function bytesOf(option: string, text: string): number {
  const [, number, unit = ""] = /^(\d{1,15}(?:\.\d{1,3})?)\s*([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  if (number === undefined) throw new BadArguments(`${option} takes bytes or a number with K, M, G or T, not ${text}`);
  const bytes = Number(number) * 1024 ** " KMGT".indexOf(unit.toUpperCase() || " ");
  return Math.ceil(bytes / 512) * 512;
}

function readable(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(1))} ${units[unit]}`;
}
