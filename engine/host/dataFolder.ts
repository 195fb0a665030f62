/** The folder of a person's machines: GUESTHOUSE_HOME, or where the platform keeps application data. */
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

export function dataFolder(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform, home = homedir()): string {
  const chosen = environment.GUESTHOUSE_HOME;
  if (chosen !== undefined && chosen !== "") return resolve(chosen);
  switch (platform) {
    case "win32":
      return join(environment.APPDATA ?? join(home, "AppData", "Roaming"), "Guesthouse");
    case "darwin":
      return join(home, "Library", "Application Support", "Guesthouse");
    default: {
      // The base directory specification asks for relative values to be ignored.
      const data = environment.XDG_DATA_HOME;
      return join(data !== undefined && isAbsolute(data) ? data : join(home, ".local", "share"), "guesthouse");
    }
  }
}
