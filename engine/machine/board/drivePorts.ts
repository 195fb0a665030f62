/**
 * Which port of its controller each drive hangs on: what it asks for, or the next free one where it asks for none, for one that is not there, or for one
 * that an earlier drive has. `placeCount` is the number of ports; drives beyond it get undefined.
 */
export function drivePorts(wanted: readonly (number | undefined)[], placeCount: number): (number | undefined)[] {
  const taken = new Set<number>();
  const take = (port: number): number => {
    taken.add(port);
    return port;
  };
  const isFree = (port: number): boolean => port < placeCount && !taken.has(port);
  const asked = wanted.map((port) => (port !== undefined && isFree(port) ? take(port) : undefined));
  return asked.map((port) => {
    if (port !== undefined) return port;
    for (let free = 0; free < placeCount; free++) if (isFree(free)) return take(free);
    return undefined;
  });
}
