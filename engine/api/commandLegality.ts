/**
 * In which states of a machine each command is legal. The host refuses others with kind "illegal-state"; interfaces enable
 * their buttons by the same table. "always" marks commands that concern no machine or any state of one.
 */
import type { HostCommandName } from "./hostProtocol.ts";
import type { MachineStateKind } from "./MachineState.ts";

const atRest = ["poweredOff", "aborted"] as const;
/** Off, with or without a saved state. */
const still = [...atRest, "saved"] as const;
const up = ["running", "paused"] as const;
const accessible = ["poweredOff", "aborted", "saved", "starting", "running", "paused", "stopping"] as const;

export const commandLegality: Readonly<Record<HostCommandName, "always" | readonly MachineStateKind[]>> = {
  "library.list": "always",
  "library.create": "always",
  "library.add": "always",
  // While the machine is live only `liveFields` may differ.
  "library.update": accessible,
  "library.rename": accessible,
  "library.remove": [...still, "inaccessible"],
  "library.files": "always",
  "library.checkName": "always",
  "machine.start": still,
  "machine.pause": ["running"],
  "machine.resume": ["paused"],
  "machine.reset": up,
  "machine.powerButton": ["running"],
  "machine.powerOff": ["starting", "running", "paused", "stopping"],
  "machine.attachDisk": [...atRest, ...up],
  "machine.detachDisk": [...atRest, ...up],
  "media.attach": [...atRest, ...up],
  "media.eject": [...atRest, ...up],
  "media.createDisk": "always",
  // A viewer may come before the machine starts and stay after it stops.
  "console.open": "always",
  "console.close": "always",
  "console.credit": "always",
  "console.input": ["running"],
  "console.type": ["running"],
  "console.text": up,
  "console.screenshot": up,
  "serial.open": "always",
  "serial.close": "always",
  "serial.credit": "always",
  "host.info": "always",
  "files.list": "always",
  "files.stat": "always",
  "logs.list": "always",
  "logs.read": "always",
  "catalogue.osTypes": "always",
  "builtinGuest.create": "always",
  "jobs.list": "always",
  "jobs.cancel": "always",
  "media.list": "always",
  "media.add": "always",
  "media.info": "always",
  "media.create": "always",
  "media.createDiskette": "always",
  "media.copy": "always",
  "media.move": "always",
  "media.resize": "always",
  "media.compact": "always",
  "media.check": "always",
  "media.release": "always",
  "media.remove": "always",
  "snapshot.list": accessible,
  "snapshot.take": [...still, ...up],
  // Images that a guest is using are not given up.
  "snapshot.restore": still,
  "snapshot.delete": [...still, ...up],
  "snapshot.deleteCost": accessible,
  "snapshot.edit": accessible,
  "snapshot.thumbnail": accessible,
  "machine.saveState": up,
  "machine.discardState": ["saved"],
  "machine.clone": still,
  "appliance.inspect": "always",
  "appliance.import": "always",
  "appliance.export": "always",
  "debug.registers": up,
  "debug.setRegister": up,
  "debug.readMemory": up,
  "debug.writeMemory": up,
  "debug.disassemble": up,
  "debug.step": ["paused"],
  "debug.insert": up,
  "debug.remove": up,
  "debug.listen": up,
  "debug.unlisten": up,
};

export function isLegal(command: HostCommandName, state: MachineStateKind): boolean {
  const states = commandLegality[command];
  return states === "always" || states.includes(state);
}
