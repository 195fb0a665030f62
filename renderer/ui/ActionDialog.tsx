/**
 * A window with one deed and a way out of it. "question" interrupts because something may be lost: Cancel has the focus and a click
 * outside answers nothing. "form" has fields: a click outside does not throw away what was typed, and Enter in a field does the deed.
 * "offer" has the deed at hand.
 */
import type { FormEvent, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./Button.tsx";
import { Dialog } from "./Dialog.tsx";

export interface ActionDialogProps {
  shape: "question" | "form" | "offer";
  title: string;
  width?: number;
  /** The words on the button that does it. */
  action: string;
  /** It loses something. */
  danger?: boolean;
  /** False while something is missing or wrong. */
  enabled?: boolean;
  /** It is under way: the button keeps the focus and does nothing. */
  busy?: boolean;
  /** Leaving the window open or closing it first is the caller's choice. */
  onAction: () => void;
  onClose: () => void;
  children: ReactNode;
}

export function ActionDialog(props: ActionDialogProps) {
  const { t } = useTranslation();
  const { shape, enabled = true, busy = false, onAction, onClose } = props;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (enabled && !busy) onAction();
  };
  return (
    <Dialog
      title={props.title}
      width={props.width ?? 500}
      role={shape === "question" ? "alertdialog" : "dialog"}
      dismissable={shape === "offer"}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose} autoFocus={shape === "question"}>
            {t("actions.cancel")}
          </Button>
          <Button
            variant={props.danger === true ? "danger" : "primary"}
            isDisabled={!enabled}
            isPending={busy}
            autoFocus={shape === "offer"}
            onPress={onAction}
          >
            {props.action}
          </Button>
        </>
      }
    >
      {shape === "form" ? (
        <form className="stack" onSubmit={submit}>
          {props.children}
        </form>
      ) : (
        <div className="stack">{props.children}</div>
      )}
    </Dialog>
  );
}
