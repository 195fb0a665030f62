import { useTranslation } from "react-i18next";
import { useHost } from "../../state/AppContext.tsx";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { JobItem } from "./JobItem.tsx";

function HostMemory() {
  const { t, i18n } = useTranslation();
  const info = useHost((state) => state.info);
  const memory = useHost((state) => state.memory);
  const total = memory?.memoryBytes ?? info?.memoryBytes;
  const free = memory?.memoryFreeBytes ?? info?.memoryFreeBytes;
  if (total === undefined || free === undefined) return null;
  const format = (bytes: number) => formatBytes(bytes, i18n.language);
  return (
    <span className="host-memory">
      {memory !== undefined && memory.guestsBytes > 0 ? (
        <span>{t("statusBar.guests", { size: format(memory.guestsBytes) })}</span>
      ) : null}
      <span>{t("statusBar.hostMemory", { used: format(total - free), total: format(total) })}</span>
    </span>
  );
}

/** Jobs on the left, the host's memory on the right. */
export function StatusBar() {
  const { t } = useTranslation();
  const jobs = useHost((state) => state.jobs);
  const running = useHost((state) => state.machines.filter((machine) => machine.state.kind === "running").length);
  return (
    <footer className="status-bar">
      <span className="jobs" role="status" aria-label={t("jobs.title")}>
        {jobs.length === 0 ? <span className="quiet">{t("statusBar.running", { count: running })}</span> : null}
        {jobs.map((job) => (
          <JobItem key={job.id} job={job} />
        ))}
      </span>
      <HostMemory />
    </footer>
  );
}
