import { Cell, Column, Row, Table, TableBody, TableHeader } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { isLive } from "../../../engine/api/MachineState.ts";
import { navigate } from "../../app/routes.ts";
import { useHost } from "../../state/AppContext.tsx";
import { useNow } from "../../state/useNow.ts";
import { formatBytes, formatClock, formatNumber, formatRate } from "../../ui/formatQuantities.ts";
import { StateIcon } from "../../ui/StateIcon.tsx";
import { StateWord } from "../details/StateWord.tsx";
import "./activity.css";

/** What every live machine is doing, side by side. */
export function ActivityOverview() {
  const { t, i18n } = useTranslation();
  const machines = useHost((state) => state.machines);
  const history = useHost((state) => state.history);
  const live = machines.filter((machine) => isLive(machine.state.kind));
  const now = useNow(live.length > 0 ? 1000 : undefined);
  const locale = i18n.language;
  return (
    <div className="overview">
      <h1>{t("library.overview")}</h1>
      <Table
        aria-label={t("library.overview")}
        className="overview-table"
        onRowAction={(key) => navigate({ kind: "machine", id: String(key), tab: "activity" })}
      >
        <TableHeader>
          <Column isRowHeader>{t("details.name")}</Column>
          <Column>{t("aside.state")}</Column>
          <Column>{t("aside.uptime")}</Column>
          <Column>{t("activity.load")}</Column>
          <Column>{t("activity.speed")}</Column>
          <Column>{t("activity.storage")}</Column>
          <Column>{t("activity.memory")}</Column>
        </TableHeader>
        <TableBody renderEmptyState={() => <p className="quiet overview-empty">{t("activity.nothingRuns")}</p>}>
          {live.map((machine) => {
            const latest = history[machine.id]?.at(-1);
            return (
              <Row key={machine.id} id={machine.id}>
                <Cell>{machine.name}</Cell>
                <Cell>
                  <span className="machine-state">
                    <StateIcon state={machine.state.kind} size={14} />
                    <StateWord machine={machine} />
                  </span>
                </Cell>
                <Cell>{machine.startedMs === null ? "" : formatClock(now - machine.startedMs)}</Cell>
                <Cell>{latest === undefined ? "" : `${formatNumber(latest.figures.load * 100, locale)} %`}</Cell>
                <Cell>
                  {latest === undefined
                    ? ""
                    : t("activity.mips", { value: formatNumber(latest.figures.mips, locale, 1) })}
                </Cell>
                <Cell>{latest === undefined ? "" : formatRate(latest.diskRate, locale)}</Cell>
                <Cell>{latest === undefined ? "" : formatBytes(latest.figures.residentBytes, locale)}</Cell>
              </Row>
            );
          })}
        </TableBody>
      </Table>
    </div>
  );
}
