import { GuesthouseError } from "../../base/GuesthouseError.ts";
import { SNAPSHOT_DOCUMENT_VERSION, type SnapshotDocument } from "./SnapshotDocument.ts";

type Fields = Record<string, unknown>;

/** Reads what was written as JSON. Throws "snapshots-damaged" for what is no document, or one whose parts do not fit together. */
export function parseDocument(text: string): SnapshotDocument {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged("it is no JSON", cause);
  }
  if (!isDocument(value)) throw damaged("something is missing or of another kind");
  checkParents(value.nodes, "snapshots");
  checkParents(value.layers, "disk layers");
  const layers = new Set(value.layers.map(({ id }) => id));
  const nodes = new Set(value.nodes.map(({ id }) => id));
  for (const { layers: seen } of [...value.nodes, value.current]) {
    for (const id of Object.values(seen)) if (!layers.has(id)) throw damaged(`there is no disk layer ${id}`);
  }
  const { parent } = value.current;
  if (parent !== undefined && !nodes.has(parent)) throw damaged(`there is no snapshot ${parent}`);
  return value;
}

/** Every parent is there, and nothing is its own ancestor. */
function checkParents(items: readonly { id: string; parent?: string }[], what: string): void {
  const parents = new Map(items.map(({ id, parent }) => [id, parent]));
  if (parents.size !== items.length) throw damaged(`two ${what} have one name`);
  for (const { id } of items) {
    let at: string | undefined = id;
    for (let steps = 0; at !== undefined; steps++) {
      if (!parents.has(at) || steps > items.length) throw damaged(`the ${what} are no tree`);
      at = parents.get(at);
    }
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";
const mayBeText = (value: unknown): boolean => value === undefined || isText(value);
const isLayers = (value: unknown): boolean => isFields(value) && Object.values(value).every(isText);

function isNode(value: unknown): boolean {
  if (!isFields(value)) return false;
  const texts = [value.id, value.name, value.description, value.settings].every(isText);
  const optional = [value.parent, value.state, value.awaited, value.thumbnail].every(mayBeText);
  return texts && optional && typeof value.takenAtMs === "number" && isLayers(value.layers);
}

function isLayer(value: unknown): boolean {
  if (!isFields(value)) return false;
  return isText(value.id) && isText(value.file) && mayBeText(value.parent) && typeof value.original === "boolean";
}

function isDocument(value: unknown): value is SnapshotDocument {
  if (!isFields(value) || value.version !== SNAPSHOT_DOCUMENT_VERSION || !Number.isSafeInteger(value.revision))
    return false;
  const { nodes, layers, current } = value;
  if (!Array.isArray(nodes) || !nodes.every(isNode) || !Array.isArray(layers) || !layers.every(isLayer)) return false;
  if (!isFields(current) || !isLayers(current.layers) || typeof current.changed !== "boolean") return false;
  return mayBeText(current.parent) && mayBeText(current.state);
}

function damaged(detail: string, cause?: unknown): GuesthouseError {
  return new GuesthouseError("snapshots-damaged", `The list of snapshots is damaged: ${detail}.`, {}, { cause });
}
