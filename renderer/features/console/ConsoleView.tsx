import { Play } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { isLive } from "../../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { usePreference } from "../../state/AppContext.tsx";
import { Button } from "../../ui/Button.tsx";
import { Choice } from "../../ui/Choices.tsx";
import { StateIcon } from "../../ui/StateIcon.tsx";
import { StopNotice } from "../details/StopNotice.tsx";
import "./console.css";
import { ConsoleMenus } from "./ConsoleMenus.tsx";
import { ConsoleStatusBar } from "./ConsoleStatusBar.tsx";
import { MiniToolbar } from "./MiniToolbar.tsx";
import { placeScreen } from "./placeScreen.ts";
import { useConsoleActions } from "./useConsoleActions.tsx";
import { useConsoleInput } from "./useConsoleInput.ts";
import { useElementSize } from "./useElementSize.ts";
import { useFullScreen } from "./useFullScreen.ts";
import { useScreen } from "./useScreen.ts";

// The terminal is a good part of the page's code and rarely the first thing looked at.
const SerialTerminal = lazy(() =>
  import("./SerialTerminal.tsx").then((module) => ({ default: module.SerialTerminal })),
);

/** "screen", or "serial0" and so on. */
type Pane = "screen" | `serial${number}`;

function Curtain({ machine, start }: { machine: MachineSummary; start: { disabled?: boolean; run: () => void } }) {
  const { t } = useTranslation();
  const state = machine.state.kind;
  if (state === "running") return null;
  return (
    <div className={`curtain curtain-${state}`}>
      <StateIcon state={state} size={40} />
      <strong>{t(`state.${state}`)}</strong>
      {start.disabled === true ? null : (
        <Button variant="primary" large onPress={start.run}>
          <Play size={18} aria-hidden />
          {t("actions.start")}
        </Button>
      )}
    </div>
  );
}

/** The console of one machine: its menus, its screen or a serial terminal, and the row of lights. */
export function ConsoleView({ machine }: { machine: MachineSummary }) {
  const { t } = useTranslation();
  const rootRef = useRef<HTMLDivElement>(null);
  const stageRef = useRef<HTMLDivElement>(null);
  const [pane, setPane] = useState<Pane>("screen");
  const [scaleMode] = usePreference("scaleMode");
  const live = isLive(machine.state.kind);
  const view = useElementSize(stageRef);
  const { canvasRef, size, framesPainted } = useScreen(machine.id, { intervalMs: 0, enabled: true });
  const guest = size ?? { width: 720, height: 400 };
  const placed = placeScreen(view, guest, view.devicePixelRatio, scaleMode, machine.config?.display.scale ?? 1);
  const running = machine.state.kind === "running";
  const commandRef = useRef<(command: Parameters<ReturnType<typeof useConsoleActions>["run"]>[0]) => void>(() => {});
  const input = useConsoleInput({
    id: machine.id,
    stageRef,
    cssScale: placed.width / guest.width || 1,
    enabled: true,
    onCommand: (command) => commandRef.current(command),
  });
  const actions = useConsoleActions(machine, rootRef, input.press);
  commandRef.current = actions.run;
  const fullScreen = useFullScreen(rootRef);

  // The keyboard is at hand as soon as there is somebody to type to, and comes back when the machine stops.
  useEffect(() => {
    if (running && pane === "screen") stageRef.current?.focus({ preventScroll: true });
    if (!running) input.release();
  }, [running, pane, input.release]);

  const ports = (machine.config?.serial ?? []).flatMap((port, index) => (port.kind === "terminal" ? [index] : []));
  const shownPane = pane !== "screen" && !ports.includes(Number(pane.slice(6))) ? "screen" : pane;
  return (
    <div className="console" ref={rootRef} data-full-screen={fullScreen || undefined}>
      <div className="console-bar">
        <ConsoleMenus
          machine={machine}
          actions={actions}
          input={input}
          ports={ports}
          showPort={(port) => setPane(`serial${port}`)}
        />
        <span className="grow" />
        {ports.length === 0 ? null : (
          <Choice<Pane>
            label={t("console.shown")}
            hideLabel
            value={shownPane}
            onChange={setPane}
            options={[
              { id: "screen", label: t("console.screen") },
              ...ports.map((port) => ({
                id: `serial${port}` as Pane,
                label: t("console.terminal", { port: `COM${port + 1}` }),
              })),
            ]}
          />
        )}
      </div>
      {machine.state.kind === "aborted" || machine.lastStop?.kind === "tripleFault" ? (
        <div className="console-notice">
          <StopNotice machine={machine} />
        </div>
      ) : null}
      <div
        ref={stageRef}
        className="stage"
        hidden={shownPane !== "screen"}
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
          ref={canvasRef}
          className={live && size !== undefined ? "screen" : "screen screen-hidden"}
          data-smooth={placed.smooth || undefined}
          style={{ left: placed.left, top: placed.top, width: placed.width, height: placed.height }}
        />
        <Curtain machine={machine} start={actions.machine.start} />
      </div>
      {shownPane === "screen" ? null : (
        <Suspense fallback={<div className="serial-pane" />}>
          <SerialTerminal key={shownPane} machine={machine} port={Number(shownPane.slice(6))} />
        </Suspense>
      )}
      <ConsoleStatusBar
        machine={machine}
        actions={actions}
        input={input}
        framesPainted={framesPainted}
        scale={placed.scale}
      />
      {fullScreen ? <MiniToolbar machine={machine} actions={actions} /> : null}
    </div>
  );
}
