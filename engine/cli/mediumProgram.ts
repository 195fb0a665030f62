/** The words of `guesthouse medium`. Their meaning is loaded when one is used. */
import type { Command } from "commander";
import type { CompareArguments, ConvertArguments, CreateMediumArguments, MediumArguments } from "./mediumActions.ts";

const load = () => import("./mediumActions.ts");
const JSON_OPTION = ["--json", "one line of JSON"] as const;
const PASSPHRASE_OPTION = ["--passphrase-file <file>", "holds the passphrase of an encrypted disk"] as const;
const FORMAT_OPTION = ["--format <format>", "what the file is; without it its content tells"] as const;

export function addMedium(program: Command, setStatus: (status: number) => void): void {
  const medium = program
    .command("medium")
    .description("make, look at, convert and repair disk images")
    .addHelpText(
      "after",
      "\nFormats: qcow2, vdi, vmdk, vhd, vhdx, raw. Sizes: bytes, or a number with K, M, G or T." +
        "\nExit status: 0 done, 1 the media differ or faults are left, 2 bad arguments, 8 anything else.",
    );
  addMaking(medium, setStatus);
  addChanging(medium, setStatus);
  addLooking(medium, setStatus);
}

function addMaking(medium: Command, setStatus: (status: number) => void): void {
  medium
    .command("create")
    .description("make a disk image or a diskette")
    .argument("<file>")
    .option(
      "--format <format>",
      "qcow2, vdi, vmdk, vhd, vhdx or raw; without it the file's name tells, and otherwise it is qcow2",
    )
    .option("--subformat <name>", "dynamic, fixed, v2, monolithicFlat, ...")
    .option("--size <size>", "how large the disk is")
    .option("--diskette <size>", "a diskette formatted with FAT12: 360K, 720K, 1.2M, 1.44M or 2.88M")
    .option("--blank", "the diskette is not formatted")
    .option("--backing <file>", "the new image holds only what differs from this one")
    .option(
      "--passphrase-file <file>",
      "encrypts it (QCOW2) under the passphrase in this file, which also opens --backing",
    )
    .option(...JSON_OPTION)
    .action(async (file: string, given: CreateMediumArguments) =>
      setStatus(await (await load()).createMedium(file, given)),
    );
  medium
    .command("convert")
    .description("copy a disk into a new image, whole")
    .argument("<source>")
    .argument("<target>")
    .option("--format <format>", "qcow2, vdi, vmdk, vhd, vhdx or raw; without it the target's name tells")
    .option("--subformat <name>", "dynamic, fixed, streamOptimized, ...")
    .option("--source-format <format>", "what the source is; without it its content tells")
    .option("--compress", "store it compressed where the format can")
    .option("--passphrase-file <file>", "holds the passphrase of the source, and of the target unless another is given")
    .option("--target-passphrase-file <file>", "encrypts the target (QCOW2) under the passphrase in this file")
    .option("--decrypt", "the target may be read by everybody")
    .option(...JSON_OPTION)
    .action(async (source: string, target: string, given: ConvertArguments) =>
      setStatus(await (await load()).convertMedium(source, target, given)),
    );
}

function addChanging(medium: Command, setStatus: (status: number) => void): void {
  medium
    .command("resize")
    .description("make a disk larger or smaller")
    .argument("<file>")
    .argument("<size>")
    .option("--truncate", "cut off data beyond the new end")
    .option(...FORMAT_OPTION)
    .option(...PASSPHRASE_OPTION)
    .option(...JSON_OPTION)
    .action(async (file: string, size: string, given: MediumArguments & { truncate?: boolean }) =>
      setStatus(await (await load()).resizeMedium(file, size, given)),
    );
  medium
    .command("compact")
    .description("give space of zeros back to the host")
    .argument("<file>")
    .option(...FORMAT_OPTION)
    .option(...PASSPHRASE_OPTION)
    .option(...JSON_OPTION)
    .action(async (file: string, given: MediumArguments) => setStatus(await (await load()).compactMedium(file, given)));
  medium
    .command("remove")
    .description("delete an image with all its files, unless something needs it")
    .argument("<file>")
    .option(...JSON_OPTION)
    .action(async (file: string, given: { json?: boolean }) =>
      setStatus(await (await load()).removeMedium(file, given)),
    );
}

function addLooking(medium: Command, setStatus: (status: number) => void): void {
  medium
    .command("info")
    .description("what an image is, and what it rests on")
    .argument("<file>")
    .option(...FORMAT_OPTION)
    .option(...PASSPHRASE_OPTION)
    .option(...JSON_OPTION)
    .action(async (file: string, given: MediumArguments) =>
      setStatus(await (await load()).mediumInformation(file, given)),
    );
  medium
    .command("check")
    .description("look for faults in an image")
    .argument("<file>")
    .option("--repair", "mend what can be mended")
    .option(...FORMAT_OPTION)
    .option(...PASSPHRASE_OPTION)
    .option(...JSON_OPTION)
    .action(async (file: string, given: MediumArguments & { repair?: boolean }) =>
      setStatus(await (await load()).checkMedium(file, given)),
    );
  medium
    .command("compare")
    .description("do two disks hold the same?")
    .argument("<first>")
    .argument("<second>")
    .option("--first-format <format>", "what the first is")
    .option("--second-format <format>", "what the second is")
    .option(...PASSPHRASE_OPTION)
    .option("--second-passphrase-file <file>", "where the second has another passphrase")
    .option(...JSON_OPTION)
    .action(async (first: string, second: string, given: CompareArguments) =>
      setStatus(await (await load()).compareMedia(first, second, given)),
    );
}
