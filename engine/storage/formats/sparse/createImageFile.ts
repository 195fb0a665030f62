/** Makes a file for a new image and fills it; when that fails, no file is left behind. */
import type { StoreOpener } from "../../../contracts/DiskImage.ts";
import { ImageFile } from "./ImageFile.ts";

export async function createImageFile<T>(
  opener: StoreOpener,
  name: string,
  make: (file: ImageFile) => Promise<T>,
): Promise<T> {
  const file = await ImageFile.open(await opener.create(name), name, true);
  try {
    return await make(file);
  } catch (error) {
    await file.close();
    await opener.remove(name);
    throw error;
  }
}

/** Opens a file and looks at it; when that fails, the file is closed. */
export async function openImageFile<T>(
  opener: StoreOpener,
  name: string,
  access: "read" | "write",
  look: (file: ImageFile) => Promise<T>,
): Promise<T> {
  const file = await ImageFile.open(await opener.open(name, access), name, access === "write");
  try {
    return await look(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}
