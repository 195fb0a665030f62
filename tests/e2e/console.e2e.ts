import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { expect, test } from "./shellFixture.ts";

const guest = fileURLToPath(new URL("../../dist/guest/tour.img", import.meta.url));
test.skip(!existsSync(guest), "the built-in guest is not built: npm run build");

/** The canvas of the console, and whether its picture has more than one colour. */
async function showsPicture(page: Page): Promise<boolean> {
  return page.locator("canvas.screen").evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const context = canvas.getContext("2d");
    if (context === null || canvas.width === 0) return false;
    const words = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    return words.some((word) => word !== words[0]);
  });
}

async function startTour(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Try the built-in guest" }).click();
  await expect(page.getByRole("tab", { name: "Console" })).toHaveAttribute("aria-selected", "true");
  await expect.poll(() => showsPicture(page), { timeout: 60_000 }).toBe(true);
}

async function powerOff(page: Page): Promise<void> {
  await page.getByRole("button", { name: "More ways to stop" }).click();
  await page.getByRole("menuitem", { name: "Power off" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Power off" }).click();
  await expect(
    page.getByRole("toolbar", { name: "Machine tools" }).getByRole("button", { name: "Start", exact: true }),
  ).toBeEnabled();
}

test("the built-in guest starts with one click, paints, pauses, resumes and powers off", async ({ manager: page }) => {
  await startTour(page);
  const tools = page.getByRole("toolbar", { name: "Machine tools" });
  await tools.getByRole("button", { name: "Pause" }).click();
  await expect(page.locator(".curtain-paused")).toBeVisible();
  await expect(tools.getByRole("button", { name: "Pause" })).toBeHidden();
  await tools.getByRole("button", { name: "Resume" }).click();
  await expect(page.locator(".curtain-paused")).toBeHidden();
  await powerOff(page);
});

test("every light of the status bar has a name and a menu", async ({ manager: page }) => {
  await startTour(page);
  const status = page.locator(".console-status");
  await expect(status.getByRole("button", { name: /^Engine/ })).toBeVisible();
  await expect(status.getByRole("button", { name: /^Display/ })).toBeVisible();
  for (const light of await status.getByRole("button").all()) {
    expect(await light.getAttribute("aria-label")).toBeTruthy();
  }
  await status.getByRole("button", { name: /^Display/ }).click();
  await expect(page.getByRole("menuitem", { name: /Scaled to fit/ })).toBeVisible();
  await page.keyboard.press("Escape");
});

test("the first capture is explained, keys and mouse reach the guest, and the host key takes them back", async ({
  manager: page,
}) => {
  await startTour(page);
  const shown = page.getByRole("radiogroup", { name: "What is shown" });
  const terminal = page.locator(".serial-pane");
  // The tour reports its checks on the first serial port; the one of input comes last.
  await shown.getByText("Terminal COM1").click();
  await expect(terminal).toContainText("display.vbe", { timeout: 90_000 });
  await shown.getByText("Screen").click();

  const screen = page.getByRole("application", { name: /^Screen of/ });
  await screen.click();
  const explanation = page.getByRole("dialog", { name: "Giving keyboard and mouse to the machine" });
  await expect(explanation).toContainText("Right Ctrl");
  await explanation.getByRole("button", { name: "Capture" }).click();
  await expect(page.getByText("Keyboard captured")).toBeAttached();
  const box = await screen.boundingBox();
  if (box === null) throw new Error("the screen has no place");
  for (let step = 0; step < 10; step++) await page.mouse.move(box.x + 100 + step * 9, box.y + 100 + step * 5);
  await page.keyboard.type("hello", { delay: 60 });
  await page.keyboard.press("Enter");
  await page.keyboard.press("ControlRight");
  await expect(page.getByText("Keyboard released")).toBeAttached();

  await shown.getByText("Terminal COM1").click();
  await expect(terminal).toContainText(/input\.keyboard \w+ hello/);
  await expect(terminal).toContainText(/input\.mouse \w+ the pointer moved/);
  await shown.getByText("Screen").click();
  await screen.click();
  await expect(page.getByText("Keyboard captured")).toBeAttached();
  await expect(explanation).toBeHidden();
});

test("host key combinations run commands and do not release the keyboard", async ({ manager: page }) => {
  await startTour(page);
  await page.keyboard.down("ControlRight");
  await page.keyboard.press("p");
  await page.keyboard.up("ControlRight");
  await expect(page.locator(".curtain-paused")).toBeVisible();
  await page.keyboard.down("ControlRight");
  await page.keyboard.press("q");
  await page.keyboard.up("ControlRight");
  const dialog = page.getByRole("dialog", { name: /^Close the console/ });
  await expect(dialog.getByRole("radio", { name: "Leave the machine running" })).toBeChecked();
  await dialog.getByRole("button", { name: "Cancel" }).click();
});

test("a console in its own window shows the same machine", async ({ manager: page }) => {
  await startTour(page);
  await page.getByRole("button", { name: "View", exact: true }).click();
  const [popup] = await Promise.all([
    page.waitForEvent("popup"),
    page.getByRole("menuitem", { name: "Show in its own window" }).click(),
  ]);
  await expect(popup).toHaveTitle(/\[Running\]/);
  await expect.poll(() => showsPicture(popup), { timeout: 60_000 }).toBe(true);
});

test("an engine that crashes takes nobody with it and says what happened", async ({ manager: page, shell }) => {
  test.skip(process.platform !== "linux", "finds the engine by /proc");
  await startTour(page);
  await shell.killEngines();
  const notice = page.getByRole("alert").filter({ hasText: "Aborted:" });
  await expect(notice).toBeVisible();
  await notice.getByText("Last lines of the log").click();
  await expect(notice.locator("pre")).toContainText("The machine starts.");
  const tools = page.getByRole("toolbar", { name: "Machine tools" });
  await tools.getByRole("button", { name: "Start", exact: true }).click();
  await expect(notice).toBeHidden();
  await expect.poll(() => showsPicture(page), { timeout: 60_000 }).toBe(true);
});

test("a floppy is ejected and swapped while the machine runs", async ({ manager: page, shell }) => {
  await writeFile(join(shell.folder, "second.img"), new Uint8Array(1_474_560));
  await startTour(page);
  await page.getByRole("tab", { name: "Details" }).click();
  const storage = page.getByRole("region", { name: "Storage" });
  await storage.getByRole("button", { name: /^Floppy A:/ }).click();
  await page.getByRole("menuitem", { name: "Eject" }).click();
  await expect(storage.getByRole("button", { name: /^Floppy A:.*Empty/ })).toBeVisible();
  await storage.getByRole("button", { name: /^Floppy A:/ }).click();
  await page.getByRole("menuitem", { name: "Insert image…" }).click();
  const files = page.getByRole("dialog", { name: "Choose a floppy image" });
  await files.getByRole("textbox", { name: "Folder", exact: true }).fill(shell.folder);
  await page.keyboard.press("Enter");
  await files.getByRole("row", { name: "second.img" }).dblclick();
  await expect(storage.getByRole("button", { name: /^Floppy A:.*second\.img/ })).toBeVisible();
});
