/** XML as this room writes it: elements, attributes and text, indented by two. Attributes and children that are undefined are left out. */
export interface XmlOutput {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string | undefined>>;
  readonly children?: readonly (XmlOutput | undefined)[];
  readonly text?: string;
}

export function writeXml(root: XmlOutput): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${lines(root, "").join("\n")}\n`;
}

export function textElement(
  name: string,
  text: string | undefined,
  attributes?: XmlOutput["attributes"],
): XmlOutput | undefined {
  if (text === undefined) return undefined;
  return attributes === undefined ? { name, text } : { name, text, attributes };
}

function lines({ name, attributes = {}, children = [], text }: XmlOutput, indent: string): string[] {
  const said = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${escapeXml(value)}"`],
  );
  const start = `${indent}<${name}${said.join("")}`;
  if (text !== undefined) return [`${start}>${escapeXml(text)}</${name}>`];
  const inside = children.flatMap((child) => (child === undefined ? [] : lines(child, `${indent}  `)));
  return inside.length === 0 ? [`${start}/>`] : [`${start}>`, ...inside, `${indent}</${name}>`];
}

/** Line ends inside attributes are written as references, or readers make spaces of them. Characters that XML cannot hold are dropped. */
function escapeXml(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML 1.0 has no way to write
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
      .replace(/[&<>"\r\n\t]/g, (character) => escapes[character]!)
  );
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#13;",
  "\n": "&#10;",
  "\t": "&#9;",
};
