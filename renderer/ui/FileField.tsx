import { FolderOpen, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { ChooseFileOptions } from "../platform/HostPort.ts";
import { useFileChooser } from "../state/useFileChooser.ts";
import { Button } from "./Button.tsx";
import { IconButton } from "./IconButton.tsx";
import { TextField } from "./TextField.tsx";

export interface FileFieldProps {
  label: string;
  value: string;
  onChange: (path: string) => void;
  choose: Omit<ChooseFileOptions, "startAt" | "mode"> & { mode?: ChooseFileOptions["mode"] };
  error?: string | undefined;
  hint?: string;
  hideLabel?: boolean;
  disabled?: boolean;
  placeholder?: string;
  /** Offers to empty the field. */
  clearable?: boolean;
}

/** A path of the host: typed, or chosen in a dialog. */
export function FileField(props: FileFieldProps) {
  const { t } = useTranslation();
  const chooseFile = useFileChooser();
  const browse = async () => {
    const startAt = props.value === "" ? undefined : props.value;
    const path = await chooseFile({ mode: "open", ...props.choose, startAt });
    if (path !== undefined) props.onChange(path);
  };
  const disabled = props.disabled ?? false;
  return (
    <div className="file-field">
      <TextField
        label={props.label}
        value={props.value}
        onChange={props.onChange}
        error={props.error}
        mono
        disabled={disabled}
        hideLabel={props.hideLabel ?? false}
        placeholder={props.placeholder ?? ""}
        {...(props.hint === undefined ? {} : { hint: props.hint })}
      />
      <span className={`file-field-buttons ${props.hideLabel === true ? "" : "below-label"}`}>
        {props.clearable === true && props.value !== "" ? (
          <IconButton
            name={t("actions.clear", { field: props.label })}
            isDisabled={disabled}
            onPress={() => props.onChange("")}
          >
            <X size={15} aria-hidden />
          </IconButton>
        ) : null}
        <Button
          isDisabled={disabled}
          onPress={() => void browse()}
          aria-label={t("actions.chooseFor", { field: props.label })}
        >
          <FolderOpen size={15} aria-hidden />
          {t("actions.choose")}
        </Button>
      </span>
    </div>
  );
}
