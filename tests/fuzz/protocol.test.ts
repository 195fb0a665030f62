import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeBinaryMessage, encodeConsoleFrame } from "../../engine/api/binaryMessage.ts";
import { HostClient } from "../../engine/api/HostClient.ts";
import { hostProtocol } from "../../engine/api/hostProtocol.ts";
import { defaultMachineDraft } from "../../engine/api/MachineConfig.ts";
import { memoryEndpointPair } from "../../engine/api/memoryEndpointPair.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import { HostService } from "../../engine/host/HostService.ts";
import { MachineLibrary, parseMachineConfig } from "../../engine/host/MachineLibrary.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

/** Random messages, configurations and bytes: whatever arrives, nothing but the offender's connection is lost. */
const MESSAGES = 10_000;
const CONFIGS = 10_000;

let folder: string;
let host: HostService;
const faults: unknown[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "guesthouse-fuzz-"));
  host = await HostService.open({
    dataFolder: folder,
    shell: "cli",
    spawnEngine: () => {
      throw new GuesthouseError("no-engine", "Nothing starts here.");
    },
    onFault: (error) => faults.push(error),
  });
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

describe("the host", () => {
  test(`${MESSAGES} random messages, a bystander undisturbed`, async () => {
    const random = new RandomValues(0x5eed_0001);
    const commands = Object.keys(hostProtocol.commands);
    // The others would look at this machine's real files, write outside of the folder, or rightly make machines.
    const harmless = commands.filter((name) => !/^files\.|^media\.|^builtinGuest\./.test(name));
    const [ours, theirs] = memoryEndpointPair();
    host.serve(theirs);
    const bystander = new HostClient(ours);
    await bystander.ready;
    for (let sent = 0; sent < MESSAGES; ) {
      const [left, right] = memoryEndpointPair();
      host.serve(right);
      let open = true;
      left.onClose(() => {
        open = false;
      });
      left.onMessage(() => {});
      left.send({ type: "hello", protocol: "guesthouse", version: 1 });
      for (let burst = 0; burst < 20 && open; burst++, sent++) {
        left.send(random.message(harmless) as never);
        if (burst % 4 === 0) await Promise.resolve();
      }
      left.close();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { machines } = await bystander.call("library.list", {});
    expect(machines).toEqual([]);
    expect(faults).toEqual([]);
    await expect.poll(() => host.clientCount).toBe(1);
    bystander.close();
  });
});

describe("configurations", () => {
  const good = JSON.stringify({ version: 1, id: crypto.randomUUID(), ...defaultMachineDraft("Good") });

  test("the unharmed one is read", () => {
    expect(parseMachineConfig(good).ok).toBe(true);
  });

  test(`${CONFIGS} harmed and random ones are read or refused with a reason`, () => {
    const random = new RandomValues(0x5eed_0002);
    for (let index = 0; index < CONFIGS; index++) {
      const text = index % 2 === 0 ? random.harm(good) : JSON.stringify(random.harmValue(JSON.parse(good)));
      const parsed = parseMachineConfig(text);
      if (!parsed.ok) expect(parsed.reason).not.toBe("");
    }
  });

  test("a library full of rubbish still loads, each with its reason", async () => {
    const random = new RandomValues(0x5eed_0003);
    const library = new MachineLibrary(join(folder, "rubbish"));
    for (let index = 0; index < 50; index++) {
      const machine = join(library.folder, `machine ${index}`);
      mkdirSync(machine, { recursive: true });
      writeFileSync(join(machine, "machine.json"), random.bytes(200));
    }
    await library.load();
    expect(library.list()).toHaveLength(50);
    expect(library.list().every((record) => record.config === null && record.reason !== "")).toBe(true);
  });
});

describe("binary messages", () => {
  test("harmed frames are decoded within their bounds or refused", () => {
    const random = new RandomValues(0x5eed_0004);
    const pixels = new Uint8Array(4 * 4 * 4);
    const rects = [{ x: 1, y: 1, width: 4, height: 4 }];
    const header = { channel: 1, width: 8, height: 8, mode: "text", rects, deflated: false } as const;
    const frame = encodeConsoleFrame({ ...header, pixelBytes: 64, pixels });
    for (let index = 0; index < 5000; index++) {
      const bytes = random.harmBytes(frame);
      try {
        const message = decodeBinaryMessage(bytes);
        if (message.kind !== "frame" || message.deflated) continue;
        const area = message.rects.reduce((sum, rect) => sum + rect.width * rect.height, 0);
        expect(message.pixels.length).toBe(area * 4);
      } catch (error) {
        expect(error).toMatchObject({ kind: "malformed-message" });
      }
    }
  });
});
