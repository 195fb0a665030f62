import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { TextField as AriaTextField, FieldError, Input, Label, Text, TextArea } from "react-aria-components";

export interface TextFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** A sentence under the field. */
  hint?: ReactNode;
  /** What is wrong, shown under the field; undefined when nothing is. */
  error?: string | undefined;
  placeholder?: string;
  multiline?: boolean;
  mono?: boolean;
  /** What is typed is not shown. */
  secret?: boolean;
  disabled?: boolean;
  autoFocus?: boolean;
  hideLabel?: boolean;
  onBlur?: () => void;
}

export function TextField(props: TextFieldProps) {
  const inputClass = `input${props.mono === true ? " mono" : ""}`;
  const placeholder = props.placeholder ?? "";
  return (
    <AriaTextField
      className="field"
      value={props.value}
      onChange={props.onChange}
      isInvalid={props.error !== undefined}
      isDisabled={props.disabled ?? false}
      type={props.secret === true ? "password" : "text"}
      validationBehavior="aria"
      {...(props.autoFocus === true ? { autoFocus: true } : {})}
      {...(props.onBlur === undefined ? {} : { onBlur: props.onBlur })}
    >
      <Label className={props.hideLabel === true ? "visually-hidden" : "field-label"}>{props.label}</Label>
      {props.multiline === true ? (
        <TextArea className={inputClass} placeholder={placeholder} spellCheck={false} />
      ) : (
        <Input className={inputClass} placeholder={placeholder} spellCheck={false} autoComplete="off" />
      )}
      {props.hint !== undefined && props.error === undefined ? (
        <Text slot="description" className="field-hint">
          {props.hint}
        </Text>
      ) : null}
      <FieldError className="field-error">
        <CircleAlert size={14} aria-hidden />
        {props.error}
      </FieldError>
    </AriaTextField>
  );
}
