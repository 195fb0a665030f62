import { useEffect, useState } from "react";
import { useServices } from "./AppContext.tsx";

const TYPING_PAUSE_MS = 200;

/** Asks the host, once typing pauses, whether another machine has this name. */
export function useNameTaken(name: string, exceptId: string | null): boolean {
  const { session } = useServices();
  const [takenName, setTakenName] = useState<string>();
  const wanted = name.trim();
  useEffect(() => {
    if (wanted === "") return;
    let current = true;
    const timer = setTimeout(() => {
      session.call("library.checkName", { name: wanted, exceptId }).then(
        ({ taken }) => {
          if (current) setTakenName(taken ? wanted : undefined);
        },
        // Creating or renaming asks again and reports what is wrong then.
        () => {},
      );
    }, TYPING_PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [session, wanted, exceptId]);
  return takenName !== undefined && takenName === wanted;
}
