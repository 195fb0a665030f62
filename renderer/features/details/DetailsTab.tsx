import { AlignLeft, Cable, ChevronDown, Cpu, HardDrive, Info, type LucideIcon, Monitor } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useServices } from "../../state/AppContext.tsx";
import { useDiskFacts } from "../../state/useDiskFacts.ts";
import { useDriveMenu } from "../../state/useDriveMenu.tsx";
import { Button } from "../../ui/Button.tsx";
import { MenuButton } from "../../ui/Menu.tsx";
import "./details.css";
import { type DetailLine, type DetailSection, detailSections } from "./detailSections.ts";
import { MachineAside } from "./MachineAside.tsx";
import { StopNotice } from "./StopNotice.tsx";

const icons: Record<DetailSection["id"], LucideIcon> = {
  general: Info,
  system: Cpu,
  display: Monitor,
  storage: HardDrive,
  serial: Cable,
  description: AlignLeft,
};

function DriveValue({ machine, line }: { machine: MachineSummary; line: DetailLine }) {
  const menu = useDriveMenu(machine);
  if (line.drive === undefined) return null;
  return (
    <MenuButton
      label={`${line.name.replace(/:$/, "")}: ${line.value}`}
      className="button button-link drive-link"
      entries={menu(line.drive.kind, line.drive.slot, line.drive.path)}
    >
      {line.value}
      <ChevronDown size={12} aria-hidden />
    </MenuButton>
  );
}

function Section({ machine, section }: { machine: MachineSummary; section: DetailSection }) {
  const { t } = useTranslation();
  const { shell } = useServices();
  const Icon = icons[section.id];
  const open = () => shell.open({ kind: "settings", id: machine.id, section: section.settings });
  return (
    <section className="detail-section" aria-label={t(`section.${section.id}`)}>
      <h2>
        <Icon size={15} aria-hidden />
        <Button variant="link" className="detail-title" onPress={open}>
          {t(`section.${section.id}`)}
        </Button>
      </h2>
      <dl>
        {section.lines.map((line) => (
          <div key={line.key} className={line.name === "" ? "detail-line detail-wide" : "detail-line"}>
            {line.name === "" ? null : <dt>{line.name}</dt>}
            <dd title={line.title}>
              {line.drive === undefined ? (
                <Button variant="link" className="detail-value" onPress={open}>
                  {line.value}
                </Button>
              ) : (
                <DriveValue machine={machine} line={line} />
              )}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function DetailsTab({ machine }: { machine: MachineSummary }) {
  const { t, i18n } = useTranslation();
  const disks = useDiskFacts(machine);
  if (machine.config === null) return null;
  return (
    <div className="details">
      <div className="details-main">
        <StopNotice machine={machine} />
        {detailSections(machine.config, t, i18n.language, disks).map((section) => (
          <Section key={section.id} machine={machine} section={section} />
        ))}
      </div>
      <MachineAside machine={machine} />
    </div>
  );
}
