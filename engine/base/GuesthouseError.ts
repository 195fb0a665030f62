/**
 * The error for bad input from outside (a file, a packet, a message): a stable kind that programs can test, a
 * sentence for people, and the facts behind it. A broken invariant of our own throws a plain Error instead.
 */
export class GuesthouseError<Kind extends string = string> extends Error {
  readonly kind: Kind;
  /** Facts that a user interface may show folded: paths, offsets, expected and found values. */
  readonly context: Readonly<Record<string, string | number | boolean>>;

  constructor(
    kind: Kind,
    message: string,
    context: Readonly<Record<string, string | number | boolean>> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = "GuesthouseError";
    this.kind = kind;
    this.context = context;
  }
}
