/** A guess is made when this much time and this much of the work went by. */
const WATCHED_MS = 2000;
const WATCHED_SHARE = 0.01;

/** How long work will take from here, by what was done of it since it was first seen; undefined while that says nothing. */
export function timeLeftMs(watchedMs: number, firstShare: number, share: number): number | undefined {
  const done = share - firstShare;
  if (watchedMs < WATCHED_MS || done < WATCHED_SHARE) return undefined;
  return (watchedMs * (1 - share)) / done;
}
