/** The words of `guesthouse snapshot`, `save`, `discard` and `clone`. */
import type { Command } from "commander";
import type { CloneArguments, JsonArgument, UnlockArguments } from "./snapshotActions.ts";

const load = () => import("./snapshotActions.ts");
const MACHINE = "<machine>";
const SNAPSHOT = "<snapshot>";
const PASSPHRASE_OPTION = [
  "--passphrase-file <file>",
  "holds the passphrase of the machine's encrypted disks, for a machine that is off",
] as const;
const JSON_OPTION = ["--json", "one line of JSON"] as const;

export function addSnapshots(program: Command, setStatus: (status: number) => void): void {
  const snapshot = program.command("snapshot").description("keep a machine as it is, and go back to it");
  snapshot
    .command("take")
    .description("keep disks and settings, and the memory of a machine that runs")
    .argument(MACHINE)
    .argument("<name>")
    .option("--description <text>")
    .option(...PASSPHRASE_OPTION)
    .option(...JSON_OPTION)
    .action(async (machine: string, name: string, given: UnlockArguments & { description?: string }) =>
      setStatus(await (await load()).takeSnapshot(machine, name, given)),
    );
  snapshot
    .command("list")
    .description("the tree of snapshots")
    .argument(MACHINE)
    .option(...JSON_OPTION)
    .action(async (machine: string, given: JsonArgument) =>
      setStatus(await (await load()).listSnapshots(machine, given)),
    );
  addChanging(snapshot, setStatus);
  program
    .command("save")
    .description("keep a machine's memory and end its run; start goes on from there")
    .argument(MACHINE)
    .option(...JSON_OPTION)
    .action(async (machine: string, given: JsonArgument) => setStatus(await (await load()).saveState(machine, given)));
  program
    .command("discard")
    .description("forget the memory of a machine that is saved, as if it had lost power")
    .argument(MACHINE)
    .option(...JSON_OPTION)
    .action(async (machine: string, given: JsonArgument) =>
      setStatus(await (await load()).discardState(machine, given)),
    );
  program
    .command("clone")
    .description("make a twin of a machine that is off")
    .argument(MACHINE)
    .argument("<name>")
    .option("--snapshot <snapshot>", "as it was then")
    .option("--linked", "the twin's disks hold only what differs")
    .option("--all", "with all snapshots")
    .option(...PASSPHRASE_OPTION)
    .option(...JSON_OPTION)
    .action(async (machine: string, name: string, given: CloneArguments) =>
      setStatus(await (await load()).cloneMachine(machine, name, given)),
    );
}

function addChanging(snapshot: Command, setStatus: (status: number) => void): void {
  snapshot
    .command("restore")
    .description(
      "go back to a snapshot; what the machine has on its own since then is lost, and one with memory gives a saved machine",
    )
    .argument(MACHINE)
    .argument(SNAPSHOT)
    .option("--keep-current <name>", "take a snapshot of what there is first")
    .option(...PASSPHRASE_OPTION)
    .option(...JSON_OPTION)
    .action(async (machine: string, name: string, given: UnlockArguments & { keepCurrent?: string }) =>
      setStatus(await (await load()).restoreSnapshot(machine, name, given)),
    );
  snapshot
    .command("delete")
    .description("forget a snapshot; what came after it stays as it is")
    .argument(MACHINE)
    .argument(SNAPSHOT)
    .option(...PASSPHRASE_OPTION)
    .option(...JSON_OPTION)
    .action(async (machine: string, name: string, given: UnlockArguments) =>
      setStatus(await (await load()).deleteSnapshot(machine, name, given)),
    );
  snapshot
    .command("edit")
    .description("change a snapshot's name or description")
    .argument(MACHINE)
    .argument(SNAPSHOT)
    .option("--name <name>")
    .option("--description <text>")
    .option(...JSON_OPTION)
    .action(async (machine: string, name: string, given: JsonArgument & { name?: string; description?: string }) =>
      setStatus(await (await load()).editSnapshot(machine, name, given)),
    );
}
