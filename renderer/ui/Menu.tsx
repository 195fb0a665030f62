/** Menus described as data, so that the menu bar, right-click menus and the command palette draw from the same actions. */
import { Check, ChevronRight, Circle } from "lucide-react";
import type { ReactNode } from "react";
import {
  Button as AriaButton,
  Menu as AriaMenu,
  Collection,
  Header,
  Keyboard,
  MenuItem,
  MenuSection,
  MenuTrigger,
  Popover,
  type PopoverProps,
  Separator,
  SubmenuTrigger,
  Text,
} from "react-aria-components";
import type { PagePoint } from "./rowOfContextMenu.ts";

export interface MenuAction {
  kind: "action";
  id: string;
  label: string;
  icon?: ReactNode;
  keys?: string | undefined;
  disabled?: boolean;
  danger?: boolean;
  /** A mark before the label: a tick for on/off, a dot for one of several. */
  mark?: "check" | "dot" | undefined;
  run: () => void;
}

export type MenuEntry =
  | MenuAction
  | { kind: "separator"; id: string }
  | { kind: "submenu"; id: string; label: string; icon?: ReactNode; disabled?: boolean; entries: readonly MenuEntry[] }
  | { kind: "section"; id: string; label: string; entries: readonly MenuEntry[] };

export function findAction(entries: readonly MenuEntry[], id: string): MenuAction | undefined {
  for (const entry of entries) {
    if (entry.kind === "action" && entry.id === id) return entry;
    if (entry.kind === "submenu" || entry.kind === "section") {
      const found = findAction(entry.entries, id);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function Mark({ mark, icon }: { mark?: "check" | "dot" | undefined; icon?: ReactNode }) {
  if (mark === "check") return <Check size={14} aria-hidden />;
  if (mark === "dot") return <Circle size={8} fill="currentColor" aria-hidden />;
  return icon ?? null;
}

function renderEntry(entry: MenuEntry, withMarks: boolean): ReactNode {
  switch (entry.kind) {
    case "separator":
      return <Separator key={entry.id} className="menu-separator" />;
    case "section":
      return (
        <MenuSection key={entry.id}>
          <Header className="menu-header">{entry.label}</Header>
          <Collection>{entry.entries.map((inner) => renderEntry(inner, withMarks))}</Collection>
        </MenuSection>
      );
    case "submenu":
      return (
        <SubmenuTrigger key={entry.id}>
          <MenuItem id={entry.id} textValue={entry.label} className="menu-item" isDisabled={entry.disabled ?? false}>
            {withMarks ? <span className="menu-item-mark">{entry.icon}</span> : null}
            <Text slot="label" className="menu-item-label">
              {entry.label}
            </Text>
            <ChevronRight size={14} aria-hidden />
          </MenuItem>
          <Popover className="popover" offset={-2}>
            <MenuList label={entry.label} entries={entry.entries} />
          </Popover>
        </SubmenuTrigger>
      );
    case "action":
      return (
        <MenuItem
          key={entry.id}
          id={entry.id}
          textValue={entry.label}
          className={`menu-item${entry.danger === true ? " menu-danger" : ""}`}
          isDisabled={entry.disabled ?? false}
          onAction={entry.run}
        >
          {withMarks ? (
            <span className="menu-item-mark">
              <Mark mark={entry.mark} icon={entry.icon} />
            </span>
          ) : null}
          <Text slot="label" className="menu-item-label">
            {entry.label}
          </Text>
          {entry.mark === undefined ? null : <span className="visually-hidden">✓</span>}
          {entry.keys === undefined ? null : <Keyboard>{entry.keys}</Keyboard>}
        </MenuItem>
      );
  }
}

function hasMarks(entries: readonly MenuEntry[]): boolean {
  return entries.some(
    (entry) =>
      (entry.kind === "action" && (entry.mark !== undefined || entry.icon !== undefined)) ||
      (entry.kind === "submenu" && entry.icon !== undefined) ||
      (entry.kind === "section" && hasMarks(entry.entries)),
  );
}

export function MenuList({
  label,
  entries,
  onClose,
}: {
  label: string;
  entries: readonly MenuEntry[];
  onClose?: () => void;
}) {
  const withMarks = hasMarks(entries);
  return (
    <AriaMenu className="menu" aria-label={label} {...(onClose === undefined ? {} : { onClose })}>
      {entries.map((entry) => renderEntry(entry, withMarks))}
    </AriaMenu>
  );
}

export interface MenuButtonProps {
  /** Read aloud, and shown unless `children` replace it. */
  label: string;
  entries: readonly MenuEntry[];
  children?: ReactNode;
  className?: string;
  placement?: PopoverProps["placement"];
  disabled?: boolean;
}

/** A button that opens a menu. */
export function MenuButton({
  label,
  entries,
  children,
  className = "button button-flat",
  placement,
  disabled,
}: MenuButtonProps) {
  return (
    <MenuTrigger>
      <AriaButton
        className={className}
        isDisabled={disabled ?? false}
        {...(children === undefined ? {} : { "aria-label": label })}
      >
        {children ?? label}
      </AriaButton>
      <Popover className="popover" offset={2} placement={placement ?? "bottom start"}>
        <MenuList label={label} entries={entries} />
      </Popover>
    </MenuTrigger>
  );
}

/** A menu at a point of the page, for the right mouse button and the context-menu key. */
export function ContextMenu({
  label,
  at,
  entries,
  onClose,
}: {
  label: string;
  at: PagePoint;
  entries: readonly MenuEntry[];
  onClose: () => void;
}) {
  return (
    <MenuTrigger
      isOpen
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <AriaButton className="context-anchor" aria-label={label} excludeFromTabOrder style={{ left: at.x, top: at.y }} />
      <Popover className="popover" offset={0} placement="bottom start">
        <MenuList label={label} entries={entries} />
      </Popover>
    </MenuTrigger>
  );
}
