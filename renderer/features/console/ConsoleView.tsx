import { Play } from "lucide-react";
import { lazy, type RefObject, Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { isLive } from "../../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { usePreference } from "../../state/AppContext.tsx";
import { useMachineJob, useStateWord } from "../../state/useMachineWork.ts";
import { useThumbnail } from "../../state/useThumbnail.ts";
import { Button } from "../../ui/Button.tsx";
import { Choice } from "../../ui/Choices.tsx";
import type { MenuAction } from "../../ui/Menu.tsx";
import { StateIcon } from "../../ui/StateIcon.tsx";
import { StopNotice } from "../details/StopNotice.tsx";
import { JobItem } from "../library/JobItem.tsx";
import "./console.css";
import { ConsoleMenus } from "./ConsoleMenus.tsx";
import { ConsoleStatusBar } from "./ConsoleStatusBar.tsx";
import { MiniToolbar } from "./MiniToolbar.tsx";
import { placeScreen, type ScreenPlacement } from "./placeScreen.ts";
import { type ConsoleActions, useConsoleActions } from "./useConsoleActions.tsx";
import { type ConsoleInput, useConsoleInput } from "./useConsoleInput.ts";
import { useElementSize } from "./useElementSize.ts";
import { useFullScreen } from "./useFullScreen.ts";
import { type Screen, useScreen } from "./useScreen.ts";

// The terminal is a good part of the page's code and rarely the first thing looked at.
const SerialTerminal = lazy(() =>
  import("./SerialTerminal.tsx").then((module) => ({ default: module.SerialTerminal })),
);

/** "screen", or "serial0" and so on. */
type Pane = "screen" | `serial${number}`;

function Curtain({ machine, start }: { machine: MachineSummary; start: MenuAction }) {
  const state = machine.state.kind;
  const word = useStateWord(machine);
  const job = useMachineJob(machine.id);
  const saved = useThumbnail(machine.id, null, state === "saved" ? machine.stateSinceMs : undefined);
  if (state === "running") return null;
  return (
    <div className={`curtain curtain-${state}`}>
      {saved === undefined ? null : <img className="curtain-picture" src={saved} alt="" />}
      <StateIcon state={state} size={40} />
      <strong>{word}</strong>
      {job?.kind === "saveState" ? <JobItem job={job} /> : null}
      {start.disabled === true ? null : (
        <Button variant="primary" large onPress={start.run}>
          <Play size={18} aria-hidden />
          {start.label}
        </Button>
      )}
    </div>
  );
}

/** The guest's screen: takes clicks, keys and the pointer; a curtain covers it while the machine does not run. */
function Stage({ machine, hidden, stageRef, screen, placed, input, start }: StageProps) {
  const { t } = useTranslation();
  const running = machine.state.kind === "running";
  const shown = isLive(machine.state.kind) && screen.size !== undefined;
  return (
    <div
      ref={stageRef}
      className="stage"
      hidden={hidden}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the guest's screen takes the keyboard
      tabIndex={0}
      role="application"
      aria-label={t("console.screenName", { name: machine.name })}
      aria-roledescription={t("console.screenRole")}
      data-captured={input.keyboardCaptured || undefined}
      onMouseDown={() => {
        if (running && !input.pointerCaptured) input.capture(true);
      }}
      onContextMenu={(event) => event.preventDefault()}
    >
      <canvas
        ref={screen.canvasRef}
        className={shown ? "screen" : "screen screen-hidden"}
        data-smooth={placed.smooth || undefined}
        style={{ left: placed.left, top: placed.top, width: placed.width, height: placed.height }}
      />
      <Curtain machine={machine} start={start} />
    </div>
  );
}

interface StageProps {
  machine: MachineSummary;
  hidden: boolean;
  stageRef: RefObject<HTMLDivElement | null>;
  screen: Screen;
  placed: ScreenPlacement;
  input: ConsoleInput;
  start: MenuAction;
}

function PaneChoice({ ports, pane, setPane }: { ports: readonly number[]; pane: Pane; setPane: (pane: Pane) => void }) {
  const { t } = useTranslation();
  if (ports.length === 0) return null;
  const terminals = ports.map((port) => ({
    id: `serial${port}` as Pane,
    label: t("console.terminal", { port: `COM${port + 1}` }),
  }));
  return (
    <Choice<Pane>
      label={t("console.shown")}
      hideLabel
      value={pane}
      onChange={setPane}
      options={[{ id: "screen", label: t("console.screen") }, ...terminals]}
    />
  );
}

/** Picture, its place in the view, and what keys and pointer do to it. */
function useStage(machine: MachineSummary, rootRef: RefObject<HTMLElement | null>) {
  const stageRef = useRef<HTMLDivElement>(null);
  const [scaleMode] = usePreference("scaleMode");
  const view = useElementSize(stageRef);
  const screen = useScreen(machine.id, { intervalMs: 0, enabled: true });
  const guest = screen.size ?? { width: 720, height: 400 };
  const placed = placeScreen(view, guest, view.devicePixelRatio, scaleMode, machine.config?.display.scale ?? 1);
  const commandRef = useRef<ConsoleActions["run"]>(() => {});
  const input = useConsoleInput({
    id: machine.id,
    stageRef,
    cssScale: placed.width / guest.width || 1,
    enabled: true,
    onCommand: (command) => commandRef.current(command),
  });
  const actions = useConsoleActions(machine, rootRef, input.press);
  commandRef.current = actions.run;
  return { stageRef, screen, placed, input, actions };
}

/** The console of one machine: its menus, its screen or a serial terminal, and the row of lights. */
export function ConsoleView({ machine }: { machine: MachineSummary }) {
  const rootRef = useRef<HTMLDivElement>(null);
  const [wantedPane, setPane] = useState<Pane>("screen");
  const { stageRef, screen, placed, input, actions } = useStage(machine, rootRef);
  const fullScreen = useFullScreen(rootRef);
  const running = machine.state.kind === "running";
  const ports = (machine.config?.serial ?? []).flatMap((port, index) => (port.kind === "terminal" ? [index] : []));
  const pane = wantedPane === "screen" || ports.includes(portOf(wantedPane)) ? wantedPane : "screen";

  // The keyboard is at hand as soon as there is somebody to type to, and comes back when the machine stops.
  useEffect(() => {
    if (running && pane === "screen") stageRef.current?.focus({ preventScroll: true });
    if (!running) input.release();
  }, [running, pane, stageRef, input.release]);

  const shared = { machine, actions, input };
  const crashed = machine.state.kind === "aborted" || machine.lastStop?.kind === "tripleFault";
  return (
    <div className="console" ref={rootRef} data-full-screen={fullScreen || undefined}>
      <div className="console-bar">
        <ConsoleMenus {...shared} ports={ports} showPort={(port) => setPane(`serial${port}`)} />
        <span className="grow" />
        <PaneChoice ports={ports} pane={pane} setPane={setPane} />
      </div>
      {crashed ? (
        <div className="console-notice">
          <StopNotice machine={machine} />
        </div>
      ) : null}
      <Stage
        {...{ machine, stageRef, screen, placed, input }}
        hidden={pane !== "screen"}
        start={actions.machine.start}
      />
      {pane === "screen" ? null : (
        <Suspense fallback={<div className="serial-pane" />}>
          <SerialTerminal key={pane} machine={machine} port={portOf(pane)} />
        </Suspense>
      )}
      <ConsoleStatusBar {...shared} framesPainted={screen.framesPainted} scale={placed.scale} />
      {fullScreen ? <MiniToolbar machine={machine} actions={actions} /> : null}
    </div>
  );
}

function portOf(pane: Pane): number {
  return Number(pane.slice("serial".length));
}
