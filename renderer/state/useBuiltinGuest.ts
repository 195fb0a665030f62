import { useState } from "react";
import { useTranslation } from "react-i18next";
import { navigate } from "../app/routes.ts";
import { useAttempt, useServices } from "./AppContext.tsx";

/** Makes a machine with the guest that comes with the app, starts it and shows its screen. */
export function useBuiltinGuest(): { busy: boolean; tryIt: () => void } {
  const { session } = useServices();
  const attempt = useAttempt();
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const tryIt = async () => {
    setBusy(true);
    await attempt(t("failure.builtinGuest"), async () => {
      const { machine } = await session.call("builtinGuest.create", {});
      navigate({ kind: "machine", id: machine.id, tab: "console" });
      await session.call("machine.start", { id: machine.id });
    });
    setBusy(false);
  };
  return { busy, tryIt: () => void tryIt() };
}
