/**
 * Encrypted QCOW2 images: LUKS in an area of the file, whose sectors are numbered by their place in the file; and the older
 * AES-128-CBC under the bare passphrase, whose sectors are numbered by their place on the disk (docs/interop/qcow2.txt, "Data encryption"). New
 * images get LUKS.
 */
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import type { CreateDiskOptions, OpenDiskOptions, PassphraseWork } from "../../../contracts/DiskImage.ts";
import type { DiskCipher } from "../../crypto/DiskCipher.ts";
import { createLuks, openLuks, passphraseNeeded, readPassphraseWork } from "../../crypto/luks.ts";
import { CbcCipher, plain64Vector } from "../../crypto/sectorCiphers.ts";
import { corrupt, cryptMethods, type Qcow2Header } from "./Qcow2Header.ts";
import type { Qcow2Volume } from "./Qcow2Volume.ts";

const AES_KEY_BYTES = 16;

/** Undefined for an image that is not encrypted. Fails like `openLuks`. */
export async function openQcowCipher(
  store: ByteStore,
  header: Pick<Qcow2Header, "cryptMethod" | "crypto">,
  options: OpenDiskOptions,
): Promise<DiskCipher | undefined> {
  if (header.cryptMethod === cryptMethods.none) return undefined;
  if (options.locked === true && options.passphrase === undefined) return lockedCipher;
  if (header.cryptMethod === cryptMethods.aes) return passwordCipher(options.passphrase);
  return await openLuks(areaReader(store, header), options.passphrase, options.services);
}

/** Undefined for an image that new ones cannot be made like. */
export async function qcowPassphraseWork(
  store: ByteStore,
  header: Pick<Qcow2Header, "cryptMethod" | "crypto">,
): Promise<PassphraseWork | undefined> {
  if (header.cryptMethod !== cryptMethods.luks) return undefined;
  // What is wrong with it is told by who opens it.
  return await readPassphraseWork(areaReader(store, header)).catch(() => undefined);
}

function areaReader(store: ByteStore, header: Pick<Qcow2Header, "crypto">) {
  const area = header.crypto!;
  return async (offset: number, length: number) => {
    const bytes = new Uint8Array(length);
    const inside = offset + length <= area.length;
    if (!inside || (await store.read(area.offset + offset, bytes)) < length) {
      throw corrupt("The image's LUKS header is cut short.", { offset, length });
    }
    return bytes;
  };
}

const refuse = (): never => {
  throw passphraseNeeded();
};

/** Of an image that is only looked at. */
const lockedCipher: DiskCipher = { encrypt: refuse, decrypt: refuse };

/** The passphrase itself is the key, and nothing tells a wrong one. */
function passwordCipher(passphrase: string | undefined): DiskCipher {
  if (passphrase === undefined) throw passphraseNeeded();
  const key = new Uint8Array(AES_KEY_BYTES);
  key.set(new TextEncoder().encode(passphrase).subarray(0, AES_KEY_BYTES));
  return new CbcCipher(key, plain64Vector);
}

/** Puts a LUKS header into a new image; the image's own header is to be written afterwards. */
export async function createQcowCipher(
  volume: Qcow2Volume,
  { passphrase, passphraseWork, services }: CreateDiskOptions,
): Promise<DiskCipher | undefined> {
  if (passphrase === undefined) return undefined;
  const { bytes, cipher } = await createLuks(passphrase, services, passphraseWork);
  const offset = await volume.refcounts.allocateWhole(Math.ceil(bytes.length / volume.clusterBytes));
  await volume.store.write(offset, bytes);
  volume.header.crypto = { offset, length: bytes.length };
  return cipher;
}
