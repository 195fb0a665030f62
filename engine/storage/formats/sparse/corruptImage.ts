/** The errors of all format readers: bytes that contradict the format, and features that are recognized and not offered. */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";

type Facts = Record<string, string | number | boolean>;

export function corruptImage(name: string, what: string, facts: Facts = {}): GuesthouseError {
  return new GuesthouseError("corrupt-image", `“${name}” is damaged: ${what}.`, { name, ...facts });
}

export function unsupportedImage(name: string, what: string, facts: Facts = {}): GuesthouseError {
  return new GuesthouseError("unsupported-image", `“${name}” cannot be opened: ${what}.`, { name, ...facts });
}
