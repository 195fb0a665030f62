import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { HostProtocol } from "../../../engine/api/hostProtocol.ts";
import type { ResultOf } from "../../../engine/api/ProtocolSpec.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { useSnapshots } from "../../state/useSnapshots.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";

type Cost = ResultOf<HostProtocol, "snapshot.deleteCost">;

function CostView({ cost }: { cost: Cost }) {
  const { t, i18n } = useTranslation();
  const size = (bytes: number) => formatBytes(bytes, i18n.language);
  const tight = cost.neededBytes > cost.availableBytes;
  return (
    <>
      <dl className="facts">
        <div>
          <dt>{t("snapshot.needed")}</dt>
          <dd>{t("snapshot.neededValue", { needed: size(cost.neededBytes), available: size(cost.availableBytes) })}</dd>
        </div>
        <div>
          <dt>{t("snapshot.freed")}</dt>
          <dd>{t("snapshot.freedValue", { freed: size(cost.freedBytes) })}</dd>
        </div>
      </dl>
      {tight ? <Notice kind="error">{t("snapshot.tooTight")}</Notice> : null}
    </>
  );
}

/** Deletes a snapshot: its content is merged into what follows. Says beforehand what space that takes and gives. */
export function DeleteSnapshotDialog({
  id,
  snapshotId,
  onClose,
}: {
  id: string;
  snapshotId: string;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const [cost, setCost] = useState<Cost>();
  const snapshot = useSnapshots(id)?.snapshots.find((candidate) => candidate.id === snapshotId);
  useEffect(() => {
    let open = true;
    session.call("snapshot.deleteCost", { id, snapshotId }).then(
      (found) => open && setCost(found),
      () => {},
    );
    return () => {
      open = false;
    };
  }, [session, id, snapshotId]);
  if (snapshot === undefined) return null;
  const { name } = snapshot;
  const remove = () => {
    onClose();
    void attempt(t("failure.snapshot.delete", { name }), () => session.call("snapshot.delete", { id, snapshotId }));
  };
  return (
    <Dialog
      role="alertdialog"
      title={t("snapshot.deleteTitle", { name })}
      width={500}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose} autoFocus>
            {t("actions.cancel")}
          </Button>
          <Button
            variant="danger"
            isDisabled={cost !== undefined && cost.neededBytes > cost.availableBytes}
            onPress={remove}
          >
            {t("snapshot.delete")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p>{t(snapshot.withState ? "snapshot.deleteStateBody" : "snapshot.deleteBody", { name })}</p>
        {cost === undefined ? (
          <p className="quiet" role="status">
            {t("snapshot.reckoning")}
          </p>
        ) : (
          <CostView cost={cost} />
        )}
      </div>
    </Dialog>
  );
}
