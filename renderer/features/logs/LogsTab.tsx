import { ClipboardCopy, RefreshCw } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { LogLine, MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useAttempt, useHost, useServices } from "../../state/AppContext.tsx";
import { Button } from "../../ui/Button.tsx";
import { formatDate } from "../../ui/formatQuantities.ts";
import { Select } from "../../ui/Select.tsx";
import { TextField } from "../../ui/TextField.tsx";
import { formatLogLine, matchesLog } from "./formatLogLine.ts";
import "./logs.css";

interface Run {
  name: string;
  startedMs: number;
}

interface Log {
  runs: readonly Run[];
  lines: readonly LogLine[];
  truncated: boolean;
  read: () => Promise<void>;
}

const LINES_MAX = 5000;

/** The chosen run's lines; the newest run grows as its machine logs. */
function useLog(machine: MachineSummary, run: string | undefined): Log {
  const { session } = useServices();
  const client = useHost((state) => state.client);
  const [runs, setRuns] = useState<readonly Run[]>([]);
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [truncated, setTruncated] = useState(false);
  const { id, startedMs } = machine;
  const read = useCallback(async () => {
    const [list, log] = await Promise.all([
      session.call("logs.list", { id }),
      session.call("logs.read", { id, run: run ?? null }),
    ]);
    setRuns(list.runs);
    setLines(log.lines);
    setTruncated(log.truncated);
  }, [session, id, run]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new start has a new log
  useEffect(() => {
    read().catch(() => setLines([]));
  }, [read, startedMs]);
  const newest = run === undefined || run === runs[0]?.name;
  useEffect(() => {
    if (client === undefined || !newest) return;
    const subscription = client.on("log.line", (event) => {
      if (event.id === id) setLines((before) => [...before.slice(1 - LINES_MAX), event.line]);
    });
    return () => subscription.dispose();
  }, [client, id, newest]);
  return { runs, lines, truncated, read };
}

interface Filter {
  run: string | undefined;
  level: LogLine["level"];
  words: string;
}

interface LogsBarProps {
  log: Log;
  shown: readonly LogLine[];
  filter: Filter;
  setFilter: (filter: Filter) => void;
}

function LogsBar({ log, shown, filter, setFilter }: LogsBarProps) {
  const { t, i18n } = useTranslation();
  const { shell } = useServices();
  const attempt = useAttempt();
  const { runs, read } = log;
  const copy = async () => {
    await navigator.clipboard.writeText(shown.map(formatLogLine).join("\n"));
    shell.notify({ kind: "info", title: t("logs.copied", { count: shown.length }) });
  };
  return (
    <div className="logs-bar">
      <Select
        label={t("logs.run")}
        hideLabel
        value={filter.run ?? runs[0]?.name ?? ""}
        onChange={(run) => setFilter({ ...filter, run })}
        disabled={runs.length === 0}
        options={runs.map(({ name, startedMs }) => ({ id: name, label: formatDate(startedMs, i18n.language) }))}
      />
      <Select
        label={t("logs.level")}
        hideLabel
        value={filter.level}
        onChange={(level) => setFilter({ ...filter, level })}
        options={(["debug", "info", "warn", "error"] as const).map((id) => ({ id, label: t(`logs.levels.${id}`) }))}
      />
      <div className="grow">
        <TextField
          label={t("logs.search")}
          hideLabel
          placeholder={t("logs.search")}
          value={filter.words}
          onChange={(words) => setFilter({ ...filter, words })}
        />
      </div>
      <Button variant="flat" onPress={() => void attempt(t("failure.readLog"), read)}>
        <RefreshCw size={15} aria-hidden />
        {t("logs.reload")}
      </Button>
      <Button variant="flat" isDisabled={shown.length === 0} onPress={() => void attempt(t("failure.copyLog"), copy)}>
        <ClipboardCopy size={15} aria-hidden />
        {t("actions.copy")}
      </Button>
    </div>
  );
}

function Line({ line }: { line: LogLine }) {
  const { t, i18n } = useTranslation();
  return (
    <div className={`log-line log-${line.level}`}>
      <time>{new Date(line.timeMs).toLocaleTimeString(i18n.language, { hour12: false })}</time>
      <span className="log-level">{t(`logs.short.${line.level}`)}</span>
      <span className="log-message">
        {line.message}
        {line.facts === "" ? null : <span className="quiet"> {line.facts}</span>}
      </span>
    </div>
  );
}

/** The log of a run, filtered; it follows its end for as long as one looks at the end. */
export function LogsTab({ machine }: { machine: MachineSummary }) {
  const { t } = useTranslation();
  const [filter, setFilter] = useState<Filter>({ run: undefined, level: "info", words: "" });
  const log = useLog(machine, filter.run);
  const listRef = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const shown = log.lines.filter((line) => matchesLog(line, filter.level, filter.words));
  useEffect(() => {
    const list = listRef.current;
    if (list !== null && following.current && shown.length > 0) list.scrollTop = list.scrollHeight;
  }, [shown.length]);
  return (
    <div className="logs">
      <LogsBar log={log} shown={shown} filter={filter} setFilter={setFilter} />
      <div
        ref={listRef}
        className="log-lines selectable mono"
        role="log"
        aria-label={t("tabs.logs")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          following.current = scrollTop + clientHeight > scrollHeight - 40;
        }}
      >
        {log.truncated ? <div className="quiet">{t("logs.truncated", { count: LINES_MAX })}</div> : null}
        {shown.map((line, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place
          <Line key={index} line={line} />
        ))}
        {shown.length === 0 ? (
          <p className="logs-empty quiet">{log.lines.length === 0 ? t("logs.none") : t("logs.noneMatch")}</p>
        ) : null}
      </div>
    </div>
  );
}
