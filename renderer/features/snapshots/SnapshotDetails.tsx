import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import type { Snapshot } from "../../../engine/api/snapshotProtocol.ts";
import { useServices } from "../../state/AppContext.tsx";
import { useMachineJob } from "../../state/useMachineWork.ts";
import { formatBytes, formatDate } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";
import { StateWord } from "../details/StateWord.tsx";
import { JobItem } from "../library/JobItem.tsx";

/** The picture of the screen when a snapshot was taken, as a data address. */
function useThumbnail(id: string, snapshot: Snapshot): string | undefined {
  const { session } = useServices();
  const [picture, setPicture] = useState<{ of: string; png: string }>();
  const { id: snapshotId, hasThumbnail } = snapshot;
  useEffect(() => {
    if (!hasThumbnail) return;
    session.call("snapshot.thumbnail", { id, snapshotId }).then(
      ({ pngBase64 }) => {
        if (pngBase64 !== null) setPicture({ of: snapshotId, png: pngBase64 });
      },
      () => {},
    );
  }, [session, id, snapshotId, hasThumbnail]);
  return picture?.of === snapshotId ? `data:image/png;base64,${picture.png}` : undefined;
}

function OneSnapshot({ machine, snapshot }: { machine: MachineSummary; snapshot: Snapshot }) {
  const { t, i18n } = useTranslation();
  const job = useMachineJob(machine.id);
  const picture = useThumbnail(machine.id, snapshot);
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
  return (
    <aside className="snapshot-details selectable" aria-label={t("snapshot.details")}>
      {snapshot !== undefined ? (
        <OneSnapshot machine={machine} snapshot={snapshot} />
      ) : (
        <>
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
