import { useTranslation } from "react-i18next";
import type { ApplianceMachine } from "../../../engine/api/applianceProtocol.ts";
import { MEMORY_MIB_MAX } from "../../../engine/api/checkMachineDraft.ts";
import { Checkbox } from "../../ui/Choices.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { NumberInput } from "../../ui/NumberInput.tsx";
import { SystemTypeSelect } from "../../ui/SystemTypeSelect.tsx";
import { TextField } from "../../ui/TextField.tsx";
import { ApplianceItemRow, useNoteSentence } from "./ApplianceItemRow.tsx";
import { fileNameProblem, type ImportProblem, type MachineChoices } from "./importEdits.ts";

interface ApplianceMachineFormProps {
  machine: ApplianceMachine;
  choices: MachineChoices;
  problem: ImportProblem | undefined;
  /** More than one: then each can be left out. */
  optional: boolean;
  onChange: (choices: MachineChoices) => void;
}

function ProductLine({ machine }: { machine: ApplianceMachine }) {
  const { product } = machine;
  if (product === null) return null;
  const words = [product.name, product.fullVersion || product.version, product.vendor].filter(Boolean).join(", ");
  return words === "" ? null : <p className="quiet">{words}</p>;
}

/** What will be made of one machine of an appliance, item by item. */
export function ApplianceMachineForm({ machine, choices, problem, optional, onChange }: ApplianceMachineFormProps) {
  const { t } = useTranslation();
  const sentenceOf = useNoteSentence();
  const set = (change: Partial<MachineChoices>) => onChange({ ...choices, ...change });
  const ofName = problem === "name-empty" || problem === "name-repeats";
  return (
    <section className="appliance-machine stack" aria-label={machine.name}>
      {optional ? (
        <Checkbox selected={choices.include} onChange={(include) => set({ include })}>
          <strong>{machine.name}</strong>
        </Checkbox>
      ) : null}
      {choices.include ? (
        <>
          <ProductLine machine={machine} />
          <TextField
            label={t("details.name")}
            value={choices.name}
            onChange={(name) => set({ name })}
            error={problem !== undefined && ofName ? t(`issue.${problem}`) : undefined}
          />
          <div className="input-row appliance-fields">
            <SystemTypeSelect value={choices.osType} onChange={(osType) => set({ osType })} />
            <NumberInput
              label={t("appliance.memory")}
              value={choices.memoryMiB}
              minimum={1}
              maximum={MEMORY_MIB_MAX}
              onChange={(memoryMiB) => set({ memoryMiB })}
            />
          </div>
          {machine.notes.map((note) => (
            <Notice key={`${note.code} ${note.message}`} kind="warning">
              {sentenceOf(note)}
            </Notice>
          ))}
          <ul className="appliance-items" aria-label={t("appliance.items")}>
            {machine.items.map((item) => {
              const chosen = choices.items[item.id];
              if (chosen === undefined) return null;
              return (
                <ApplianceItemRow
                  key={item.id}
                  item={item}
                  choices={chosen}
                  fileProblem={fileNameProblem(machine, choices, item)}
                  onChange={(next) => set({ items: { ...choices.items, [item.id]: next } })}
                />
              );
            })}
          </ul>
        </>
      ) : null}
    </section>
  );
}
