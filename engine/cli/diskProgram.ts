/** The words of `guesthouse attach-disk` and `guesthouse detach-disk`. */
import type { Command } from "commander";
import type { AttachDiskArguments } from "./diskActions.ts";

const load = () => import("./diskActions.ts");

export function addDisks(program: Command, setStatus: (status: number) => void): void {
  program
    .command("attach-disk")
    .description(
      "give a machine a disk, also while it runs: not on IDE, and on AHCI and virtio SCSI where it has that controller",
    )
    .argument("<machine>")
    .argument("<file>")
    .option("--if <interface>", "ide, ahci, virtio, virtio-scsi or nvme", "ahci")
    .option("--format <format>", "what the file is; without it its content tells")
    .option("--serial <text>", "what the guest knows the disk by")
    .option("--ssd", "it does not rotate")
    .option("--removable", "the guest is told that it can be taken away")
    .option("--read-only", "the guest cannot write to it")
    .option("--passphrase-file <file>", "holds the passphrase of an encrypted disk, for a machine that runs")
    .option("--json", "one line of JSON")
    .action(async (machine: string, file: string, given: AttachDiskArguments) =>
      setStatus(await (await load()).attachDisk(machine, file, given)),
    );
  program
    .command("detach-disk")
    .description(
      "take a disk away from a machine, also from a guest that uses it; of virtio and NVMe disks the guest is asked",
    )
    .argument("<machine>")
    .argument("<file or number>", "numbers begin at 1")
    .option("--force", "pull out a virtio or NVMe disk without asking the guest")
    .option("--json", "one line of JSON")
    .action(async (machine: string, disk: string, given: { force?: boolean; json?: boolean }) =>
      setStatus(await (await load()).detachDisk(machine, disk, given)),
    );
}
