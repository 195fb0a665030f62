/**
 * The media of one kind as trees: a differencing image hangs below what it rests on. A search keeps what matches and everything above
 * it, so that a match never loses its place.
 */
import type { Medium, MediumKind } from "../../../engine/api/mediumProtocol.ts";

export interface MediumNode {
  /** The path: what a collection knows an item by. */
  readonly id: string;
  readonly medium: Medium;
  readonly children: readonly MediumNode[];
}

function matches(medium: Medium, words: readonly string[]): boolean {
  const text = [medium.name, medium.path, medium.format ?? "", ...medium.attachedTo.map((use) => use.machineName)]
    .join("\n")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

function byName(a: Medium, b: Medium): number {
  return a.name.localeCompare(b.name, undefined, { numeric: true }) || (a.path < b.path ? -1 : 1);
}

export function mediaForest(media: readonly Medium[], kind: MediumKind, search: string): readonly MediumNode[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const ofKind = media.filter((medium) => medium.kind === kind).sort(byName);
  const known = new Set(ofKind.map((medium) => medium.path));
  const node = (medium: Medium, above: ReadonlySet<string>): MediumNode => {
    const seen = new Set([...above, medium.path]);
    return {
      id: medium.path,
      medium,
      children: kept(
        ofKind.filter((child) => child.parentPath === medium.path && !seen.has(child.path)),
        seen,
      ),
    };
  };
  const kept = (level: readonly Medium[], above: ReadonlySet<string>): MediumNode[] =>
    level
      .map((medium) => node(medium, above))
      .filter(({ medium, children }) => children.length > 0 || matches(medium, words));
  const isRoot = (medium: Medium) =>
    medium.parentPath === null || !known.has(medium.parentPath) || restsOnItself(medium, ofKind);
  return kept(ofKind.filter(isRoot), new Set());
}

/** A damaged header can name a loop; then the image stands at the top, where it can be seen and removed. */
function restsOnItself(medium: Medium, media: readonly Medium[]): boolean {
  const seen = new Set<string>();
  for (let path = medium.parentPath; path !== null; ) {
    if (path === medium.path) return true;
    if (seen.has(path)) return false;
    seen.add(path);
    path = media.find((other) => other.path === path)?.parentPath ?? null;
  }
  return false;
}

/** All nodes, parents before children. */
export function flattenForest(forest: readonly MediumNode[]): Medium[] {
  return forest.flatMap(({ medium, children }) => [medium, ...flattenForest(children)]);
}
