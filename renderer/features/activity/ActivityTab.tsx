import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useHost } from "../../state/AppContext.tsx";
import { type FigureSample, HISTORY_SAMPLES } from "../../state/activityHistory.ts";
import { formatBytes, formatClock, formatNumber, formatRate } from "../../ui/formatQuantities.ts";
import "./activity.css";
import { chartPath } from "./chartPath.ts";

const noSamples: readonly FigureSample[] = [];

interface ChartProps {
  title: string;
  value: string;
  samples: readonly number[];
  /** What the top of the chart stands for; undefined follows the largest sample. */
  ceiling?: number;
  top: string;
}

function Chart({ title, value, samples, ceiling, top }: ChartProps) {
  const { t } = useTranslation();
  const { line, area } = chartPath(samples, HISTORY_SAMPLES, ceiling);
  return (
    <figure className="chart">
      <figcaption>
        <span>{title}</span>
        <strong>{value}</strong>
      </figcaption>
      <svg
        viewBox={`0 0 ${HISTORY_SAMPLES - 1} 100`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${value}`}
      >
        <path d={area} className="chart-area" />
        <path d={line} className="chart-line" vectorEffect="non-scaling-stroke" />
      </svg>
      <div className="chart-ends" aria-hidden>
        <span>{t("activity.ago", { time: formatClock(HISTORY_SAMPLES * 1000) })}</span>
        <span>{top}</span>
      </div>
    </figure>
  );
}

/** Two minutes of what a machine did. */
export function ActivityTab({ machine }: { machine: MachineSummary }) {
  const { t, i18n } = useTranslation();
  const history = useHost((state) => state.history[machine.id] ?? noSamples);
  const locale = i18n.language;
  const latest = history.at(-1);
  if (latest === undefined) return <p className="activity-empty quiet">{t("activity.none")}</p>;
  const { figures } = latest;
  const maximum = (values: readonly number[]) => values.reduce((largest, value) => Math.max(largest, value), 0);
  const mips = history.map((sample) => sample.figures.mips);
  const disk = history.map((sample) => sample.diskRate);
  const memory = history.map((sample) => sample.figures.residentBytes);
  return (
    <div className="activity">
      <div className="charts">
        <Chart
          title={t("activity.load")}
          value={`${formatNumber(figures.load * 100, locale)} %`}
          samples={history.map((sample) => sample.figures.load)}
          ceiling={1}
          top="100 %"
        />
        <Chart
          title={t("activity.speed")}
          value={t("activity.mips", { value: formatNumber(figures.mips, locale, 1) })}
          samples={mips}
          top={t("activity.mips", { value: formatNumber(maximum(mips), locale) })}
        />
        <Chart
          title={t("activity.storage")}
          value={formatRate(latest.diskRate, locale)}
          samples={disk}
          top={formatRate(maximum(disk), locale)}
        />
        <Chart
          title={t("activity.memory")}
          value={formatBytes(figures.residentBytes, locale)}
          samples={memory}
          top={formatBytes(maximum(memory), locale)}
        />
      </div>
      <dl className="figures">
        <div>
          <dt>{t("activity.instructions")}</dt>
          <dd>{formatNumber(figures.instructions, locale)}</dd>
        </div>
        <div>
          <dt>{t("activity.guestTime")}</dt>
          <dd>{formatClock(figures.guestNs / 1e6)}</dd>
        </div>
        <div>
          <dt>{t("activity.wallTime")}</dt>
          <dd>{formatClock(figures.wallNs / 1e6)}</dd>
        </div>
        <div>
          <dt>{t("activity.exits")}</dt>
          <dd>{formatNumber(figures.exits, locale)}</dd>
        </div>
      </dl>
    </div>
  );
}
