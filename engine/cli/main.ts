/** The `guesthouse` command: its words and their meaning. Exit statuses are in `exitStatus.ts`. */
import { Command, CommanderError } from "commander";
import { appVersion } from "../host/installation.ts";
import { addAppliance } from "./applianceProgram.ts";
import { BadArguments } from "./BadArguments.ts";
import { addDisks } from "./diskProgram.ts";
import { exitStatus } from "./exitStatus.ts";
import {
  addMachine,
  type CreateArguments,
  createMachineFromArguments,
  debugMachine,
  listMachines,
  removeMachine,
  type StartArguments,
  startMachine,
  stopMachine,
} from "./libraryActions.ts";
import { addMedium } from "./mediumProgram.ts";
import type { RunArguments } from "./RunOptions.ts";
import { addSnapshots } from "./snapshotProgram.ts";

const collect = (value: string, values: readonly string[]): readonly string[] => [...values, value];

function makeProgram(setStatus: (status: number) => void): Command {
  const program = new Command("guesthouse")
    .description("Virtual x86 machines without drivers or administrator rights.")
    .version(appVersion())
    .exitOverride();

  program
    .command("list")
    .description("the machines of the library and their states")
    .option("--json", "one line of JSON")
    .action(async (given: { json?: boolean }) => setStatus(await listMachines(given)));

  program
    .command("create")
    .description("make a machine")
    .argument("<name>")
    .option("--type <id>", "kind of guest, sets the defaults", "other")
    .option("--memory <MiB>")
    .option("--new-disk <MiB>", "make a disk in the machine's folder")
    .option("--disk-format <format>", "what the new disk is: qcow2, vdi, vmdk, vhd, vhdx or raw", "raw")
    .option("--disk-subformat <name>", "dynamic, fixed, v2, monolithicFlat, ...")
    .option("--passphrase-file <file>", "encrypts the new disk, of QCOW2, under the passphrase in this file")
    .option("--disk <file>", "attach a disk (repeatable)", collect, [])
    .option("--if <interface>", "what its disks hang on: ide, ahci, virtio, virtio-scsi or nvme", "ide")
    .option("--cdrom <file>")
    .option("--floppy <file>")
    .option("--json", "one line of JSON")
    .action(async (name: string, given: CreateArguments) => setStatus(await createMachineFromArguments(name, given)));

  program
    .command("start")
    .description("start a machine; it runs on in the background")
    .argument("<name or id>")
    .option("--disposable", "the disks are in the end as they were")
    .option("--passphrase-file <file>", "holds the passphrase of the machine's encrypted disks")
    .action(async (name: string, given: StartArguments) => setStatus(await startMachine(name, given)));

  program
    .command("stop")
    .description("press a machine's power button and wait until it is off")
    .argument("<name or id>")
    .option("--force", "pull the plug instead")
    .option("--timeout <seconds>", "how long to wait", "60")
    .action(async (name: string, given: { force?: boolean; timeout: string }) =>
      setStatus(await stopMachine(name, given)),
    );

  program
    .command("gdb")
    .description("let a GDB of this computer attach to a machine that runs; prints GDB's command for it")
    .argument("<name or id>")
    .option("--port <port>", "where to listen; 0 is any free port", "0")
    .option("--i386", "show GDB a 32-bit processor")
    .action(async (name: string, given: { port: string; i386?: boolean }) =>
      setStatus(await debugMachine(name, given)),
    );

  program
    .command("remove")
    .description("take a machine off the library")
    .argument("<name or id>")
    .option("--with-files", "delete everything in its folder, disks included")
    .action(async (name: string, given: { withFiles?: boolean }) => setStatus(await removeMachine(name, given)));

  program
    .command("add")
    .description("put a machine back on the list that was removed from it without its files")
    .argument("<file>", "the machine.removed.json in its folder")
    .option("--json", "one line of JSON")
    .action(async (file: string, given: { json?: boolean }) => setStatus(await addMachine(file, given)));

  addDisks(program, setStatus);
  addMedium(program, setStatus);
  addSnapshots(program, setStatus);
  addAppliance(program, setStatus);
  addRun(program, setStatus);
  return program;
}

function addRun(program: Command, setStatus: (status: number) => void): void {
  program
    .command("run")
    .description("run a machine that is not kept, here and now")
    .option("--memory <MiB>", "guest memory", "128")
    .option("--accel <auto|interpreter>", "which engine executes the guest", "auto")
    .option("--cpu <v1|v2|v3|host>", "the x86-64 level of the processor that the guest sees", "host")
    .option("--firmware <file>", "a BIOS image in place of the built-in one")
    .option("--kernel <file>", "boot this Linux or multiboot kernel")
    .option("--initrd <file>", "initial RAM disk for --kernel")
    .option("--append <text>", "command line for --kernel")
    .option("--cdrom <file>", "an ISO image")
    .option("--floppy <file>", "a diskette image")
    .option(
      "--disk <file>",
      "a disk image; options follow: ,if=ide|ahci|virtio|virtio-scsi|nvme ,format=F ,snapshot=on ,serial=S ,ssd=on ,removable=on ,passphrase-file=F (repeatable)",
      collect,
      [],
    )
    .option("--boot <order>", "any of cdrom,floppy,disk in the order to try")
    .option("--serial <stdio|file:F|none>", "where the first serial port goes", "stdio")
    .option("--until <regex>", "end with success when this appears on serial port, screen or port 0xE9")
    .option("--keys <text@seconds>", 'type "text{enter}" so many seconds after power-on (repeatable)', collect, [])
    .option("--screenshot <F.png@seconds>", "save the screen; without a time at the end (repeatable)", collect, [])
    .option("--timeout <seconds>", "give up after this time")
    .option("--save-state <file>", "save the guest's state when the run ends before the guest does")
    .option("--load-state <file>", "go on from a saved state; the machine and its disks must be the same")
    .option(
      "--debug-exit",
      "writing v to port 0xF4 ends the run with status (v << 1) | 1; adds the latches and interrupt switches of a test board",
    )
    .option("--gdb <port[,wait][,i386]>", "let a GDB of this computer attach; wait for it; show it a 32-bit processor")
    .option("--json", "end with a line of figures")
    .addHelpText(
      "after",
      "\nExit status: 0 powered off or matched, 2 bad arguments, 4 time is up, 6 the guest crashed, 8 anything else.",
    )
    .action(async (given: RunArguments) => {
      // Only this command needs the engine; the others start faster without it.
      const { runCommand } = await import("./runCommand.ts");
      setStatus(await runCommand(given));
    });
}

async function main(): Promise<number> {
  let status: number = exitStatus.done;
  try {
    await makeProgram((value) => {
      status = value;
    }).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.done : exitStatus.badArguments;
    console.error(`guesthouse: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof BadArguments ? exitStatus.badArguments : exitStatus.failed;
  }
  return status;
}

process.exit(await main());
