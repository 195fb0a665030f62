import { describe, expect, test } from "vitest";
import type { InputEvent } from "../../../engine/api/InputEvent.ts";
import { InputQueue } from "./InputQueue.ts";

function setUp() {
  const sent: InputEvent[][] = [];
  const frames: (() => void)[] = [];
  const queue = new InputQueue({ send: (events) => void sent.push(events), nextFrame: (run) => void frames.push(run) });
  return {
    sent,
    queue,
    frame: () => {
      for (const run of frames.splice(0)) run();
    },
  };
}

describe("InputQueue", () => {
  test("motion adds up to one event a frame", () => {
    const { sent, queue, frame } = setUp();
    queue.move(1, 2, 0);
    queue.move(3, -1, 1);
    expect(sent).toEqual([]);
    frame();
    expect(sent).toEqual([[{ kind: "move", dx: 4, dy: 1, wheel: 1 }]]);
  });

  test("a click goes at once and after the motion that led to it", () => {
    const { sent, queue, frame } = setUp();
    queue.move(5, 0, 0);
    queue.buttons(1);
    frame();
    expect(sent).toEqual([
      [
        { kind: "move", dx: 5, dy: 0, wheel: 0 },
        { kind: "buttons", mask: 1 },
      ],
    ]);
  });

  test("fractions are kept until they make a count", () => {
    const { sent, queue, frame } = setUp();
    for (let step = 0; step < 5; step++) queue.move(0.4, -0.2, 0);
    frame();
    expect(sent).toEqual([[{ kind: "move", dx: 2, dy: -1, wheel: 0 }]]);
  });

  test("counts stay within what the API takes", () => {
    const { sent, queue, frame } = setUp();
    queue.move(4000, 0, 0);
    queue.move(4000, -9000, 0);
    frame();
    expect(sent[0]?.[0]).toEqual({ kind: "move", dx: 4096, dy: -4096, wheel: 0 });
  });
});
