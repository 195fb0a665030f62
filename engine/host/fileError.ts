/** What the operating system says about a file, as a typed error with a sentence for people. */
import { GuesthouseError } from "../base/GuesthouseError.ts";

const sentences: Readonly<Record<string, readonly [kind: string, sentence: string]>> = {
  ENOENT: ["file-missing", "The file does not exist"],
  ENOTDIR: ["file-missing", "The file does not exist"],
  EACCES: ["file-forbidden", "You may not open this file"],
  EPERM: ["file-forbidden", "You may not open this file"],
  EROFS: ["file-forbidden", "The file lies on a read-only file system"],
  EISDIR: ["not-a-file", "This is a folder, not a file"],
  EEXIST: ["file-exists", "The file exists already"],
  ENOSPC: ["disk-full", "The disk is full"],
  EDQUOT: ["disk-full", "The disk quota is used up"],
  ENAMETOOLONG: ["file-missing", "The file name is too long"],
};

export function fileError(error: unknown, path: string): GuesthouseError {
  if (error instanceof GuesthouseError) return error;
  const code = errorCode(error) ?? "unknown";
  const [kind, sentence] = sentences[code] ?? ["io-error", "The file could not be used"];
  return new GuesthouseError(kind, `${sentence}: ${path}`, { path, code }, { cause: error });
}

export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}
