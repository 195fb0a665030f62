/**
 * The envelopes on an endpoint. The client says hello first, the server answers with its own; only then do calls flow. A
 * result or failure carries the id of its call; a failure with id null concerns the connection and is the last message
 * before it closes. Bytes are not enveloped: see `binaryMessage.ts`.
 */
import * as v from "valibot";
import { GuesthouseError } from "../base/GuesthouseError.ts";

const id = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const name = v.pipe(v.string(), v.maxLength(64));

export const wireErrorSchema = v.strictObject({
  kind: v.pipe(v.string(), v.maxLength(64)),
  message: v.string(),
  context: v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
});
export type WireError = v.InferOutput<typeof wireErrorSchema>;

const hello = v.strictObject({
  type: v.literal("hello"),
  protocol: name,
  version: v.pipe(v.number(), v.safeInteger()),
});
const failure = v.strictObject({ type: v.literal("failure"), id: v.nullable(id), error: wireErrorSchema });

export const clientMessageSchema = v.variant("type", [
  hello,
  v.strictObject({ type: v.literal("call"), id, command: name, params: v.unknown() }),
  v.strictObject({ type: v.literal("post"), command: name, params: v.unknown() }),
]);
export type ClientMessage = v.InferOutput<typeof clientMessageSchema>;

export const serverMessageSchema = v.variant("type", [
  hello,
  v.strictObject({ type: v.literal("result"), id, value: v.unknown() }),
  failure,
  v.strictObject({ type: v.literal("event"), event: name, payload: v.unknown() }),
]);
export type ServerMessage = v.InferOutput<typeof serverMessageSchema>;

/** An error as it crosses: facts that do not fit are left out, stack traces stay home. */
export function toWireError(error: unknown): WireError {
  if (error instanceof GuesthouseError) {
    return { kind: error.kind.slice(0, 64), message: error.message, context: { ...error.context } };
  }
  return { kind: "internal", message: error instanceof Error ? error.message : String(error), context: {} };
}

export function fromWireError(error: WireError): GuesthouseError {
  return new GuesthouseError(error.kind, error.message, error.context);
}

/** A short sentence about what a validator found first. */
export function firstIssue(issues: readonly v.BaseIssue<unknown>[]): string {
  const issue = issues[0];
  if (issue === undefined) return "no details";
  const path = v.getDotPath(issue);
  return path === null ? issue.message : `${path}: ${issue.message}`;
}
