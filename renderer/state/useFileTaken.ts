import { useEffect, useState } from "react";
import { useServices } from "./AppContext.tsx";

const TYPING_PAUSE_MS = 200;

/** Asks the host, once typing pauses, whether a file of this path exists that must not be written over. */
export function useFileTaken(path: string): boolean {
  const { session } = useServices();
  const [takenPath, setTakenPath] = useState<string>();
  const wanted = path.trim();
  useEffect(() => {
    if (wanted === "") return;
    let current = true;
    const timer = setTimeout(() => {
      session.call("files.stat", { path: wanted }).then(
        ({ exists }) => {
          if (current) setTakenPath(exists ? wanted : undefined);
        },
        // Whoever writes the file asks again and reports what is wrong then.
        () => {},
      );
    }, TYPING_PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [session, wanted]);
  return takenPath !== undefined && takenPath === wanted;
}
