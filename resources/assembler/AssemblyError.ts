/** A mistake in assembly source, with the line it stands on. */
export class AssemblyError extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
    this.name = "AssemblyError";
    this.line = line;
  }
}
