import { useTranslation } from "react-i18next";
import type { Confirmation } from "../../state/shellState.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";

export function ConfirmDialog({ confirmation, onClose }: { confirmation: Confirmation; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog
      role="alertdialog"
      title={confirmation.title}
      width={440}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose} autoFocus>
            {t("actions.cancel")}
          </Button>
          <Button
            variant={confirmation.danger ? "danger" : "primary"}
            onPress={() => {
              onClose();
              confirmation.run();
            }}
          >
            {confirmation.action}
          </Button>
        </>
      }
    >
      <p>{confirmation.body}</p>
    </Dialog>
  );
}
