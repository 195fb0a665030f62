import { useTranslation } from "react-i18next";
import type { Job, MachineSummary } from "../../engine/api/MachineSummary.ts";
import { useHost } from "./AppContext.tsx";

/** Long work on a machine that is under way. */
export function useMachineJob(id: string): Job | undefined {
  return useHost((state) => state.jobs.find((job) => job.machineId === id && job.state === "running"));
}

/** A machine's state in a word; what it is busy with says more than "stopping". */
export function useStateWord(machine: MachineSummary): string {
  const { t } = useTranslation();
  const work = useMachineJob(machine.id)?.kind;
  if (work === "saveState") return t("state.saving");
  if (work === "restoreSnapshot") return t("state.restoring");
  return t(`state.${machine.state.kind}`);
}
