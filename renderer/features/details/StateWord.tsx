import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useStateWord } from "../../state/useMachineWork.ts";

export function StateWord({ machine }: { machine: MachineSummary }) {
  return useStateWord(machine);
}
