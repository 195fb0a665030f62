/** What a person typed makes no sense; ends the command with status 2. */
export class BadArguments extends Error {
  override readonly name = "BadArguments";
}
