import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import en from "./en.json" with { type: "json" };
import { createTranslations, type Language, languages } from "./languages.ts";
import zhCN from "./zh-CN.json" with { type: "json" };
import zhTW from "./zh-TW.json" with { type: "json" };

const root = new URL("..", import.meta.url).pathname;

function flatten(catalogue: object, prefix = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [name, value] of Object.entries(catalogue)) {
    if (typeof value === "string") flat.set(prefix + name, value);
    else for (const [key, text] of flatten(value, `${prefix}${name}.`)) flat.set(key, text);
  }
  return flat;
}

const catalogues: Record<Language, Map<string, string>> = {
  en: flatten(en),
  "zh-CN": flatten(zhCN),
  "zh-TW": flatten(zhTW),
};

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name) ? [readFileSync(path, "utf8")] : [];
  });
}

/** Literal keys, and patterns for keys put together from a variable. */
function usedKeys(): { literal: Set<string>; patterns: RegExp[] } {
  const literal = new Set<string>();
  const patterns: RegExp[] = [];
  for (const text of sources(root)) {
    for (const call of text.matchAll(/\bt\(\s*(?:[\w.!= ]+\?\s*)?"([\w.-]+)"(?:\s*:\s*"([\w.-]+)")?/g)) {
      for (const key of call.slice(1)) if (key !== undefined) literal.add(key);
    }
    for (const choice of text.matchAll(/\bt\(\s*[\w.]+ === [^?]+\?\s*"([\w.-]+)"\s*:\s*"([\w.-]+)"/g)) {
      for (const key of choice.slice(1)) if (key !== undefined) literal.add(key);
    }
    for (const call of text.matchAll(/\bt\(\s*`([^`]+)`/g)) {
      const parts = (call[1] ?? "").split(/\$\{[^}]+\}/).map((part) => part.replace(/[.]/g, "\\."));
      patterns.push(new RegExp(`^${parts.join("[\\w.-]+")}$`));
    }
  }
  return { literal, patterns };
}

describe("catalogues", () => {
  test("all languages have the same keys", () => {
    const keys = [...catalogues.en.keys()].sort();
    for (const language of Object.keys(languages) as Language[]) {
      expect([...catalogues[language].keys()].sort()).toEqual(keys);
    }
  });

  test("no text is empty and placeholders are the same in every language", () => {
    const placeholders = (text: string | undefined) => (text?.match(/\{\{\w+\}\}/g) ?? []).sort();
    for (const [key, text] of catalogues.en) {
      for (const language of Object.keys(languages) as Language[]) {
        const translated = catalogues[language].get(key);
        expect(translated?.trim(), `${language} ${key}`).not.toBe("");
        expect(placeholders(translated), `${language} ${key}`).toEqual(placeholders(text));
      }
    }
  });

  test("every key that is used exists and every key that exists is used", () => {
    const { literal, patterns } = usedKeys();
    const known = catalogues.en;
    expect([...literal].filter((key) => !known.has(key))).toEqual([]);
    expect(patterns.filter((pattern) => ![...known.keys()].some((key) => pattern.test(key)))).toEqual([]);
    const unused = [...known.keys()].filter(
      (key) => !literal.has(key) && !patterns.some((pattern) => pattern.test(key)),
    );
    expect(unused).toEqual([]);
  });

  test("Chinese uses the words of VirtualBox", () => {
    expect(catalogues["zh-CN"].get("library.machines")).toBe("虚拟机");
    expect(catalogues["zh-TW"].get("library.machines")).toBe("虛擬機");
    expect(catalogues["zh-CN"].get("section.storage")).toBe("存储");
    expect(catalogues["zh-TW"].get("section.storage")).toBe("儲存");
    expect(catalogues["zh-CN"].get("keys.hostAlone")).toBe("热键");
    expect(catalogues["zh-TW"].get("keys.hostAlone")).toBe("主機鍵");
    // Simplified characters have no place in the traditional catalogue.
    const strays = [...catalogues["zh-TW"]].filter(([, text]) =>
      /[虚拟热键设开关输显盘软驱选择启动继续错误]/.test(text),
    );
    expect(strays.map(([key]) => key)).toEqual([]);
  });

  test("a translation speaks at once, without waiting for a loader", () => {
    expect(createTranslations("zh-TW").t("actions.start")).toBe("啟動");
    expect(createTranslations("en").t("rename.title", { name: "A & B" })).toBe("Rename A & B");
  });
});
