import { MiB } from "../../base/units.ts";
import { type FirmwareDrive, mediumOf } from "../disk/FirmwareDrive.ts";
import type { Screen } from "../video/Screen.ts";

/** What the firmware shows while it starts: name, memory, drives, hints and, when nothing boots, the reasons. */
const BAR = 0x1f;
const PLAIN = 0x07;
const BRIGHT = 0x0f;
const DIM = 0x08;
const WARM = 0x0e;
const LABEL_WIDTH = 18;
const SCREEN_COLUMNS = 80;

export function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const text = value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
  return `${text} ${units[unit]}`;
}

/** Code page 437 has the Latin letters of English alone in common with Unicode; the rest of a name becomes dots. */
function printable(text: string, width: number): string {
  const plain = text.replace(/[^\x20-\x7e]/g, ".");
  return plain.length > width ? `${plain.slice(0, width - 3)}...` : plain;
}

export function driveDescription(drive: FirmwareDrive): string {
  const medium = mediumOf(drive);
  if (!medium) return "empty";
  const name = drive.kind === "disk" ? drive.name : (drive.drive.medium?.name ?? drive.name);
  return `${printable(name, 40)} (${sizeText(medium.sizeBytes)})`;
}

export class PostScreen {
  readonly #screen: Screen;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  title(version: string): void {
    const right = `version ${version} `;
    const left = " Guesthouse";
    this.#screen.print(left + " ".repeat(SCREEN_COLUMNS - left.length - right.length) + right, BAR);
    this.#screen.print("\n");
  }

  field(label: string, value: string): void {
    this.#screen.print(`  ${label.padEnd(LABEL_WIDTH)}`, DIM + 7);
    this.#screen.print(`${value}\n`, BRIGHT);
  }

  memory(bytes: number): void {
    this.field("Memory", bytes < 16 * MiB ? sizeText(bytes) : `${Math.floor(bytes / MiB)} MiB`);
  }

  drive(label: string, drive: FirmwareDrive): void {
    this.field(label, driveDescription(drive));
  }

  hint(text: string): void {
    this.#screen.print(`\n  ${text}`, WARM);
  }

  /** Blanks the line the cursor is on. */
  clearLine(): void {
    const screen = this.#screen;
    const { row } = screen.cursor(screen.activePage);
    screen.scroll(screen.activePage, 0, PLAIN, row, 0, row, screen.columns - 1);
    screen.setCursor(screen.activePage, row, 0);
  }

  /** Text of any length, broken between words; what does not fit the first line is set in. */
  line(text: string, attribute = PLAIN): void {
    let line = "  ";
    for (const word of printable(text, 4 * SCREEN_COLUMNS).split(/ (?=\S)/)) {
      if (line.length + word.length >= SCREEN_COLUMNS - 2) {
        this.#screen.print(`${line}\n`, attribute);
        line = "    ";
      }
      line += line.trim() === "" ? word : ` ${word}`;
    }
    this.#screen.print(`${line}\n`, attribute);
  }

  menu(labels: readonly string[]): void {
    this.clearLine();
    this.line("Start from", BRIGHT);
    labels.forEach((label, index) => {
      this.line(`  ${index + 1}  ${label}`);
    });
    this.#screen.print("\n  Press a number, or Esc for the usual order.", WARM);
  }

  /** The end of the road, in words that say what to do. */
  nothingToStart(reasons: readonly string[]): void {
    this.clearLine();
    this.line("No bootable medium", BRIGHT);
    this.#screen.print("\n");
    if (reasons.length === 0) this.line("This machine has no drive to start from.");
    for (const reason of reasons) this.line(reason);
    this.#screen.print("\n");
    this.line("Insert a bootable disc, or attach a disk that has a system on it.");
    this.hint("Then press any key to try again.");
  }
}
