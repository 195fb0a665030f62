/** Names that files of a machine can have, wherever it is taken. */
const NAME_MAX = 80;

/** A name that every file system takes, made of any. */
export function plainFileName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters have no place in file names
  const safe = name.replace(/[\u0000-\u001f\u007f<>:"/\\|?*]+/g, "_").slice(0, NAME_MAX);
  const trimmed = safe.replace(/^[. ]+|[. ]+$/g, "");
  return trimmed === "" || /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(trimmed) ? `disk ${trimmed}`.trim() : trimmed;
}

/** Whether a disk in a machine's folder, beside the machine's own files, can be called that. */
export function isDiskFileName(name: string): boolean {
  return plainFileName(name) === name && !/^machine\.json/i.test(name);
}
