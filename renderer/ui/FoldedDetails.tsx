import { Copy } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./Button.tsx";

/** Facts for a bug report, folded away and copied with one click. */
export function FoldedDetails({ text, title }: { text: string; title?: string }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <details className="folded">
      <summary>{title ?? t("errors.details")}</summary>
      <pre>{text}</pre>
      <Button variant="flat" onPress={() => void copy()}>
        <Copy size={14} aria-hidden />
        {copied ? t("actions.copied") : t("actions.copy")}
      </Button>
    </details>
  );
}
