import { createContext, type ReactNode, useContext } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

/** What failed in a window, shown above its buttons. Given by whoever renders the window. */
export const DialogFailure = createContext<ReactNode>(null);

export interface DialogProps {
  title: string;
  /** CSS width of the window; it never outgrows the page. */
  width?: number | string;
  height?: number | string;
  /** "alertdialog" interrupts and must be answered. */
  role?: "dialog" | "alertdialog";
  /** Escape, a click outside, or the buttons. */
  onClose: () => void;
  /** False while leaving would lose what was typed: then a click outside does nothing. */
  dismissable?: boolean;
  footer?: ReactNode;
  children: ReactNode;
}

/** A modal window. It is open for as long as it is rendered. */
export function Dialog({
  title,
  width = 480,
  height,
  role = "dialog",
  onClose,
  dismissable = true,
  footer,
  children,
}: DialogProps) {
  const failure = useContext(DialogFailure);
  return (
    <ModalOverlay
      className="overlay"
      isOpen
      isDismissable={dismissable && role === "dialog"}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <Modal className="modal" style={{ width, ...(height === undefined ? {} : { height }) }}>
        <AriaDialog className="dialog" role={role}>
          <Heading slot="title" className="dialog-title">
            {title}
          </Heading>
          <div className="dialog-body">{children}</div>
          {failure}
          {footer === undefined ? null : <div className="dialog-footer">{footer}</div>}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
