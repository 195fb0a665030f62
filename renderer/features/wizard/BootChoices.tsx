import { Disc3, House, type LucideIcon, Package, Save, Square } from "lucide-react";
import { Label, Radio, RadioGroup } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { osTypeById } from "../../../engine/api/osTypes.ts";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { FileField } from "../../ui/FileField.tsx";
import { SystemTypeSelect } from "../../ui/SystemTypeSelect.tsx";
import { TextField } from "../../ui/TextField.tsx";
import type { SectionProps } from "./SectionProps.ts";
import { type BootMedium, type ChoiceIssue, touch, withImage, withSystem } from "./WizardChoices.ts";

const media: readonly { id: BootMedium; icon: LucideIcon }[] = [
  { id: "optical", icon: Disc3 },
  { id: "floppy", icon: Save },
  { id: "kernel", icon: Package },
  { id: "builtin", icon: House },
  { id: "none", icon: Square },
];

function BootMediumChoice({ value, onChange }: { value: BootMedium; onChange: (medium: BootMedium) => void }) {
  const { t } = useTranslation();
  return (
    <RadioGroup
      className="field"
      value={value}
      onChange={(medium) => onChange(medium as BootMedium)}
      orientation="horizontal"
    >
      <Label className="field-label">{t("wizard.bootFrom")}</Label>
      <div className="tiles">
        {media.map(({ id, icon: Icon }) => (
          <Radio key={id} value={id} className="tile">
            <Icon size={20} aria-hidden />
            {t(`wizard.medium.${id}`)}
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}

/** What the chosen medium needs: an image, or a kernel with what belongs to it. */
function MediumFields({ choices, setChoices, issues }: SectionProps) {
  const { t } = useTranslation();
  const filters = useFileFilters();
  const words = (code: ChoiceIssue | undefined) => (code === undefined ? undefined : t(`issue.${code}`));
  const medium = choices.bootMedium;
  if (medium === "optical" || medium === "floppy") {
    return (
      <FileField
        label={t(`wizard.image.${medium}`)}
        value={choices.imagePath}
        onChange={(path) => setChoices(withImage(choices, path))}
        choose={{ title: t(`drive.choose.${medium}`), filters: filters(medium) }}
        error={words(issues.imagePath)}
      />
    );
  }
  if (medium !== "kernel") return null;
  const choose = { title: t("drive.choose.kernel"), filters: filters("kernel") };
  return (
    <>
      <FileField
        label={t("wizard.kernel")}
        value={choices.kernelPath}
        onChange={(kernelPath) => setChoices({ ...choices, kernelPath })}
        choose={choose}
        error={words(issues.kernelPath)}
      />
      <FileField
        label={t("wizard.initrd")}
        value={choices.initrdPath}
        onChange={(initrdPath) => setChoices({ ...choices, initrdPath })}
        choose={choose}
        clearable
      />
      <TextField
        label={t("wizard.commandLine")}
        value={choices.commandLine}
        onChange={(commandLine) => setChoices({ ...choices, commandLine })}
        mono
      />
    </>
  );
}

function NameAndSystem({ choices, setChoices, issues, nameTaken }: SectionProps & { nameTaken: boolean }) {
  const { t } = useTranslation();
  const issue = issues.name ?? (nameTaken ? "name-taken" : undefined);
  return (
    <div className="pair">
      <TextField
        label={t("details.name")}
        value={choices.name}
        onChange={(name) => setChoices(touch(choices, { name }, "name"))}
        error={issue === undefined ? undefined : t(`issue.${issue}`)}
      />
      <SystemTypeSelect
        value={choices.osType}
        onChange={(id) => setChoices(touch(withSystem(choices, osTypeById(id)), {}, "osType"))}
      />
    </div>
  );
}

/** Boot medium, name and system. Picking an image fills the others in. */
export function BootChoices(props: SectionProps & { nameTaken: boolean }) {
  const { t } = useTranslation();
  const { choices, setChoices } = props;
  return (
    <section className="stack">
      <BootMediumChoice
        value={choices.bootMedium}
        onChange={(bootMedium) => setChoices({ ...choices, bootMedium, imagePath: "" })}
      />
      <MediumFields {...props} />
      {choices.bootMedium === "builtin" ? (
        <p className="quiet">{t("wizard.builtinNote")}</p>
      ) : (
        <NameAndSystem {...props} />
      )}
    </section>
  );
}
