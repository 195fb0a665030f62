import type { Locator, Page } from "@playwright/test";
import {
  expectNotes,
  expectSaid,
  machineTools,
  makeNotebook,
  note,
  powerOff,
  takeSnapshot,
} from "./notebookMachine.ts";
import { expect, test } from "./shellFixture.ts";

async function openTab(page: Page, name: string): Promise<void> {
  await page.getByRole("tab", { name, exact: true }).click();
}

/** A snapshot of the machine that runs, seen in the tree with its memory. */
async function snapshotWithMemory(page: Page, name: string): Promise<void> {
  await openTab(page, "Snapshots");
  await takeSnapshot(page, name);
  await expect(page.getByRole("row", { name: new RegExp(`^${name}, with memory`) })).toBeVisible();
  await openTab(page, "Console");
}

async function restore(page: Page, name: string): Promise<void> {
  await openTab(page, "Snapshots");
  await page.getByRole("row", { name: new RegExp(`^${name},`) }).click();
  await page.getByRole("button", { name: "Restore…" }).click();
  const question = page.getByRole("alertdialog", { name: `Restore snapshot ${name}?` });
  await question.getByRole("checkbox", { name: "Take a snapshot of the current state first" }).uncheck({ force: true });
  await question.getByRole("button", { name: "Restore" }).click();
  await expect(machineTools(page).getByRole("button", { name: "Resume", exact: true })).toBeEnabled();
}

async function resume(page: Page): Promise<void> {
  await machineTools(page).getByRole("button", { name: "Resume", exact: true }).click();
  await expect(machineTools(page).getByRole("button", { name: "Show", exact: true })).toBeVisible();
}

async function closeConsole(page: Page): Promise<Locator> {
  await page.getByRole("button", { name: "Machine", exact: true }).last().click();
  await page.getByRole("menuitem", { name: "Close…" }).click();
  return page.getByRole("dialog", { name: "Close the console of Notebook" });
}

test("snapshots of a machine that runs bring back disk and memory, also after one between them was deleted", async ({
  manager: page,
  shell,
}) => {
  await makeNotebook(page, shell, "Notebook");
  await note(page, "apple");
  await snapshotWithMemory(page, "First");
  await note(page, "pear");
  await snapshotWithMemory(page, "Second");
  await note(page, "plum");
  await snapshotWithMemory(page, "Third");
  await note(page, "cherry");
  await powerOff(page);

  await restore(page, "First");
  await resume(page);
  await expectNotes(page, "apple", "apple");
  await note(page, "quince");
  // Powered off by closing the console, with everything back.
  const closing = await closeConsole(page);
  await closing.getByRole("radio", { name: "Power off" }).check({ force: true });
  await closing.getByRole("checkbox", { name: /^Restore snapshot First/ }).check({ force: true });
  await closing.getByRole("button", { name: "Power off" }).click();
  await expect(machineTools(page).getByRole("button", { name: "Resume", exact: true })).toBeEnabled({
    timeout: 20_000,
  });

  await openTab(page, "Snapshots");
  await page.getByRole("row", { name: /^Second,/ }).click();
  await page.getByRole("button", { name: "Delete…" }).click();
  const question = page.getByRole("alertdialog", { name: "Delete snapshot Second?" });
  await expect(question).toContainText("Space given back");
  await question.getByRole("button", { name: "Delete snapshot" }).click();
  await expect(page.getByRole("row", { name: /^Second,/ })).toBeHidden();

  await restore(page, "Third");
  await resume(page);
  await expectNotes(page, "plum", "plum");

  // The guest goes on while the past below it is joined.
  await openTab(page, "Snapshots");
  await page.getByRole("row", { name: /^First,/ }).click();
  await page.getByRole("button", { name: "Delete…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete snapshot" }).click();
  await expect(page.getByRole("row", { name: /^First,/ })).toBeHidden();
  await expect(page.getByRole("row", { name: /^Third,/ })).toBeVisible();
  await openTab(page, "Console");
  await note(page, "grape");
  await powerOff(page);
});

test("a saved state goes on where it was, and is discarded", async ({ manager: page, shell }) => {
  await makeNotebook(page, shell, "Notebook");
  await note(page, "apple");
  const dialog = await closeConsole(page);
  await dialog.getByRole("radio", { name: /^Save its state/ }).check({ force: true });
  await dialog.getByRole("button", { name: "Save state" }).click();
  await expect(page.getByRole("row", { name: "Notebook" })).toContainText("Saved");

  await page.keyboard.press("Control+s");
  const settings = page.getByRole("dialog", { name: "Notebook: settings" });
  await settings.getByRole("tab", { name: "System" }).click();
  await expect(settings).toContainText("The machine has a saved state");
  await expect(settings.getByRole("textbox", { name: "Memory" })).toBeDisabled();
  await settings.getByRole("button", { name: "Cancel" }).click();

  await resume(page);
  await expectNotes(page, "apple", "apple");
  await page.getByRole("button", { name: "More ways to stop" }).click();
  await page.getByRole("menuitem", { name: "Save state" }).click();
  await expect(page.getByRole("row", { name: "Notebook" })).toContainText("Saved");
  await machineTools(page).getByRole("button", { name: "Discard saved state…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Discard" }).click();
  await machineTools(page).getByRole("button", { name: "Start", exact: true }).click();
  await expectSaid(page, "disk [apple] memory []");
  await powerOff(page);
});
