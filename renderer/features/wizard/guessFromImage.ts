/**
 * What an image's file name gives away: a name for the machine and the system inside. Only the name is looked at; the catalogue's
 * patterns decide, in its order.
 */

import type { OsType } from "../../../engine/api/OsType.ts";
import { guessOsType } from "../../../engine/api/osTypes.ts";
import { baseName } from "../../ui/formatQuantities.ts";

export interface ImageGuess {
  /** A name for the machine: the system's where it is known, with the version, or the file's own words. */
  name: string;
  osType: OsType | undefined;
}

const noise =
  /\b(amd64|x86[-_]64|x86|i[3-6]86|x64|dvd\d*|cd\d*|disc\d*|netinst|live|install(er)?|standard|desktop|server|bootonly|boot|iso|release|en|us)\b/gi;

export function guessFromImage(path: string): ImageGuess {
  const stem = baseName(path).replace(/\.(iso|img|ima|flp|vfd|bin|raw)$/i, "");
  const osType = guessOsType(baseName(path));
  const version = /(?:^|[^0-9])(\d{1,2}(?:\.\d+){0,2})(?![0-9])/.exec(
    stem.replace(/x86[-_]64|amd64|i[3-6]86/gi, ""),
  )?.[1];
  const isGeneral = osType === undefined || /^other/i.test(osType.name);
  if (!isGeneral) {
    const system = osType.name.replace(/\s*\((32|64)-bit\)/, "");
    const saysVersion = version !== undefined && !system.includes(version) && !/\d/.test(system);
    return { name: saysVersion ? `${system} ${version}` : system, osType };
  }
  const words = stem.replace(/[-_]+/g, " ").replace(noise, " ").replace(/\s+/g, " ").trim();
  const name = words === "" ? stem : words;
  return { name: name.charAt(0).toUpperCase() + name.slice(1), osType };
}
