import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { HostProtocol } from "../../../engine/api/hostProtocol.ts";
import type { ResultOf } from "../../../engine/api/ProtocolSpec.ts";
import { GuesthouseError } from "../../../engine/base/GuesthouseError.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { withDiskPassphrases } from "../../state/passphrases.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";
import { type SnapshotDialogProps, useSnapshot } from "./SnapshotDialogProps.ts";

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
          <dd>
            {cost.neededBytes === 0
              ? t("snapshot.neededNone")
              : t("snapshot.neededValue", { needed: size(cost.neededBytes), available: size(cost.availableBytes) })}
          </dd>
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
export function DeleteSnapshotDialog({ id, snapshotId, onClose }: SnapshotDialogProps) {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const [cost, setCost] = useState<Cost>();
  const snapshot = useSnapshot(id, snapshotId);
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
    void attempt(t("failure.snapshot.delete", { name }), async () => {
      const order = { id, snapshotId };
      try {
        await withDiskPassphrases(shell, (given) => session.call("snapshot.delete", { ...order, ...given }));
      } catch (error) {
        if (!(error instanceof GuesthouseError) || error.context.deleted !== true) throw error;
        await attempt(t("failure.snapshot.join", { name }), () => Promise.reject(error));
      }
    });
  };
  return (
    <ActionDialog
      shape="question"
      title={t("snapshot.deleteTitle", { name })}
      action={t("snapshot.delete")}
      danger
      enabled={cost === undefined || cost.neededBytes <= cost.availableBytes}
      onAction={remove}
      onClose={onClose}
    >
      <p>{t(snapshot.withState ? "snapshot.deleteStateBody" : "snapshot.deleteBody", { name })}</p>
      {cost === undefined ? (
        <p className="quiet" role="status">
          {t("snapshot.reckoning")}
        </p>
      ) : (
        <CostView cost={cost} />
      )}
    </ActionDialog>
  );
}
