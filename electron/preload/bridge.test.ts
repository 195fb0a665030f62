import { expect, test } from "vitest";
import { PORT_MESSAGE } from "../../renderer/platform/electronHost.ts";
import type { ChooseFileOptions } from "../../renderer/platform/HostPort.ts";
import { type ChooseFileRequest, channels } from "./channels.ts";

test("page and preload script agree on the port's message and on what is asked of the file dialog", () => {
  expect(PORT_MESSAGE).toBe(channels.port);
  const asked: ChooseFileOptions = { title: "x", mode: "open", filters: [] };
  const understood: ChooseFileRequest = asked;
  expect(understood).toBe(asked);
});
