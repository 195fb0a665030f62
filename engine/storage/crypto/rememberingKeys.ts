import type { DiskServices } from "../../contracts/DiskImage.ts";

/** Services that work on a passphrase once for all images where it is the same work; for one piece of work, not to be kept. */
export function rememberingKeys(services: DiskServices): DiskServices {
  const { pbkdf2 } = services;
  if (pbkdf2 === undefined) return services;
  const known = new Map<string, Promise<Uint8Array>>();
  return {
    ...services,
    pbkdf2: async (hash, password, salt, iterations, lengthBytes) => {
      const name = [hash, iterations, lengthBytes, password.join(), salt.join()].join(" ");
      const key = known.get(name) ?? pbkdf2(hash, password, salt, iterations, lengthBytes);
      known.set(name, key);
      return (await key).slice();
    },
  };
}
