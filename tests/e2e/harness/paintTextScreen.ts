import type { FakeScreen } from "../../../renderer/platform/fakeHost.ts";

/** A text screen such as a system shows while it starts, drawn with the browser's own monospaced font. */
export function paintTextScreen(name: string): FakeScreen {
  const [width, height] = [720, 400];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("no 2d context");
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  context.font = "15px monospace";
  context.fillStyle = "#aaa";
  const lines = [
    "Guesthouse BIOS",
    "640 KiB base memory, 1023 MiB extended memory",
    "Booting from hard disk...",
    "",
    `${name} (tty1)`,
    "",
    "login: ada",
    "Password:",
    "",
    "ada@guest:~$ uname -a",
    "Linux guest 6.1.0-18-686 #1 SMP i686 GNU/Linux",
    `ada@guest:~$ ${new Date().getSeconds() % 2 === 0 ? "_" : ""}`,
  ];
  for (const [row, line] of lines.entries()) context.fillText(line, 4, 16 + row * 16);
  return { width, height, pixels: new Uint8Array(context.getImageData(0, 0, width, height).data.buffer) };
}

/** The same as a small PNG, as base64. */
export async function paintThumbnail(name: string): Promise<string> {
  const { width, height, pixels } = paintTextScreen(name);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(pixels), width, height), 0, 0);
  const png = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
  return btoa(Array.from(png, (byte) => String.fromCharCode(byte)).join(""));
}
