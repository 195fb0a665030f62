/** Sections by kind, whatever way the descriptor's version has of saying it: `<DiskSection>`, or `<Section xsi:type="ovf:DiskSection_Type">` before 1.0. */
import type { XmlTree } from "../xml/XmlTree.ts";

const SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance";

export function sectionKind(element: XmlTree): string {
  if (element.name !== "Section" && element.name !== "Content") return element.name;
  const type = element.attributeIn(SCHEMA_INSTANCE, "type") ?? "";
  return type.slice(type.indexOf(":") + 1).replace(/_Type$/, "");
}

export function sectionOf(parent: XmlTree, kind: string): XmlTree | undefined {
  return sectionsOf(parent, kind)[0];
}

export function sectionsOf(parent: XmlTree, kind: string): XmlTree[] {
  return parent.children.filter((child) => sectionKind(child) === kind);
}
