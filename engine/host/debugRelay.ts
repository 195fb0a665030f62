/** The debug commands of the host's API: each goes as it is to the engine process of its machine. */
import { debugCommands } from "../api/debugProtocol.ts";
import type { HostProtocol } from "../api/hostProtocol.ts";
import type { CommandHandlers } from "../api/ProtocolServer.ts";
import type { HostConnection } from "./HostConnection.ts";
import type { MachineRegistry } from "./MachineRegistry.ts";

type DebugCommand = keyof typeof debugCommands;
type Handlers = Pick<CommandHandlers<HostProtocol, HostConnection>, DebugCommand>;

export function debugRelay(registry: MachineRegistry): Handlers {
  const names = Object.keys(debugCommands) as DebugCommand[];
  const relays = names.map((name) => [
    name,
    (params: { id: string }) => registry.supervisor(params.id).engine.call(name, params as never),
  ]);
  return Object.fromEntries(relays) as Handlers;
}
