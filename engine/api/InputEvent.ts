/** What a person does to a machine's keyboard and mouse. Keys by USB HID usage (page 7); motion in counts, y downwards. */
import * as v from "valibot";

const count = v.pipe(v.number(), v.integer(), v.minValue(-4096), v.maxValue(4096));

export const inputEventSchema = v.variant("kind", [
  v.strictObject({
    kind: v.literal("key"),
    usage: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xff)),
    pressed: v.boolean(),
  }),
  v.strictObject({ kind: v.literal("move"), dx: count, dy: count, wheel: count }),
  /** Bits: 0 left, 1 right, 2 middle, 3 and 4 the side buttons. */
  v.strictObject({
    kind: v.literal("buttons"),
    mask: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(31)),
  }),
]);
export type InputEvent = v.InferOutput<typeof inputEventSchema>;
