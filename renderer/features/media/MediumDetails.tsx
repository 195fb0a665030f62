import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { HostProtocol } from "../../../engine/api/hostProtocol.ts";
import type { Medium } from "../../../engine/api/mediumProtocol.ts";
import type { ResultOf } from "../../../engine/api/ProtocolSpec.ts";
import { useServices } from "../../state/AppContext.tsx";
import { formatBytes, formatDate } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";
import { useSubformatName } from "./DiskFormatFields.tsx";
import { useUses } from "./MediumTree.tsx";

type Info = ResultOf<HostProtocol, "media.info">;

/** What is known of a medium beyond the list; read anew whenever the list has other news of it. */
function useMediumInfo(medium: Medium): Info | undefined {
  const { session } = useServices();
  const [info, setInfo] = useState<Info>();
  useEffect(() => {
    let open = true;
    session.call("media.info", { path: medium.path }).then(
      (found) => open && setInfo(found),
      () => open && setInfo(undefined),
    );
    return () => {
      open = false;
    };
  }, [session, medium]);
  return info?.medium.path === medium.path ? info : undefined;
}

function StateNotice({ medium }: { medium: Medium }) {
  const { t } = useTranslation();
  const { state } = medium;
  if (state.kind === "ready") return medium.dirty ? <Notice kind="warning">{t("media.dirty")}</Notice> : null;
  if (state.kind === "inUse") return <Notice kind="info">{t("media.state.inUse")}</Notice>;
  return (
    <Notice kind="error">
      <strong>{t(`media.state.${state.kind}`)}</strong>
      {"reason" in state ? <span>{state.reason}</span> : null}
    </Notice>
  );
}

export function MediumDetails({ medium }: { medium: Medium }) {
  const { t, i18n } = useTranslation();
  const nameOf = useSubformatName();
  const info = useMediumInfo(medium);
  const uses = useUses()(medium);
  const { format, subformat } = medium;
  const chain = info?.chain ?? [];
  const inner = info?.innerSnapshots ?? [];
  const facts: [string, string][] = [
    [t("media.file"), medium.path],
    [
      t("disk.format"),
      format === null ? "-" : `${format.toUpperCase()}${subformat === null ? "" : ` (${nameOf(subformat)})`}`,
    ],
    [t("media.size"), formatBytes(medium.sizeBytes, i18n.language)],
    [t("media.onDisk"), formatBytes(medium.allocatedBytes, i18n.language)],
    [t("media.attachedTo"), uses.length === 0 ? t("media.notAttached") : uses.join("\n")],
  ];
  if (medium.encrypted) facts.push([t("media.encryption"), t("media.encrypted")]);
  if (chain.length > 0) facts.push([t("media.restsOn"), chain.map((link) => link.path).join("\n")]);
  if (inner.length > 0) {
    const words = inner.map((snapshot) => `${snapshot.name} (${formatDate(snapshot.takenMs, i18n.language)})`);
    facts.push([t("media.innerSnapshots"), words.join("\n")]);
  }
  return (
    <section className="medium-details stack" aria-label={t("media.detailsOf", { name: medium.name })}>
      <StateNotice medium={medium} />
      <dl className="facts selectable">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
