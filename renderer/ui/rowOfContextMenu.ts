import type { MouseEvent } from "react";

export interface PagePoint {
  x: number;
  y: number;
}

/**
 * The row of a list or tree that a menu was asked for, and where to hang the menu; then the browser shows none of its own. The context-menu
 * key reports no useful position: the menu hangs from the row.
 */
export function rowOfContextMenu(event: MouseEvent): { key: string; at: PagePoint } | undefined {
  const row = (event.target as HTMLElement).closest<HTMLElement>("[data-key]");
  const key = row?.dataset.key;
  if (row === null || key === undefined) return undefined;
  event.preventDefault();
  const edges = row.getBoundingClientRect();
  const inside = event.clientY >= edges.top && event.clientY <= edges.bottom && event.clientX > 0;
  return { key, at: inside ? { x: event.clientX, y: event.clientY } : { x: edges.left + 24, y: edges.bottom } };
}
