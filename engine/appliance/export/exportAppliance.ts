/**
 * Writes machines as an OVF package: one archive (OVA) or a descriptor with its files beside it. The standard wants the descriptor and the manifest at the
 * archive's start, and both tell of what comes after; so their room is kept first and filled at the end, the descriptor padded with
 * spaces. A failed or cancelled export leaves no file.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import type { LongWork, StoreOpener } from "../../contracts/DiskImage.ts";
import { TAR_BLOCK_BYTES } from "../archive/TarIndex.ts";
import { tarHeader, tarPadding } from "../archive/tarHeader.ts";
import { type CreateDigest, type DigestAlgorithm, type ManifestLine, writeManifest } from "../manifest.ts";
import type { ExportDisk, ExportFile, ExportMachine, OvfOptions } from "./ExportMachine.ts";
import { PackageFile } from "./PackageFile.ts";
import { filesOf, writeOvf } from "./writeOvf.ts";

export interface ExportServices {
  readonly createDigest: CreateDigest;
  readonly nowMs: () => number;
  /** Writes a disk as a streamOptimized VMDK to the file `name` that it creates through the opener, upwards. */
  writeDisk(disk: ExportDisk, opener: StoreOpener, name: string, work: LongWork): Promise<void>;
  /** An optical disc or diskette as it is. */
  openFile(file: ExportFile): Promise<ByteStore>;
}

export interface ExportRequest extends OvfOptions {
  readonly layout: "ova" | "ovf";
  readonly manifest: boolean;
  readonly machines: readonly ExportMachine[];
}

const PIECE_BYTES = 1024 * 1024;
/** As long as any size can be. */
const LONGEST_SIZE = 999_999_999_999_999;
const encoder = new TextEncoder();

/**
 * `outputName` is the archive, or for a folder the descriptor, whose other files lie beside it under the names that the machines give them. The sizes of the machines'
 * files are estimates that weigh the progress. Returns the names of the files made.
 */
export async function exportAppliance(
  opener: StoreOpener,
  outputName: string,
  request: ExportRequest,
  services: ExportServices,
  work: LongWork = {},
): Promise<string[]> {
  const sink =
    request.layout === "ova"
      ? new ArchiveSink(opener, outputName, request, services)
      : new FolderSink(opener, outputName);
  try {
    await sink.begin();
    const written = await writeFiles(sink, request, services, work);
    const descriptor = encoder.encode(writeOvf(withSizes(request.machines, written), request));
    await sink.finish(
      descriptor,
      request.manifest ? (bytes) => manifestFor(bytes, written, request, services) : undefined,
    );
    return sink.made;
  } catch (error) {
    await sink.abandon();
    throw error;
  }
}

interface Written {
  readonly name: string;
  readonly sizeBytes: number;
  readonly hex: string;
}

interface Sink {
  readonly made: string[];
  begin(): Promise<void>;
  /** What a file is written through: it makes exactly one file. */
  file(
    name: string,
    digest: ReturnType<CreateDigest> | undefined,
  ): Promise<{ file: PackageFile; done: () => Promise<void> }>;
  finish(descriptor: Uint8Array, manifest: ((descriptor: Uint8Array) => Uint8Array) | undefined): Promise<void>;
  abandon(): Promise<void>;
}

function algorithmOf({ version }: OvfOptions): DigestAlgorithm {
  return version === "2.0" ? "sha256" : "sha1";
}

async function writeFiles(
  sink: Sink,
  request: ExportRequest,
  services: ExportServices,
  work: LongWork,
): Promise<Written[]> {
  const files = request.machines.flatMap(filesOf);
  const total = files.reduce((sum, file) => sum + weightOf(file), 0);
  const written: Written[] = [];
  let before = 0;
  for (const file of files) {
    const digest = request.manifest ? services.createDigest(algorithmOf(request)) : undefined;
    const target = await sink.file(file.href, digest);
    const share: LongWork = {
      ...work,
      onProgress: (fraction) => work.onProgress?.((before + fraction * weightOf(file)) / total),
    };
    if ("capacityBytes" in file) await services.writeDisk(file as ExportDisk, onlyFile(target.file), file.href, share);
    else await copyFile(await services.openFile(file), target.file, share);
    await target.done();
    written.push({ name: file.href, sizeBytes: target.file.sizeBytes, hex: target.file.digestHex() });
    before += weightOf(file);
    refuseIfCancelled(work);
  }
  return written;
}

function refuseIfCancelled(work: LongWork): void {
  if (work.signal?.aborted === true) throw new GuesthouseError("cancelled", "The export was cancelled.");
}

function weightOf(file: ExportFile): number {
  return Math.max(1, file.sizeBytes);
}

function onlyFile(file: PackageFile): StoreOpener {
  const refuse = async (): Promise<never> => {
    throw new GuesthouseError("unsupported-operation", "A disk in a package is one file.");
  };
  const opener: StoreOpener = {
    open: refuse,
    create: async () => file,
    remove: async () => {},
    identify: async (name) => name,
    beside: () => opener,
  };
  return opener;
}

async function copyFile(source: ByteStore, target: PackageFile, work: LongWork): Promise<void> {
  try {
    const sizeBytes = await source.size();
    const piece = new Uint8Array(PIECE_BYTES);
    while (target.sizeBytes < sizeBytes) {
      refuseIfCancelled(work);
      const count = await source.read(target.sizeBytes, piece);
      if (count === 0) throw new GuesthouseError("medium-shrunk", "A file became shorter while it was read.");
      await target.write(target.sizeBytes, piece.subarray(0, count));
      work.onProgress?.(target.sizeBytes / sizeBytes);
    }
  } finally {
    await source.close();
  }
}

function withSizes(machines: readonly ExportMachine[], written: readonly Written[]): ExportMachine[] {
  const sized = <T extends ExportFile>(file: T): T => {
    const found = written.find(({ name }) => name === file.href);
    return found === undefined ? file : { ...file, sizeBytes: found.sizeBytes };
  };
  return machines.map((machine) => ({
    ...machine,
    disks: machine.disks.map(sized),
    opticals: machine.opticals.map((drive) => ({ ...drive, file: drive.file && sized(drive.file) })),
    floppies: machine.floppies.map((file) => file && sized(file)),
  }));
}

function manifestFor(
  descriptor: Uint8Array,
  written: readonly Written[],
  request: ExportRequest,
  services: ExportServices,
): Uint8Array {
  const algorithm = algorithmOf(request);
  const digest = services.createDigest(algorithm);
  digest.update(descriptor);
  const lines: ManifestLine[] = [
    { algorithm, name: `${request.name}.ovf`, hex: digest.hex() },
    ...written.map(({ name, hex }) => ({ algorithm, name, hex })),
  ];
  return encoder.encode(writeManifest(lines));
}

class ArchiveSink implements Sink {
  readonly made: string[] = [];
  readonly #opener: StoreOpener;
  readonly #name: string;
  readonly #request: ExportRequest;
  readonly #modifiedMs: number;
  readonly #descriptorBytes: number;
  readonly #manifestBytes: number;
  #store: ByteStore | undefined;
  #end: number;

  constructor(opener: StoreOpener, name: string, request: ExportRequest, services: ExportServices) {
    this.#opener = opener;
    this.#name = name;
    this.#request = request;
    this.#modifiedMs = services.nowMs();
    const longest = request.machines
      .flatMap(filesOf)
      .map(({ href }) => ({ name: href, sizeBytes: LONGEST_SIZE, hex: "0".repeat(64) }));
    this.#descriptorBytes = encoder.encode(writeOvf(withSizes(request.machines, longest), request)).length;
    const zeros = "0".repeat(algorithmOf(request) === "sha1" ? 40 : 64);
    const sample = longest.map((line) => ({ ...line, hex: zeros }));
    this.#manifestBytes = request.manifest ? manifestFor(new Uint8Array(0), sample, request, services).length : 0;
    this.#end = memberBytes(this.#descriptorBytes) + (request.manifest ? memberBytes(this.#manifestBytes) : 0);
  }

  async begin(): Promise<void> {
    this.#store = await this.#opener.create(this.#name);
    this.made.push(this.#name);
  }

  async file(name: string, digest: ReturnType<CreateDigest> | undefined): ReturnType<Sink["file"]> {
    const start = this.#end;
    const file = new PackageFile(this.#store!, start + TAR_BLOCK_BYTES, digest);
    const done = async (): Promise<void> => {
      await this.#member(start, name, file.sizeBytes);
      this.#end = start + memberBytes(file.sizeBytes);
    };
    return { file, done };
  }

  async finish(descriptor: Uint8Array, manifest: ((descriptor: Uint8Array) => Uint8Array) | undefined): Promise<void> {
    const padded = new Uint8Array(this.#descriptorBytes).fill(0x20);
    padded.set(descriptor);
    await this.#put(0, `${this.#request.name}.ovf`, padded);
    if (manifest !== undefined)
      await this.#put(memberBytes(padded.length), `${this.#request.name}.mf`, manifest(padded));
    await this.#store!.write(this.#end, new Uint8Array(2 * TAR_BLOCK_BYTES));
    await this.#store!.flush();
    await this.#store!.close();
  }

  async abandon(): Promise<void> {
    await this.#store?.close();
    for (const name of this.made) await this.#opener.remove(name);
  }

  async #put(offset: number, name: string, bytes: Uint8Array): Promise<void> {
    await this.#store!.write(offset + TAR_BLOCK_BYTES, bytes);
    await this.#member(offset, name, bytes.length);
  }

  /** What stands around a member's content. */
  async #member(offset: number, name: string, sizeBytes: number): Promise<void> {
    await this.#store!.write(offset, tarHeader(name, sizeBytes, this.#modifiedMs));
    const padding = tarPadding(sizeBytes);
    if (padding > 0) await this.#store!.write(offset + TAR_BLOCK_BYTES + sizeBytes, new Uint8Array(padding));
  }
}

function memberBytes(sizeBytes: number): number {
  return TAR_BLOCK_BYTES + sizeBytes + tarPadding(sizeBytes);
}

class FolderSink implements Sink {
  readonly made: string[] = [];
  readonly #opener: StoreOpener;
  readonly #name: string;
  readonly #open = new Set<ByteStore>();

  constructor(opener: StoreOpener, name: string) {
    this.#opener = opener;
    this.#name = name;
  }

  async begin(): Promise<void> {}

  async file(name: string, digest: ReturnType<CreateDigest> | undefined): ReturnType<Sink["file"]> {
    const store = await this.#create(name);
    const done = async (): Promise<void> => {
      await store.flush();
      await this.#close(store);
    };
    return { file: new PackageFile(store, 0, digest), done };
  }

  /** The descriptor comes last: where it is, the package is whole. */
  async finish(descriptor: Uint8Array, manifest: ((descriptor: Uint8Array) => Uint8Array) | undefined): Promise<void> {
    if (manifest !== undefined) await this.#put(this.#name.replace(/\.ovf$/i, ".mf"), manifest(descriptor));
    await this.#put(this.#name, descriptor);
  }

  async abandon(): Promise<void> {
    for (const store of [...this.#open]) await this.#close(store);
    for (const name of this.made) await this.#opener.remove(name);
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    const store = await this.#create(name);
    await store.write(0, bytes);
    await store.flush();
    await this.#close(store);
  }

  async #create(name: string): Promise<ByteStore> {
    const store = await this.#opener.create(name);
    this.made.push(name);
    this.#open.add(store);
    return store;
  }

  async #close(store: ByteStore): Promise<void> {
    this.#open.delete(store);
    await store.close();
  }
}
