/**
 * What a protocol is to `ProtocolClient` and `ProtocolServer`: named commands with validators for parameters and results, and
 * named events with validators for payloads. One-way commands have no answer. The same machinery carries the host's API and
 * the private one between host and engine process.
 */
import type * as v from "valibot";

export interface CommandSpec {
  readonly params: v.GenericSchema;
  /** Absent for a one-way command. */
  readonly result?: v.GenericSchema;
}

export interface ProtocolSpec {
  readonly name: string;
  readonly version: number;
  readonly commands: Readonly<Record<string, CommandSpec>>;
  readonly events: Readonly<Record<string, v.GenericSchema>>;
}

export type CommandNames<P extends ProtocolSpec> = keyof P["commands"] & string;
export type EventNames<P extends ProtocolSpec> = keyof P["events"] & string;

/** Commands with an answer. */
export type CallNames<P extends ProtocolSpec> = {
  [C in CommandNames<P>]: P["commands"][C] extends { readonly result: v.GenericSchema } ? C : never;
}[CommandNames<P>];

/** Commands without one. */
export type PostNames<P extends ProtocolSpec> = Exclude<CommandNames<P>, CallNames<P>>;

export type ParamsOf<P extends ProtocolSpec, C extends CommandNames<P>> = v.InferOutput<P["commands"][C]["params"]>;

/** Undefined for a one-way command. */
export type ResultOf<P extends ProtocolSpec, C extends CommandNames<P>> = P["commands"][C] extends {
  readonly result: infer R extends v.GenericSchema;
}
  ? v.InferOutput<R>
  : undefined;

export type PayloadOf<P extends ProtocolSpec, E extends EventNames<P>> = v.InferOutput<P["events"][E]>;
