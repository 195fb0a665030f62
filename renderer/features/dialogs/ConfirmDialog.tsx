import type { Confirmation } from "../../state/shellState.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";

export function ConfirmDialog({ confirmation, onClose }: { confirmation: Confirmation; onClose: () => void }) {
  return (
    <ActionDialog
      shape="question"
      title={confirmation.title}
      width={440}
      action={confirmation.action}
      danger={confirmation.danger}
      onAction={() => {
        onClose();
        confirmation.run();
      }}
      onClose={onClose}
    >
      <p>{confirmation.body}</p>
    </ActionDialog>
  );
}
