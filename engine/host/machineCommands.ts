/** The commands that drive a machine: its life cycle, its console and its serial ports. */
import { decodeBinaryMessage } from "../api/binaryMessage.ts";
import type { HostProtocol } from "../api/hostProtocol.ts";
import type { CommandHandlers } from "../api/ProtocolServer.ts";
import type { snapshotCommands } from "../api/snapshotProtocol.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { StartOptions } from "./EngineRun.ts";
import type { HostConnection } from "./HostConnection.ts";
import type { MachineRegistry } from "./MachineRegistry.ts";

type Handlers = CommandHandlers<HostProtocol, HostConnection>;
type MachineCommand = Exclude<
  Extract<keyof HostProtocol["commands"], `machine.${string}` | `console.${string}` | `serial.${string}`>,
  keyof typeof snapshotCommands | "machine.attachDisk" | "machine.detachDisk"
>;

const SERIAL_PORTS = 4;

export class ChannelNumbers {
  #next = 1;

  take(): number {
    const channel = this.#next;
    // u32 on the wire; nobody opens this many while the host runs, but wrapping is cheaper than wondering.
    this.#next = channel === 0xffff_ffff ? 1 : channel + 1;
    return channel;
  }
}

export function machineCommands(
  registry: MachineRegistry,
  numbers: ChannelNumbers,
  start: (id: string, how: Pick<StartOptions, "disposable" | "passphrases">) => Promise<void>,
): Pick<Handlers, MachineCommand> {
  const done = {};
  return {
    "machine.start": async ({ id, ...how }) => {
      await start(id, how);
      return done;
    },
    "machine.pause": ({ id }) =>
      registry
        .supervisor(id)
        .pause()
        .then(() => done),
    "machine.resume": ({ id }) =>
      registry
        .supervisor(id)
        .resume()
        .then(() => done),
    "machine.reset": ({ id }) =>
      registry
        .supervisor(id)
        .reset()
        .then(() => done),
    "machine.powerButton": ({ id }) =>
      registry
        .supervisor(id)
        .powerButton()
        .then(() => done),
    "machine.powerOff": ({ id }) =>
      registry
        .supervisor(id)
        .powerOff()
        .then(() => done),
    "console.open": ({ id, deflate, frames = 0 }, connection) => {
      const supervisor = registry.supervisor(id);
      const channel = numbers.take();
      connection.channels.set(channel, { kind: "console", id });
      supervisor.console.open(channel, deflate, (frame) => connection.sendBinary(frame));
      if (frames > 0) supervisor.console.credit(channel, frames);
      return { channel };
    },
    "console.close": ({ channel }, connection) => {
      closeChannel(registry, connection, channel);
      return done;
    },
    "console.credit": ({ channel, frames }, connection) => {
      const open = connection.channels.get(channel);
      if (open?.kind === "console") registry.supervisor(open.id).console.credit(channel, frames);
      return undefined;
    },
    "console.input": ({ id, events }) => {
      registry.supervisor(id).engine.post("consoleInput", { events });
      return undefined;
    },
    "console.type": ({ id, text }) => registry.supervisor(id).engine.call("consoleType", { text }),
    "console.text": ({ id }) => registry.supervisor(id).engine.call("consoleText", {}),
    "console.screenshot": ({ id }) => registry.supervisor(id).engine.call("consoleScreenshot", {}),
    "serial.open": ({ id, port }, connection) => {
      if (port >= SERIAL_PORTS)
        throw new GuesthouseError("no-such-port", "The machine has no such serial port.", { port });
      const relay = registry.supervisor(id).serialPort(port);
      const channel = numbers.take();
      connection.channels.set(channel, { kind: "serial", id, port });
      relay.open(channel, (message) => connection.sendBinary(message));
      return { channel };
    },
    "serial.close": ({ channel }, connection) => {
      closeChannel(registry, connection, channel);
      return done;
    },
    "serial.credit": ({ channel, bytes }, connection) => {
      const open = connection.channels.get(channel);
      if (open?.kind === "serial") registry.supervisor(open.id).serialPort(open.port).credit(channel, bytes);
      return undefined;
    },
  };
}

/** Lets go of one channel; unknown ones are none of this connection's. */
export function closeChannel(registry: MachineRegistry, connection: HostConnection, channel: number): void {
  const open = connection.channels.get(channel);
  connection.channels.delete(channel);
  if (open === undefined || !registry.library.has(open.id)) return;
  const supervisor = registry.supervisor(open.id);
  if (open.kind === "console") supervisor.console.close(channel);
  else supervisor.serialPort(open.port).close(channel);
}

/** Serial input of a client. Throws "malformed-message". */
export function receiveSerialInput(registry: MachineRegistry, connection: HostConnection, bytes: Uint8Array): void {
  const message = decodeBinaryMessage(bytes);
  if (message.kind !== "serialInput") throw new GuesthouseError("malformed-message", "Only serial input is expected.");
  const open = connection.channels.get(message.channel);
  if (open?.kind !== "serial" || !registry.library.has(open.id)) return;
  registry.supervisor(open.id).sendSerial(open.port, message.bytes);
}
