import { LoaderCircle } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ApplianceDescription } from "../../../engine/api/applianceProtocol.ts";
import { navigate } from "../../app/routes.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { describeError, type ErrorDescription } from "../../state/describeError.ts";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { Button } from "../../ui/Button.tsx";
import { Checkbox } from "../../ui/Choices.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { FoldedDetails } from "../../ui/FoldedDetails.tsx";
import { baseName } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";
import { Select } from "../../ui/Select.tsx";
import { useNoteSentence } from "./ApplianceItemRow.tsx";
import { ApplianceMachineForm } from "./ApplianceMachineForm.tsx";
import "./appliance.css";
import { fileNameProblem, type ImportChoices, importEdits, importProblem, initialChoices } from "./importEdits.ts";

const TYPING_PAUSE_MS = 300;

/** A machine of ours that was taken off the list, by its configuration: there is nothing to choose. */
function isOwnMachine(path: string): boolean {
  return /[\\/]machine(\.removed)?\.json$/.test(path.trim());
}

interface Inspection {
  busy: boolean;
  appliance: ApplianceDescription | undefined;
  problem: ErrorDescription | undefined;
}

/** The dry run of a file, once typing pauses. */
function useInspection(path: string, configuration: string | null): Inspection {
  const { t } = useTranslation();
  const { session } = useServices();
  const [found, setFound] = useState<{ of: string; appliance?: ApplianceDescription; problem?: ErrorDescription }>();
  const wanted = `${path.trim()}\n${configuration ?? ""}`;
  useEffect(() => {
    const trimmed = path.trim();
    if (trimmed === "" || isOwnMachine(trimmed)) return;
    let open = true;
    const of = `${trimmed}\n${configuration ?? ""}`;
    const timer = setTimeout(() => {
      session.call("appliance.inspect", { path: trimmed, configuration }).then(
        ({ appliance }) => open && setFound({ of, appliance }),
        (error: unknown) => open && setFound({ of, problem: describeError(error, t) }),
      );
    }, TYPING_PAUSE_MS);
    return () => {
      open = false;
      clearTimeout(timer);
    };
  }, [session, path, configuration, t]);
  const current = found?.of === wanted ? found : undefined;
  return {
    busy: path.trim() !== "" && !isOwnMachine(path) && current === undefined,
    appliance: current?.appliance,
    problem: current?.problem,
  };
}

function Licences({
  appliance,
  choices,
  agreed,
  onAgree,
}: {
  appliance: ApplianceDescription;
  choices: ImportChoices;
  agreed: boolean;
  onAgree: (agreed: boolean) => void;
}) {
  const { t } = useTranslation();
  const licensed = appliance.machines.filter(({ index, licence }) => choices[index]?.include && licence !== "");
  if (licensed.length === 0) return null;
  return (
    <section className="stack" aria-label={t("appliance.licence")}>
      <h3>{t("appliance.licence")}</h3>
      {licensed.map((machine) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a text that scrolls must be reachable by keyboard
        <pre key={machine.index} className="appliance-licence selectable" tabIndex={0}>
          {machine.licence}
        </pre>
      ))}
      <Checkbox selected={agreed} onChange={onAgree}>
        {t("appliance.agree")}
      </Checkbox>
    </section>
  );
}

function ApplianceFacts({ appliance }: { appliance: ApplianceDescription }) {
  const { t } = useTranslation();
  const sentenceOf = useNoteSentence();
  const { kind, ovfVersion, manifest, certificate, signer } = appliance;
  const words = [
    `${kind.toUpperCase()}${ovfVersion === null ? "" : ` ${ovfVersion}`}`,
    manifest === null ? t("appliance.noChecksums") : t("appliance.checksums", { algorithm: manifest.toUpperCase() }),
    t(`appliance.certificate.${certificate}`, { signer: signer ?? "" }),
  ];
  return (
    <>
      <p className="quiet">{words.join(" · ")}</p>
      {certificate === "invalid" ? <Notice kind="error">{t("appliance.certificateInvalid")}</Notice> : null}
      {appliance.notes.map((note) => (
        <Notice key={`${note.code} ${note.message}`} kind="warning">
          {sentenceOf(note)}
        </Notice>
      ))}
    </>
  );
}

/** Not packed up: another program's own files, which can be used where they lie. */
function isForeignMachine({ kind }: ApplianceDescription): boolean {
  return kind === "vbox" || kind === "vmx";
}

interface ApplianceFormProps {
  appliance: ApplianceDescription;
  onConfiguration: (id: string) => void;
  onClose: () => void;
  fileField: React.ReactNode;
  existing: boolean;
}

function ApplianceForm({ appliance, onConfiguration, onClose, fileField, existing }: ApplianceFormProps) {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const [choices, setChoices] = useState(() => initialChoices(appliance));
  const [agreed, setAgreed] = useState(false);
  const [inPlace, setInPlace] = useState(existing && isForeignMachine(appliance));
  const { machines, configurations } = appliance;
  const chosen = machines.filter(({ index }) => choices[index]?.include);
  const configuration = configurations.find((candidate) => candidate.chosen)?.id;
  const needsAgreement = chosen.some(({ licence }) => licence !== "") && !agreed;
  const wrong = machines.some((machine) => {
    const own = choices[machine.index];
    const files = own === undefined ? [] : machine.items.map((item) => fileNameProblem(machine, own, item));
    return [importProblem(choices, machine.index), ...files].some((problem) => problem !== undefined);
  });
  const run = () => {
    onClose();
    void attempt(t("failure.import", { name: baseName(appliance.path) }), async () => {
      const edits = importEdits(appliance, choices, { acceptLicences: agreed, inPlace });
      const made = await session.call("appliance.import", {
        path: appliance.path,
        configuration: configuration ?? null,
        edits,
      });
      const names = made.machines.map(({ name }) => name).join(", ");
      shell.notify({ kind: "info", title: t("appliance.imported", { names }) });
    });
  };
  return (
    <ImportFrame
      existing={existing}
      onClose={onClose}
      action={
        <Button variant="primary" isDisabled={chosen.length === 0 || wrong || needsAgreement} onPress={run}>
          {t(existing ? "appliance.addAction" : "appliance.importAction")}
        </Button>
      }
      hint={needsAgreement ? t("appliance.agreeFirst") : ""}
    >
      {fileField}
      <ApplianceFacts appliance={appliance} />
      {configurations.length > 1 && configuration !== undefined ? (
        <Select<string>
          label={t("appliance.configuration")}
          value={configuration}
          onChange={onConfiguration}
          options={configurations.map(({ id, label }) => ({ id, label: label || id }))}
        />
      ) : null}
      {machines.map((machine) => {
        const own = choices[machine.index];
        return own === undefined ? null : (
          <ApplianceMachineForm
            key={machine.index}
            machine={machine}
            choices={own}
            optional={machines.length > 1}
            problem={importProblem(choices, machine.index)}
            onChange={(next) => setChoices({ ...choices, [machine.index]: next })}
          />
        );
      })}
      {isForeignMachine(appliance) ? (
        <Checkbox selected={inPlace} onChange={setInPlace}>
          {t("appliance.inPlace")}
        </Checkbox>
      ) : null}
      <Licences appliance={appliance} choices={choices} agreed={agreed} onAgree={setAgreed} />
    </ImportFrame>
  );
}

function ImportFrame({
  existing,
  onClose,
  action,
  hint = "",
  children,
}: {
  existing: boolean;
  onClose: () => void;
  action?: React.ReactNode;
  /** What the action still waits for. */
  hint?: string;
  children: React.ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <Dialog
      title={t(existing ? "appliance.addTitle" : "appliance.importTitle")}
      width={820}
      height={640}
      dismissable={false}
      onClose={onClose}
      footer={
        <>
          <span className="grow quiet" role="status">
            {hint}
          </span>
          <Button onPress={onClose}>{t("actions.cancel")}</Button>
          {action}
        </>
      }
    >
      <div className="stack">{children}</div>
    </Dialog>
  );
}

/** Brings in what another program packed up: the file, the dry run with its edits, the licence, and then the job bar. */
export function ImportDialog({ existing, onClose }: { existing: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const filters = useFileFilters();
  const [path, setPath] = useState("");
  const [configuration, setConfiguration] = useState<string | null>(null);
  const { busy, appliance, problem } = useInspection(path, configuration);
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const takeBack = async () => {
    const done = await attempt(t("failure.import", { name: baseName(path) }), async () => {
      const { machine } = await session.call("library.add", { path: path.trim() });
      navigate({ kind: "machine", id: machine.id, tab: "details" });
      shell.notify({ kind: "info", title: t("appliance.imported", { names: machine.name }) });
    });
    if (done) onClose();
  };
  const fileField = (
    <FileField
      label={t(existing ? "appliance.machineFile" : "appliance.file")}
      hint={t(existing ? "appliance.machineFileHint" : "appliance.fileHint")}
      value={path}
      onChange={(next) => {
        setPath(next);
        setConfiguration(null);
      }}
      choose={{
        title: t(existing ? "appliance.machineFile" : "appliance.file"),
        filters: filters(existing ? "machine" : "appliance"),
      }}
      error={problem?.sentence}
    />
  );
  if (appliance !== undefined) {
    return (
      <ApplianceForm
        key={`${appliance.path}\n${configuration ?? ""}`}
        appliance={appliance}
        onConfiguration={setConfiguration}
        onClose={onClose}
        fileField={fileField}
        existing={existing}
      />
    );
  }
  return (
    <ImportFrame
      existing={existing}
      onClose={onClose}
      action={
        isOwnMachine(path) ? (
          <Button variant="primary" onPress={() => void takeBack()}>
            {t("appliance.addAction")}
          </Button>
        ) : undefined
      }
    >
      {fileField}
      {busy ? (
        <p className="input-row quiet" role="status">
          <LoaderCircle size={16} className="spinner" aria-hidden />
          {t("appliance.reading")}
        </p>
      ) : null}
      {problem === undefined ? null : <FoldedDetails text={problem.details} />}
    </ImportFrame>
  );
}
