import { LoaderCircle, PackageOpen, Play, Plus } from "lucide-react";
import { Link } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { isLive } from "../../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { formatRoute } from "../../app/routes.ts";
import { useHost, useServices } from "../../state/AppContext.tsx";
import { useBuiltinGuest } from "../../state/useBuiltinGuest.ts";
import { Button } from "../../ui/Button.tsx";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { Logo } from "../../ui/Logo.tsx";
import { StateIcon } from "../../ui/StateIcon.tsx";
import { ScreenPreview } from "../details/ScreenPreview.tsx";
import { StateWord } from "../details/StateWord.tsx";

function MachineCard({ machine }: { machine: MachineSummary }) {
  const tab = isLive(machine.state.kind) ? "console" : "details";
  return (
    <Link className="machine-card" href={formatRoute({ kind: "machine", id: machine.id, tab })}>
      <ScreenPreview machine={machine} />
      <span className="machine-card-words">
        <span className="machine-name truncate">{machine.name}</span>
        <span className="machine-state">
          <StateIcon state={machine.state.kind} size={13} />
          <StateWord machine={machine} />
        </span>
      </span>
    </Link>
  );
}

function HostFacts() {
  const { t, i18n } = useTranslation();
  const info = useHost((state) => state.info);
  if (info === undefined) return null;
  const facts: [string, string][] = [
    [t("host.computer"), `${info.platform} ${info.architecture}`],
    [t("host.processor"), `${info.processorModel} (${info.processors})`],
    [t("host.memory"), formatBytes(info.memoryBytes, i18n.language)],
    [t("host.freeSpace"), formatBytes(info.dataFreeBytes, i18n.language)],
    [t("host.dataFolder"), info.dataFolder],
  ];
  return (
    <section className="host-facts" aria-label={t("host.title")}>
      <h2>{t("host.title")}</h2>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="selectable">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function HomePage() {
  const { t } = useTranslation();
  const { shell } = useServices();
  const loaded = useHost((state) => state.loaded);
  const machines = useHost((state) => state.machines);
  const { busy, tryIt } = useBuiltinGuest();
  if (!loaded) {
    return (
      <div className="home-loading quiet" role="status">
        <LoaderCircle size={20} className="spinner" aria-hidden />
        {t("connection.connecting")}
      </div>
    );
  }
  const shown = [...machines].sort((a, b) => Number(isLive(b.state.kind)) - Number(isLive(a.state.kind))).slice(0, 12);
  return (
    <div className={`home ${machines.length === 0 ? "home-empty" : ""}`}>
      <div className="home-welcome">
        <Logo size={machines.length === 0 ? 64 : 40} />
        <div>
          <h1>{machines.length === 0 ? t("home.emptyTitle") : t("home.title")}</h1>
          <p className="quiet">{machines.length === 0 ? t("home.emptyBody") : t("home.body")}</p>
        </div>
        <div className="home-actions">
          <Button variant="primary" large onPress={() => shell.open({ kind: "newMachine" })}>
            <Plus size={18} aria-hidden />
            {t("actions.newMachine")}
          </Button>
          <Button large onPress={() => shell.open({ kind: "import" })}>
            <PackageOpen size={18} aria-hidden />
            {t("actions.import")}
          </Button>
          <Button large isDisabled={busy} onPress={tryIt}>
            {busy ? <LoaderCircle size={18} className="spinner" aria-hidden /> : <Play size={18} aria-hidden />}
            {t("home.tryBuiltin")}
          </Button>
        </div>
      </div>
      {shown.length === 0 ? null : (
        <section aria-label={t("library.machines")} className="machine-cards">
          {shown.map((machine) => (
            <MachineCard key={machine.id} machine={machine} />
          ))}
        </section>
      )}
      <HostFacts />
    </div>
  );
}
