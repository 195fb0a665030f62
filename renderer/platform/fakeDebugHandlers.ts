/** Debug commands of the host that is made of nothing: its machines have no processor to look at. */
import { debugCommands } from "../../engine/api/debugProtocol.ts";
import type { HostProtocol } from "../../engine/api/hostProtocol.ts";
import type { CommandHandlers } from "../../engine/api/ProtocolServer.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";

type Handlers = Pick<CommandHandlers<HostProtocol, undefined>, keyof typeof debugCommands>;

export function fakeDebugHandlers(): Handlers {
  const refusals = Object.keys(debugCommands).map((command) => [
    command,
    () => {
      throw new GuesthouseError("not-available", "This machine has no processor.", { command });
    },
  ]);
  return Object.fromEntries(refusals) as Handlers;
}
