import type { ChoiceIssue, WizardChoices } from "./WizardChoices.ts";

export interface SectionProps {
  choices: WizardChoices;
  setChoices: (choices: WizardChoices) => void;
  issues: Partial<Record<keyof WizardChoices, ChoiceIssue>>;
}
