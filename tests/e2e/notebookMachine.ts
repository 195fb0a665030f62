/** A machine with the notebook guest in the app, and what tests do with it there: type notes, read what the guest says, stop and go on. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, type Locator, type Page } from "@playwright/test";
import { notebookFloppy } from "./notebookGuest.ts";
import type { Shell } from "./shellFixture.ts";

export function machineTools(page: Page): Locator {
  return page.getByRole("toolbar", { name: "Machine tools" });
}

/** New machine with an empty disk, encrypted when there is a passphrase, started from the notebook's diskette, which installs itself. */
export async function makeNotebook(page: Page, shell: Shell, name: string, passphrase?: string): Promise<void> {
  const floppy = join(shell.folder, "notebook.img");
  await writeFile(floppy, notebookFloppy());
  await page.keyboard.press("Alt+n");
  const wizard = page.getByRole("dialog", { name: "New machine" });
  await wizard.getByRole("radio", { name: "Floppy" }).check({ force: true });
  await wizard.getByRole("textbox", { name: "Floppy image" }).fill(floppy);
  await wizard.getByRole("textbox", { name: "Name" }).fill(name);
  await setNumber(wizard, "Memory", "16");
  await setNumber(wizard, "Disk size", "16");
  if (passphrase !== undefined) {
    await wizard.getByText("Expert choices").click();
    await wizard.getByText("With a passphrase").click();
    await wizard.getByRole("textbox", { name: "Passphrase", exact: true }).fill(passphrase);
    await wizard.getByRole("textbox", { name: "Passphrase again" }).fill(passphrase);
  }
  await wizard.getByRole("button", { name: "Create and start" }).click();
  // Making a key out of a passphrase is meant to take long.
  await expect(wizard).toBeHidden({ timeout: passphrase === undefined ? 15_000 : 60_000 });
  await expectSaid(page, "disk [] memory []");
}

async function setNumber(dialog: Locator, label: string, value: string): Promise<void> {
  const field = dialog.getByRole("textbox", { name: label, exact: true });
  await field.fill(value);
  await field.press("Tab");
}

/** Types into the guest by the console's Input menu. */
async function type(page: Page, text: string): Promise<void> {
  await page.getByRole("button", { name: "Input", exact: true }).click();
  await page.getByRole("menuitem", { name: "Type text…" }).click();
  const dialog = page.getByRole("dialog", { name: /^Type text into/ });
  await dialog.getByRole("textbox", { name: "Text" }).fill(text);
  await dialog.getByRole("button", { name: "Type" }).click();
  await expect(dialog).toBeHidden();
}

/** The guest's last line on its first serial port. */
export async function expectSaid(page: Page, line: string): Promise<void> {
  await page.getByRole("radiogroup", { name: "What is shown" }).getByText("Terminal COM1").click();
  const said = async () => {
    const rows = await page.locator(".serial-pane .xterm-rows > div").allTextContents();
    return rows
      .findLast((row) => row.trim() !== "")
      ?.replaceAll("\u00a0", " ")
      .trim();
  };
  await expect.poll(said, { timeout: 60_000 }).toBe(line);
}

/** Writes a note on the guest's disk and into its memory. */
export async function note(page: Page, text: string): Promise<void> {
  await type(page, `${text}{enter}`);
  await expectSaid(page, `disk [${text}] memory [${text}]`);
}

/** Asks the guest what its disk and its memory hold. */
export async function expectNotes(page: Page, disk: string, memory: string): Promise<void> {
  await type(page, "{enter}");
  await expectSaid(page, `disk [${disk}] memory [${memory}]`);
}

export async function powerOff(page: Page): Promise<void> {
  await page.getByRole("button", { name: "More ways to stop" }).click();
  await page.getByRole("menuitem", { name: "Power off" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Power off" }).click();
  await expect(machineTools(page).getByRole("button", { name: "Start", exact: true })).toBeEnabled();
}

export async function takeSnapshot(page: Page, name: string): Promise<void> {
  await page.keyboard.press("Control+Shift+T");
  const dialog = page.getByRole("dialog", { name: /^Take a snapshot of/ });
  await dialog.getByRole("textbox", { name: "Name" }).fill(name);
  await dialog.getByRole("button", { name: "Take snapshot" }).click();
  await expect(dialog).toBeHidden();
}
