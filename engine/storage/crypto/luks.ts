/**
 * LUKS version 1 (LUKS On-Disk Format Specification 1.2.3): a header with eight slots, each of which holds the master key, split into stripes and
 * encrypted under a passphrase. AES with XTS or CBC is offered; other ciphers are refused by name. Adding and removing passphrases and
 * LUKS version 2 are absent.
 */
import { sha1 } from "@noble/hashes/legacy.js";
import { pbkdf2Async } from "@noble/hashes/pbkdf2.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskServices, PassphraseWork } from "../../contracts/DiskImage.ts";
import type { DiskCipher } from "./DiskCipher.ts";
import { CbcCipher, essivVector, plain64Vector, plainVector, type SectorVector, XtsCipher } from "./sectorCiphers.ts";

const magic = [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe, 0, 1];
export const LUKS_HEADER_BYTES = 592;
const SLOTS_START = 208;
const SLOT_BYTES = 48;
const SLOT_COUNT = 8;
const SLOT_ACTIVE = 0x00ac71f3;
const SLOT_UNUSED = 0x0000dead;
const DIGEST_BYTES = 20;
const SALT_BYTES = 32;
const STRIPES = 4000;
const STRIPES_MAX = 20_000;
const KEY_BYTES_MAX = 128;
/** A header that asks for more would keep the processor busy for minutes. */
const ITERATIONS_MAX = 100_000_000;
const SECTOR_BYTES = 512;
/** What new headers ask for; some hundred milliseconds of the platform's own PBKDF2. */
const NEW_SLOT_ITERATIONS = 1_000_000;
const NEW_KEY_BYTES = 64;
const NEW_HASH = "sha256";
const ALIGN_BYTES = 4096;

const hashes = { sha1, sha256, sha512 } as const;
type HashName = keyof typeof hashes;

interface LuksHeader {
  readonly cipherMode: string;
  readonly hash: HashName;
  readonly keyBytes: number;
  readonly digest: Uint8Array;
  readonly digestSalt: Uint8Array;
  readonly digestIterations: number;
  readonly slots: readonly LuksSlot[];
}

interface LuksSlot {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly offset: number;
  readonly stripes: number;
}

/**
 * The cipher for what the header protects. `read` reads relative to the header. Fails with "passphrase-needed", "passphrase-wrong",
 * "unsupported-image" and "corrupt-image".
 */
export async function openLuks(
  read: (offset: number, length: number) => Promise<Uint8Array>,
  passphrase: string | undefined,
  services: DiskServices,
): Promise<DiskCipher> {
  const header = parseHeader(await read(0, LUKS_HEADER_BYTES));
  if (passphrase === undefined) throw passphraseNeeded();
  const password = new TextEncoder().encode(passphrase);
  for (const slot of header.slots) {
    const slotKey = await derive(services, header.hash, password, slot.salt, slot.iterations, header.keyBytes);
    const material = await read(slot.offset, roundUp(header.keyBytes * slot.stripes, SECTOR_BYTES));
    makeCipher(header.cipherMode, slotKey).decrypt(material, 0);
    const key = mergeStripes(material, header.keyBytes, slot.stripes, header.hash);
    if (await isMasterKey(services, header, key)) return makeCipher(header.cipherMode, key);
  }
  throw new GuesthouseError("passphrase-wrong", "The passphrase does not open this disk.");
}

/** What `createLuks` can do alike for the header that `read` reads; undefined where it does otherwise, or several passphrases open it. */
export async function readPassphraseWork(
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<PassphraseWork | undefined> {
  const { hash, keyBytes, slots } = parseHeader(await read(0, LUKS_HEADER_BYTES));
  const [slot, other] = slots;
  if (slot === undefined || other !== undefined || hash !== NEW_HASH || keyBytes !== NEW_KEY_BYTES) return undefined;
  return { salt: slot.salt, iterations: slot.iterations };
}

/**
 * A header with one slot, and the key material behind it: everything before the payload. Layers of one disk may share `work`: the same key hides random
 * material in each, so that nobody learns from two of them what one does not tell.
 */
export async function createLuks(
  passphrase: string,
  services: DiskServices,
  work?: PassphraseWork,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; cipher: DiskCipher }> {
  const random = (length: number) => {
    const bytes = new Uint8Array(length);
    services.entropy.fill(bytes);
    return bytes;
  };
  const cipherMode = "xts-plain64";
  const leastIterations = services.pbkdf2Iterations ?? NEW_SLOT_ITERATIONS;
  const shared = work !== undefined && work.iterations >= leastIterations ? work : undefined;
  const slotIterations = shared?.iterations ?? leastIterations;
  // The key is random: guessing it is hopeless at any price.
  const digestIterations = Math.max(1000, Math.floor(slotIterations / 8));
  const key = random(NEW_KEY_BYTES);
  const [digestSalt, slotSalt] = [random(SALT_BYTES), shared?.salt ?? random(SALT_BYTES)];
  const digest = await derive(services, NEW_HASH, key, digestSalt, digestIterations, DIGEST_BYTES);
  const slotBytes = roundUp(NEW_KEY_BYTES * STRIPES, ALIGN_BYTES);
  const bytes = new Uint8Array(ALIGN_BYTES + slotBytes * SLOT_COUNT);
  const view = new DataView(bytes.buffer);
  const text = (value: string, at: number) => bytes.set(new TextEncoder().encode(value), at);
  bytes.set(magic);
  text("aes", 8);
  text(cipherMode, 40);
  text(NEW_HASH, 72);
  view.setUint32(104, bytes.length / SECTOR_BYTES);
  view.setUint32(108, NEW_KEY_BYTES);
  bytes.set(digest, 112);
  bytes.set(digestSalt, 132);
  view.setUint32(164, digestIterations);
  text(uuidText(random(16)), 168);
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const at = SLOTS_START + slot * SLOT_BYTES;
    view.setUint32(at, slot === 0 ? SLOT_ACTIVE : SLOT_UNUSED);
    view.setUint32(at + 40, (ALIGN_BYTES + slotBytes * slot) / SECTOR_BYTES);
    view.setUint32(at + 44, STRIPES);
  }
  view.setUint32(SLOTS_START + 4, slotIterations);
  bytes.set(slotSalt, SLOTS_START + 8);
  const password = new TextEncoder().encode(passphrase);
  const slotKey = await derive(services, NEW_HASH, password, slotSalt, slotIterations, NEW_KEY_BYTES);
  const stripes = splitKey(key, random(NEW_KEY_BYTES * (STRIPES - 1)), NEW_HASH);
  makeCipher(cipherMode, slotKey).encrypt(stripes, 0);
  bytes.set(stripes, ALIGN_BYTES);
  return { bytes, cipher: makeCipher(cipherMode, key) };
}

export function passphraseNeeded(): GuesthouseError {
  return new GuesthouseError("passphrase-needed", "The disk is encrypted: its passphrase is needed.");
}

function parseHeader(bytes: Uint8Array): LuksHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!magic.every((byte, index) => bytes[index] === byte)) throw corrupt("The LUKS header is missing.");
  const text = (at: number) => new TextDecoder().decode(bytes.subarray(at, at + 32)).split("\0")[0]!;
  const [cipherName, cipherMode, hash] = [text(8), text(40), text(72)];
  if (cipherName !== "aes") throw unsupported(`the cipher ${cipherName}`);
  if (!Object.hasOwn(hashes, hash)) throw unsupported(`the hash ${hash}`);
  const keyBytes = view.getUint32(108);
  if (keyBytes === 0 || keyBytes > KEY_BYTES_MAX) throw corrupt("The LUKS key's length is impossible.");
  const slots: LuksSlot[] = [];
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const at = SLOTS_START + slot * SLOT_BYTES;
    if (view.getUint32(at) !== SLOT_ACTIVE) continue;
    const stripes = view.getUint32(at + 44);
    if (stripes === 0 || stripes > STRIPES_MAX) throw corrupt("A LUKS key slot is impossible.");
    slots.push({
      iterations: checkIterations(view.getUint32(at + 4)),
      salt: bytes.slice(at + 8, at + 8 + SALT_BYTES),
      offset: view.getUint32(at + 40) * SECTOR_BYTES,
      stripes,
    });
  }
  return {
    cipherMode,
    hash: hash as HashName,
    keyBytes,
    digest: bytes.slice(112, 112 + DIGEST_BYTES),
    digestSalt: bytes.slice(132, 132 + SALT_BYTES),
    digestIterations: checkIterations(view.getUint32(164)),
    slots,
  };
}

function checkIterations(iterations: number): number {
  if (iterations === 0) throw corrupt("The LUKS header asks for no iterations.");
  if (iterations > ITERATIONS_MAX) throw unsupported(`${iterations} iterations`);
  return iterations;
}

function makeCipher(mode: string, key: Uint8Array): DiskCipher {
  const [chaining, ...vectorParts] = mode.split("-");
  const vector = makeVector(vectorParts.join("-"), key);
  if (chaining === "xts" && key.length % 2 === 0) return new XtsCipher(key, vector);
  if (chaining === "cbc") return new CbcCipher(key, vector);
  throw unsupported(`the cipher mode ${mode}`);
}

function makeVector(name: string, key: Uint8Array): SectorVector {
  const [kind, hash] = name.split(":");
  if (kind === "plain64") return plain64Vector;
  if (kind === "plain") return plainVector;
  if (kind === "essiv" && hash === "sha256") return essivVector(sha256(key));
  throw unsupported(`initialization vectors by ${name}`);
}

async function isMasterKey(services: DiskServices, header: LuksHeader, key: Uint8Array): Promise<boolean> {
  const { hash, digestSalt, digestIterations, digest } = header;
  const found = await derive(services, hash, key, digestSalt, digestIterations, DIGEST_BYTES);
  return found.every((byte, index) => byte === digest[index]);
}

async function derive(
  services: DiskServices,
  hash: HashName,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Promise<Uint8Array> {
  if (services.pbkdf2 !== undefined) return await services.pbkdf2(hash, password, salt, iterations, length);
  return await pbkdf2Async(hashes[hash], password, salt, { c: iterations, dkLen: length });
}

/** Anti-forensic splitting: every stripe is needed to get the key back. `stripes` are random. */
function splitKey(key: Uint8Array, stripes: Uint8Array, hash: HashName): Uint8Array {
  const mixed = mixStripes(stripes, key.length, stripes.length / key.length, hash);
  const all = new Uint8Array(stripes.length + key.length);
  all.set(stripes);
  for (let index = 0; index < key.length; index++) all[stripes.length + index] = mixed[index]! ^ key[index]!;
  return all;
}

function mergeStripes(material: Uint8Array, keyBytes: number, stripes: number, hash: HashName): Uint8Array {
  const mixed = mixStripes(material, keyBytes, stripes - 1, hash);
  const last = (stripes - 1) * keyBytes;
  return mixed.map((byte, index) => byte ^ material[last + index]!);
}

function mixStripes(material: Uint8Array, keyBytes: number, count: number, hash: HashName): Uint8Array {
  const mixed = new Uint8Array(keyBytes);
  for (let stripe = 0; stripe < count; stripe++) {
    for (let index = 0; index < keyBytes; index++) mixed[index]! ^= material[stripe * keyBytes + index]!;
    diffuse(mixed, hashes[hash]);
  }
  return mixed;
}

/** Each piece of a digest's length becomes the hash of its number and itself. */
function diffuse(bytes: Uint8Array, hash: (typeof hashes)[HashName]): void {
  const step = hash.outputLen;
  for (let at = 0, index = 0; at < bytes.length; at += step, index++) {
    const piece = bytes.subarray(at, at + step);
    const input = new Uint8Array(4 + piece.length);
    new DataView(input.buffer).setUint32(0, index);
    input.set(piece, 4);
    piece.set(hash(input).subarray(0, piece.length));
  }
}

function uuidText(bytes: Uint8Array): string {
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

function corrupt(message: string): GuesthouseError {
  return new GuesthouseError("corrupt-image", message);
}

function unsupported(what: string): GuesthouseError {
  return new GuesthouseError("unsupported-image", `The disk's encryption uses what is not offered here: ${what}.`);
}
