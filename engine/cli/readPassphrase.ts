import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { BadArguments } from "./BadArguments.ts";

/** A passphrase comes out of a file, because everybody on the computer can see a command line. A line's end behind it is not part of it. */
export async function readPassphrase(file: string): Promise<string> {
  const text = await readFile(resolve(file), "utf8").catch((error: unknown) => {
    throw new BadArguments(`No passphrase in ${file}: ${error instanceof Error ? error.message : String(error)}`);
  });
  const passphrase = text.replace(/\r?\n$/, "");
  if (passphrase === "") throw new BadArguments(`${file} is empty and holds no passphrase.`);
  return passphrase;
}

/** For options that may be absent. */
export async function readPassphraseOption(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : await readPassphrase(file);
}
