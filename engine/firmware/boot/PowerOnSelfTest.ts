import { GuesthouseError } from "../../base/GuesthouseError.ts";
import { NS_PER_MS } from "../../base/units.ts";
import type { Clock } from "../../contracts/Clock.ts";
import type { DriveTable } from "../disk/DriveTable.ts";
import { mediumOf } from "../disk/FirmwareDrive.ts";
import type { Int16 } from "../keyboard/Int16.ts";
import { BDA } from "../service/biosData.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import { IDLE, type ServiceRun, settle } from "../service/ServiceRun.ts";
import type { MemorySizes } from "../system/memoryMap.ts";
import { setVideoMode } from "../video/modeSet.ts";
import type { Screen } from "../video/Screen.ts";
import type { BootLoader } from "./BootLoader.ts";
import { type BootProgram, enterProgram } from "./DirectBoot.ts";
import type { PostScreen } from "./PostScreen.ts";

/** The visible part of POST: the screen, the hint about the boot menu, the menu, and what is started. */
const F12 = 0x86;
const ESCAPE = 0x01;
const FIRST_DIGIT = 0x31;
const WARM_BOOT = 0x1234;

export interface PowerOnSelfTestParts {
  readonly version: string;
  readonly sizes: MemorySizes;
  readonly screen: Screen;
  readonly post: PostScreen;
  readonly drives: DriveTable;
  readonly int16: Int16;
  readonly boot: BootLoader;
  readonly clock: Clock;
  /** Everything before the first sign on the screen: chips, vectors, data areas, PCI, tables. */
  readonly initialize: () => ServiceRun;
  /** Loads the kernel the user named, when there is one. */
  readonly directBoot: (() => BootProgram) | undefined;
  readonly programEntries: { real: number; protected: number };
  readonly menuWaitMs: number;
  readonly alwaysMenu: boolean;
  readonly log: (message: string) => void;
}

export class PowerOnSelfTest {
  readonly #parts: PowerOnSelfTestParts;

  constructor(parts: PowerOnSelfTestParts) {
    this.#parts = parts;
  }

  *run(frame: InterruptFrame): ServiceRun {
    const { screen, boot, directBoot } = this.#parts;
    yield* this.#parts.initialize();
    const warm = screen.memory.get16(BDA.RESET_FLAG) === WARM_BOOT;
    screen.memory.set16(BDA.RESET_FLAG, 0);
    setVideoMode(screen, 3);
    boot.restart();
    yield* this.#learnGeometries();
    this.#showMachine();
    if (directBoot) {
      if (this.#startKernel(frame, directBoot)) return;
    } else yield* this.#offerMenu(warm);
    yield* boot.boot(frame);
  }

  *#learnGeometries(): ServiceRun {
    const { drives } = this.#parts;
    for (const drive of drives.disks) {
      const blocks = mediumOf(drive);
      if (!blocks || blocks.sizeBytes < 512) continue;
      const mbr = new Uint8Array(Math.max(512, blocks.blockSize));
      const result = yield* settle(blocks.read(0, mbr));
      if (result.ok) drives.learnGeometry(drive, mbr);
    }
  }

  #showMachine(): void {
    const { post, version, sizes, boot } = this.#parts;
    post.title(version);
    post.memory(sizes.below4GiB + sizes.above4GiB);
    for (const { drive, label } of boot.candidates) post.drive(label, drive);
  }

  #startKernel(frame: InterruptFrame, directBoot: () => BootProgram): boolean {
    const { post, programEntries, log } = this.#parts;
    try {
      enterProgram(frame, directBoot(), programEntries);
      return true;
    } catch (error) {
      if (!(error instanceof GuesthouseError)) throw error;
      log(`The kernel cannot be started: ${error.message}`);
      post.line("");
      post.line(`The kernel cannot be started. ${error.message}`, 0x0f);
      return false;
    }
  }

  /** Waits a moment for F12; other keys stay for the program that is started. */
  *#offerMenu(warm: boolean): ServiceRun {
    const { post, clock, int16, menuWaitMs, alwaysMenu, boot } = this.#parts;
    if (boot.candidates.length === 0) return;
    if (alwaysMenu) {
      post.line("");
      yield* this.#menu();
      return;
    }
    post.hint("Press F12 for the boot menu.");
    const deadline = clock.nowNs() + (warm ? menuWaitMs / 2 : menuWaitMs) * NS_PER_MS;
    while (clock.nowNs() < deadline) {
      const key = int16.next(true);
      if (key !== undefined && key >> 8 === F12) {
        yield* int16.waitForKey(true);
        yield* this.#menu();
        return;
      }
      yield IDLE;
    }
  }

  *#menu(): ServiceRun {
    const { post, int16, boot, screen } = this.#parts;
    const shown = boot.candidates.slice(0, 9);
    post.menu(shown.map(({ label }) => label));
    for (;;) {
      const key = yield* int16.waitForKey(true);
      const chosen = shown[(key & 0xff) - FIRST_DIGIT];
      if (key >> 8 !== ESCAPE && !chosen) continue;
      if (chosen) boot.choose(chosen);
      screen.print("\n");
      return;
    }
  }
}
