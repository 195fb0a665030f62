/** What a page asks of the system's file dialog, checked and put into Electron's words. */
import type { OpenDialogOptions, SaveDialogOptions } from "electron";
import * as v from "valibot";

const requestSchema = v.strictObject({
  title: v.pipe(v.string(), v.maxLength(256)),
  mode: v.picklist(["open", "save"]),
  filters: v.pipe(
    v.array(
      v.strictObject({
        label: v.pipe(v.string(), v.maxLength(128)),
        extensions: v.pipe(v.array(v.pipe(v.string(), v.regex(/^\w{1,16}$/))), v.maxLength(32)),
      }),
    ),
    v.maxLength(16),
  ),
  startAt: v.optional(v.pipe(v.string(), v.maxLength(4096))),
});

export type FileDialog = { mode: "open"; options: OpenDialogOptions } | { mode: "save"; options: SaveDialogOptions };

/** Undefined when the request is malformed. */
export function fileDialogOptions(request: unknown): FileDialog | undefined {
  const parsed = v.safeParse(requestSchema, request);
  if (!parsed.success) return undefined;
  const { title, mode, filters, startAt } = parsed.output;
  const shared = {
    title,
    filters: filters.map(({ label, extensions }) => ({
      name: label,
      extensions: extensions.length === 0 ? ["*"] : [...extensions],
    })),
    ...(startAt === undefined ? {} : { defaultPath: startAt }),
  };
  return mode === "open"
    ? { mode, options: { ...shared, properties: ["openFile", "showHiddenFiles"] } }
    : { mode, options: shared };
}
