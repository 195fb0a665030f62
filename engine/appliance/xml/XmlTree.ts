/**
 * An XML document as the readers of this room want it: elements with namespaces resolved, told apart by local names. Comments
 * and processing instructions are gone, and text is asked for by the name of the child that holds it. The parser knows no entities
 * but XML's own five and expands nothing; documents with a document type are refused, as descriptors need none.
 */
import { parseXml, type XmlDocument, type XmlElement } from "@rgrove/parse-xml";
import { GuesthouseError } from "../../base/GuesthouseError.ts";

const DEPTH_MAX = 64;
const TAGS_MAX = 200_000;

interface Attribute {
  readonly namespace: string;
  readonly name: string;
  readonly value: string;
}

export class XmlTree {
  readonly namespace: string;
  readonly name: string;
  readonly children: readonly XmlTree[];
  /** All text inside, its ends trimmed. */
  readonly text: string;
  readonly #attributes: readonly Attribute[];

  constructor(
    namespace: string,
    name: string,
    attributes: readonly Attribute[],
    children: readonly XmlTree[],
    text: string,
  ) {
    this.namespace = namespace;
    this.name = name;
    this.#attributes = attributes;
    this.children = children;
    this.text = text;
  }

  /** By local name, of whatever namespace: writers do not agree on whether attributes have one. */
  attribute(name: string): string | undefined {
    return this.#attributes.find((attribute) => attribute.name === name)?.value;
  }

  attributeIn(namespace: string, name: string): string | undefined {
    return this.#attributes.find((attribute) => attribute.name === name && attribute.namespace === namespace)?.value;
  }

  child(name: string): XmlTree | undefined {
    return this.children.find((child) => child.name === name);
  }

  childrenNamed(name: string): XmlTree[] {
    return this.children.filter((child) => child.name === name);
  }

  /** The text of the first child of that name, empty when there is none. */
  textOf(name: string): string {
    return this.child(name)?.text ?? "";
  }
}

/** Throws "appliance-xml" with the place. `what` names the file for people. */
export function parseXmlTree(bytes: Uint8Array, what: string): XmlTree {
  const source = decodeXml(bytes, what);
  refuseHuge(source, what);
  let document: XmlDocument;
  try {
    document = parseXml(source, { preserveDocumentType: true });
  } catch (error) {
    // The parser calls itself for elements inside elements.
    const reason = error instanceof RangeError ? "elements inside elements without end" : firstLine(error);
    throw badXml(what, reason, error);
  }
  if (document.children.some((node) => node.type === "doctype")) {
    throw new GuesthouseError("appliance-xml", `“${what}” has a document type, which no appliance needs.`, { what });
  }
  if (document.root === null) throw badXml(what, "there is no element");
  return toTree(document.root, new Map([["xml", "http://www.w3.org/XML/1998/namespace"]]), what, 0);
}

export function badXml(what: string, reason: string, cause?: unknown): GuesthouseError {
  return new GuesthouseError("appliance-xml", `“${what}” is no valid XML: ${reason}`, { what }, { cause });
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0]!.slice(0, 200);
}

function refuseHuge(source: string, what: string): void {
  let tags = 0;
  for (let at = source.indexOf("<"); at >= 0; at = source.indexOf("<", at + 1)) tags++;
  if (tags > TAGS_MAX) {
    throw new GuesthouseError("appliance-too-large", `“${what}” has far too many elements.`, { what, tags });
  }
}

/** By the byte order mark, else by what the declaration says. */
function decodeXml(bytes: Uint8Array, what: string): string {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 128));
  const declared = /^<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']/.exec(start)?.[1] ?? "utf-8";
  const label =
    bytes[0] === 0xfe && bytes[1] === 0xff
      ? "utf-16be"
      : bytes[0] === 0xff && bytes[1] === 0xfe
        ? "utf-16le"
        : declared;
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch (error) {
    throw badXml(what, `its characters are not ${label}`, error);
  }
}

function toTree(element: XmlElement, outer: ReadonlyMap<string, string>, what: string, depth: number): XmlTree {
  if (depth > DEPTH_MAX) throw badXml(what, "elements inside elements without end");
  const scope = scopeOf(element, outer);
  const attributes = Object.entries(element.attributes).map(([name, value]) => ({
    ...resolve(name, scope, ""),
    value,
  }));
  const children: XmlTree[] = [];
  let text = "";
  for (const node of element.children) {
    if (node.type === "element") children.push(toTree(node as XmlElement, scope, what, depth + 1));
    else if (node.type === "text" || node.type === "cdata") text += (node as unknown as { text: string }).text;
  }
  const { namespace, name } = resolve(element.name, scope, scope.get("") ?? "");
  return new XmlTree(namespace, name, attributes, children, text.trim());
}

function scopeOf(element: XmlElement, outer: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  let scope: Map<string, string> | undefined;
  for (const [name, value] of Object.entries(element.attributes)) {
    const prefix = name === "xmlns" ? "" : name.startsWith("xmlns:") ? name.slice(6) : undefined;
    if (prefix === undefined) continue;
    scope ??= new Map(outer);
    scope.set(prefix, value);
  }
  return scope ?? outer;
}

/** A prefix that nobody declared is dropped: such descriptors are about. */
function resolve(name: string, scope: ReadonlyMap<string, string>, plain: string): { namespace: string; name: string } {
  const colon = name.indexOf(":");
  if (colon < 0) return { namespace: plain, name };
  return { namespace: scope.get(name.slice(0, colon)) ?? "", name: name.slice(colon + 1) };
}
