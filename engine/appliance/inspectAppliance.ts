/**
 * The dry run: opens an appliance and says what it holds and what becomes of it, reading no more than descriptors and headers. What an archive names must be
 * in it; beside a descriptor in a folder, or a machine of another program, a missing file is noted here and refused by the import. The
 * manifest's digest of the descriptor is checked at once, those of the other files while importing.
 */
import type { ApplianceDescription, ApplianceItem, ApplianceMachine, ApplianceNote } from "../api/applianceProtocol.ts";
import { type ApplianceFiles, fileMissing, partsOf, readWhole } from "./ApplianceFiles.ts";
import { applianceError } from "./applianceError.ts";
import { readVbox } from "./foreign/readVbox.ts";
import { readVmx } from "./foreign/readVmx.ts";
import { judgeMachine } from "./judgeMachine.ts";
import type { MachineFacts } from "./MachineFacts.ts";
import {
  type CertificateFile,
  type CreateDigest,
  type ManifestLine,
  parseCertificateFile,
  parseManifest,
} from "./manifest.ts";
import { baseName, besideName, referencedNames } from "./memberName.ts";
import { describeSystem } from "./ovf/describeSystem.ts";
import type { OvfEnvelope, OvfFile } from "./ovf/OvfEnvelope.ts";
import { readEnvelope } from "./ovf/readEnvelope.ts";
import { parseXmlTree } from "./xml/XmlTree.ts";

export const DESCRIPTOR_BYTES_MAX = 4 * 1024 * 1024;

export interface InspectServices {
  readonly createDigest: CreateDigest;
  /** Whether the signature holds, and by whom; absent where nobody can tell. */
  readonly checkSignature?: (certificate: CertificateFile, signed: Uint8Array) => { valid: boolean; signer: string };
}

/** Everything that an import needs to know of an appliance besides what people see. */
export interface InspectedAppliance {
  readonly description: ApplianceDescription;
  readonly manifest: readonly ManifestLine[];
  /** By the name that items use. */
  readonly gzipFiles: ReadonlySet<string>;
}

/** `path` is for people. Closes nothing. */
export async function inspectOvf(
  files: ApplianceFiles,
  path: string,
  services: InspectServices,
  configuration: string | null = null,
): Promise<InspectedAppliance> {
  const descriptor = files.names.find((name) => /\.ovf$/i.test(name));
  if (descriptor === undefined) {
    throw applianceError("no-descriptor", "The archive holds no OVF descriptor.", { files: files.names.length });
  }
  const bytes = await readWhole(files, descriptor, DESCRIPTOR_BYTES_MAX);
  const envelope = readEnvelope(parseXmlTree(bytes, baseName(descriptor)), configuration);
  const seal = await readSeal(files, descriptor, bytes, services);
  const notes: ApplianceNote[] = [...envelope.notes, ...seal.notes];
  const present = await findFiles(files, descriptor, envelope, notes);
  noteUnlisted(present, seal.manifest, notes);
  const names = new Map(present.map(({ file, name }) => [file, name]));
  const machines = envelope.systems.map((system, index) =>
    judgeMachine(
      describeSystem(envelope, system, (file) => names.get(file) ?? file.href),
      index,
    ),
  );
  if (machines.length === 0) throw applianceError("empty", "The appliance holds no machine.");
  return {
    manifest: seal.manifest,
    gzipFiles: new Set(present.filter(({ file }) => file.gzip).map(({ name }) => name)),
    description: {
      path,
      kind: files.kind === "archive" ? "ova" : "ovf",
      ovfVersion: envelope.version,
      dialect: dialectOf(envelope),
      manifest: seal.manifest[0]?.algorithm ?? null,
      certificate: seal.certificate,
      signer: seal.signer,
      networks: [...envelope.networks],
      configurations: [...envelope.configurations],
      files: present.map(({ name, sizeBytes }) => ({
        name,
        sizeBytes: sizeBytes ?? 0,
        present: sizeBytes !== undefined,
      })),
      machines: machines.map((machine) => withSizes(machine, present)),
      notes,
    },
  };
}

/** A `.vbox` or `.vmx` file. `sizeOf` looks for the files it names. */
export async function inspectForeignMachine(
  kind: "vbox" | "vmx",
  bytes: Uint8Array,
  path: string,
  sizeOf: (name: string) => Promise<number | undefined>,
): Promise<InspectedAppliance> {
  if (bytes.length > DESCRIPTOR_BYTES_MAX)
    throw applianceError("too-large", "The file is far too large.", { bytes: bytes.length });
  const facts: MachineFacts = kind === "vbox" ? readVbox(parseXmlTree(bytes, baseName(path))) : readVmx(bytes);
  const named = facts.items.flatMap((item) => ("file" in item && item.file !== null ? [item.file] : []));
  const files: { name: string; sizeBytes: number | undefined }[] = [];
  for (const name of new Set(named)) files.push({ name, sizeBytes: await sizeOf(name) });
  const notes: ApplianceNote[] = files
    .filter(({ sizeBytes }) => sizeBytes === undefined)
    .map(({ name }) => missingNote(name));
  return {
    manifest: [],
    gzipFiles: new Set(),
    description: {
      path,
      kind,
      ovfVersion: null,
      dialect: kind === "vbox" ? "virtualbox" : "vmware",
      manifest: null,
      certificate: "absent",
      signer: null,
      networks: [],
      configurations: [],
      files: files.map(({ name, sizeBytes }) => ({
        name,
        sizeBytes: sizeBytes ?? 0,
        present: sizeBytes !== undefined,
      })),
      machines: [withSizes(judgeMachine(facts, 0), files)],
      notes,
    },
  };
}

interface Seal {
  readonly manifest: readonly ManifestLine[];
  readonly certificate: ApplianceDescription["certificate"];
  readonly signer: string | null;
  readonly notes: readonly ApplianceNote[];
}

async function readSeal(
  files: ApplianceFiles,
  descriptor: string,
  bytes: Uint8Array,
  services: InspectServices,
): Promise<Seal> {
  const stem = descriptor.replace(/\.ovf$/i, "");
  const name = await existing(files, `${stem}.mf`);
  if (name === undefined) {
    const notes: ApplianceNote[] = [
      { code: "checksums-absent", message: "The appliance has no manifest; damage would go unnoticed." },
    ];
    return { manifest: [], certificate: "absent", signer: null, notes };
  }
  const manifestBytes = await readWhole(files, name, DESCRIPTOR_BYTES_MAX);
  const manifest = parseManifest(new TextDecoder().decode(manifestBytes));
  const line = manifest.find((entry) => besideName(descriptor, entry.name) === descriptor);
  if (line !== undefined) {
    const digest = services.createDigest(line.algorithm);
    digest.update(bytes);
    if (digest.hex() !== line.hex) throw checksumMismatch(descriptor);
  }
  return { manifest, ...(await readSignature(files, stem, manifestBytes, services)) };
}

export function checksumMismatch(name: string): Error {
  return applianceError("checksum", `“${baseName(name)}” is not what the manifest says: it was changed or damaged.`, {
    name,
  });
}

async function readSignature(
  files: ApplianceFiles,
  stem: string,
  signed: Uint8Array,
  services: InspectServices,
): Promise<Omit<Seal, "manifest">> {
  const name = await existing(files, `${stem}.cert`);
  if (name === undefined) return { certificate: "absent", signer: null, notes: [] };
  const file = parseCertificateFile(new TextDecoder().decode(await readWhole(files, name, DESCRIPTOR_BYTES_MAX)));
  if (file === undefined || services.checkSignature === undefined) {
    const notes: ApplianceNote[] = [
      { code: "certificate-unchecked", message: "The appliance's signature could not be checked." },
    ];
    return { certificate: "unchecked", signer: null, notes };
  }
  const { valid, signer } = services.checkSignature(file, signed);
  if (!valid) throw applianceError("signature", "The appliance's signature does not fit its manifest.", { signer });
  return { certificate: "valid", signer, notes: [] };
}

/** Archives are made on systems that do not tell upper from lower case. */
async function existing(files: ApplianceFiles, name: string): Promise<string | undefined> {
  if ((await files.sizeOf(name)) !== undefined) return name;
  return files.names.find((other) => other.toLowerCase() === name.toLowerCase());
}

interface PresentFile {
  readonly file: OvfFile;
  readonly name: string;
  readonly sizeBytes: number | undefined;
}

async function findFiles(
  files: ApplianceFiles,
  descriptor: string,
  envelope: OvfEnvelope,
  notes: ApplianceNote[],
): Promise<PresentFile[]> {
  const found: PresentFile[] = [];
  for (const file of envelope.files) {
    const names = referencedNames(file.href).map((name) => besideName(descriptor, name));
    let entry: PresentFile = { file, name: names[0]!, sizeBytes: undefined };
    for (const name of names) {
      const parts = await partsOf(files, name);
      if (parts.length === 0) continue;
      entry = { file, name, sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0) };
      break;
    }
    if (entry.sizeBytes === undefined && files.kind === "archive") throw fileMissing(entry.name);
    if (entry.sizeBytes === undefined) notes.push(missingNote(entry.name));
    else if (file.sizeBytes !== undefined && entry.sizeBytes < file.sizeBytes) throw tooShort(entry, file.sizeBytes);
    found.push(entry);
  }
  return found;
}

function missingNote(name: string): ApplianceNote {
  return { code: "file-missing", message: `The file “${baseName(name)}” is missing.` };
}

function tooShort({ name, sizeBytes }: PresentFile, wanted: number): Error {
  return applianceError(
    "file-size",
    `“${baseName(name)}” has ${sizeBytes} bytes where the descriptor says ${wanted}: it ends too early.`,
    {
      name,
      sizeBytes: sizeBytes ?? 0,
      wanted,
    },
  );
}

function noteUnlisted(
  present: readonly PresentFile[],
  manifest: readonly ManifestLine[],
  notes: ApplianceNote[],
): void {
  if (manifest.length === 0) return;
  for (const { name } of present) {
    const listed = manifest.some(
      (line) => baseName(line.name) === baseName(name) || line.name.startsWith(`${baseName(name)}.`),
    );
    if (!listed) notes.push({ code: "file-unlisted", message: `The manifest does not vouch for “${baseName(name)}”.` });
  }
}

function dialectOf(envelope: OvfEnvelope): ApplianceDescription["dialect"] {
  const { systems } = envelope;
  if (systems.some(({ guesthouse }) => guesthouse !== undefined)) return "guesthouse";
  if (systems.some(({ hardware }) => /^virtualbox-/i.test(hardware))) return "virtualbox";
  return systems.some(({ hardware }) => /^vmx-/i.test(hardware)) ? "vmware" : "generic";
}

function withSizes(
  machine: ApplianceMachine,
  files: readonly { name: string; sizeBytes: number | undefined }[],
): ApplianceMachine {
  const items = machine.items.map((item): ApplianceItem => {
    if (item.kind !== "disk" || item.file === null) return item;
    return { ...item, storedBytes: files.find(({ name }) => name === item.file)?.sizeBytes ?? 0 };
  });
  return { ...machine, items };
}
