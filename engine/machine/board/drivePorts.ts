import type { Places } from "./drivePlaces.ts";

/**
 * Which place of its controller each drive has: what it asks for, or the next free one where it asks for none, for one that is not there, or for one
 * that an earlier drive has. Drives beyond the last place get undefined.
 */
export function drivePorts(wanted: readonly (number | undefined)[], places: Places): (number | undefined)[] {
  const taken = new Set<number>();
  const end = places.first + places.count;
  const take = (port: number): number => {
    taken.add(port);
    return port;
  };
  const isFree = (port: number): boolean => port >= places.first && port < end && !taken.has(port);
  const asked = wanted.map((port) => (port !== undefined && isFree(port) ? take(port) : undefined));
  return asked.map((port) => {
    if (port !== undefined) return port;
    for (let free = places.first; free < end; free++) if (isFree(free)) return take(free);
    return undefined;
  });
}
