import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { SerialTerminal as SerialConnection } from "../../../engine/api/HostClient.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useHost } from "../../state/AppContext.tsx";

/** Colours that read well on the console's dark surface in both themes of the window. */
const theme = {
  background: "#16181c",
  foreground: "#e6e8ec",
  cursor: "#8ab0ff",
  selectionBackground: "#3a5286",
};

/** A terminal on a serial port of the machine. What is typed goes to the guest as bytes; the guest echoes. */
export function SerialTerminal({ machine, port }: { machine: MachineSummary; port: number }) {
  const { t } = useTranslation();
  const frameRef = useRef<HTMLDivElement>(null);
  const client = useHost((state) => state.client);
  const { id } = machine;
  useEffect(() => {
    const frame = frameRef.current;
    if (frame === null || client === undefined) return;
    const terminal = new Terminal({
      theme,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--font-mono"),
      fontSize: 13,
      scrollback: 10_000,
      screenReaderMode: true,
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(frame);
    fit.fit();
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(frame);
    const encoder = new TextEncoder();
    let connection: SerialConnection | undefined;
    let disposed = false;
    const open = async () => {
      const opened = await client.openSerial(id, port, ({ forgotten, bytes }) => {
        if (forgotten > 0) terminal.write(`\r\n\x1b[7m ${t("console.forgotten", { count: forgotten })} \x1b[0m\r\n`);
        terminal.write(bytes.slice());
      });
      if (disposed) return opened.close();
      connection = opened;
    };
    open().catch((error: unknown) => terminal.write(`${error instanceof Error ? error.message : String(error)}\r\n`));
    const typed = terminal.onData((text) => connection?.write(encoder.encode(text)));
    terminal.focus();
    return () => {
      disposed = true;
      connection?.close();
      typed.dispose();
      observer.disconnect();
      terminal.dispose();
    };
  }, [client, id, port, t]);
  return (
    <section className="serial-pane" aria-label={t("console.terminal", { port: `COM${port + 1}` })}>
      <div className="serial-screen" ref={frameRef} />
    </section>
  );
}
