import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import type { Snapshot } from "../../../engine/api/snapshotProtocol.ts";
import { useMachineJob } from "../../state/useMachineWork.ts";
import { useThumbnail } from "../../state/useThumbnail.ts";
import { formatBytes, formatDate } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";
import { StateWord } from "../details/StateWord.tsx";
import { JobItem } from "../library/JobItem.tsx";

function OneSnapshot({ machine, snapshot }: { machine: MachineSummary; snapshot: Snapshot }) {
  const { t, i18n } = useTranslation();
  const job = useMachineJob(machine.id);
  const picture = useThumbnail(machine.id, snapshot.id, snapshot.hasThumbnail ? snapshot.takenMs : undefined);
  return (
    <>
      {picture === undefined ? null : (
        <img className="snapshot-picture" src={picture} alt={t("snapshot.picture", { name: snapshot.name })} />
      )}
      <h2>{snapshot.name}</h2>
      <dl className="snapshot-facts">
        <dt>{t("snapshot.taken")}</dt>
        <dd>{formatDate(snapshot.takenMs, i18n.language)}</dd>
        <dt>{t("snapshot.holds")}</dt>
        <dd>{snapshot.memory === "kept" ? t("snapshot.holdsState") : t("snapshot.holdsDisks")}</dd>
        <dt>{t("media.onDisk")}</dt>
        <dd>{formatBytes(snapshot.allocatedBytes, i18n.language)}</dd>
      </dl>
      {snapshot.memory === "arriving" ? (
        <>
          <Notice kind="info">{t("snapshot.memoryArriving")}</Notice>
          {job?.kind === "takeSnapshot" ? <JobItem job={job} /> : null}
        </>
      ) : null}
      {snapshot.memory === "lost" ? <Notice kind="warning">{t("snapshot.memoryLost")}</Notice> : null}
      {snapshot.description.trim() === "" ? null : <p className="snapshot-description">{snapshot.description}</p>}
    </>
  );
}

/** The chosen snapshot, or what snapshots are for. */
export function SnapshotDetails({
  machine,
  snapshot,
  count,
}: {
  machine: MachineSummary;
  snapshot: Snapshot | undefined;
  count: number;
}) {
  const { t } = useTranslation();
  const saved = machine.state.kind === "saved";
  const picture = useThumbnail(machine.id, null, saved ? machine.stateSinceMs : undefined);
  return (
    <aside className="snapshot-details selectable" aria-label={t("snapshot.details")}>
      {snapshot !== undefined ? (
        <OneSnapshot machine={machine} snapshot={snapshot} />
      ) : (
        <>
          {picture === undefined ? null : (
            <img className="snapshot-picture" src={picture} alt={t("preview.name", { name: machine.name })} />
          )}
          <h2>{t("snapshot.current")}</h2>
          <p className="quiet">
            <StateWord machine={machine} />
          </p>
          {count === 0 ? <p className="quiet">{t("snapshot.about")}</p> : null}
        </>
      )}
    </aside>
  );
}
