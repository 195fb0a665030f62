/** Encrypted QCOW2 images. */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import type { CreateDiskOptions, OpenDiskOptions } from "../../../contracts/DiskImage.ts";
import type { DiskCipher } from "../../crypto/DiskCipher.ts";
import { cryptMethods, type Qcow2Header } from "./Qcow2Header.ts";
import type { Qcow2Volume } from "./Qcow2Volume.ts";

export async function openQcowCipher(
  _store: ByteStore,
  header: Qcow2Header,
  _options: OpenDiskOptions,
): Promise<DiskCipher | undefined> {
  if (header.cryptMethod === cryptMethods.none) return undefined;
  throw new GuesthouseError("unsupported-image", "The image is encrypted.");
}

export async function createQcowCipher(
  _volume: Qcow2Volume,
  options: CreateDiskOptions,
): Promise<DiskCipher | undefined> {
  if (options.passphrase === undefined) return undefined;
  throw new GuesthouseError("unsupported-operation", "The image is encrypted.");
}
