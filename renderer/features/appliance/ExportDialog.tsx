import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ApplianceExport, ApplianceProduct } from "../../../engine/api/applianceProtocol.ts";
import { isLive } from "../../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { GuesthouseError } from "../../../engine/base/GuesthouseError.ts";
import { useAttempt, useHost, useServices } from "../../state/AppContext.tsx";
import { withMachinePassphrases } from "../../state/passphrases.ts";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { useFileTaken } from "../../state/useFileTaken.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { Checkbox, Choice } from "../../ui/Choices.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { baseName } from "../../ui/formatQuantities.ts";
import { TextField } from "../../ui/TextField.tsx";
import "./appliance.css";

interface ProductTexts {
  name: string;
  vendor: string;
  version: string;
  licence: string;
}

const noProduct: ProductTexts = { name: "", vendor: "", version: "", licence: "" };

/** The fields that were filled in, as the host wants them. */
export function productOf(machineId: string, texts: ProductTexts): NonNullable<ApplianceExport["products"]> {
  const { licence, ...words } = texts;
  const filled = Object.entries(words).filter(([, value]) => value.trim() !== "");
  const product: Partial<ApplianceProduct> = Object.fromEntries(filled);
  if (filled.length === 0 && licence.trim() === "") return [];
  return [
    {
      machineId,
      ...(filled.length === 0 ? {} : { product }),
      ...(licence.trim() === "" ? {} : { licence }),
    },
  ];
}

function ProductFields({
  machine,
  value,
  onChange,
}: {
  machine: MachineSummary;
  value: ProductTexts;
  onChange: (value: ProductTexts) => void;
}) {
  const { t } = useTranslation();
  const field = (key: keyof ProductTexts, label: string) => (
    <TextField
      label={label}
      value={value[key]}
      multiline={key === "licence"}
      onChange={(text) => onChange({ ...value, [key]: text })}
    />
  );
  return (
    <details className="folded">
      <summary>{t("appliance.productOf", { name: machine.name })}</summary>
      <div className="stack appliance-product">
        {field("name", t("appliance.product"))}
        <div className="input-row">
          {field("vendor", t("appliance.vendor"))}
          {field("version", t("appliance.version"))}
        </div>
        {field("licence", t("appliance.licence"))}
      </div>
    </details>
  );
}

function MachineChecklist({
  machines,
  chosen,
  onChange,
}: {
  machines: readonly MachineSummary[];
  chosen: ReadonlySet<string>;
  onChange: (chosen: ReadonlySet<string>) => void;
}) {
  const { t } = useTranslation();
  return (
    <fieldset className="settings-group stack">
      <legend className="field-label">{t("appliance.machines")}</legend>
      <div className="appliance-checklist">
        {machines.map(({ id, name, state }) => (
          <Checkbox
            key={id}
            selected={chosen.has(id)}
            disabled={isLive(state.kind)}
            onChange={(on) => onChange(new Set(on ? [...chosen, id] : [...chosen].filter((other) => other !== id)))}
          >
            {isLive(state.kind)
              ? t("appliance.mustBeOff", { name })
              : state.kind === "saved"
                ? t("appliance.withoutState", { name })
                : name}
          </Checkbox>
        ))}
      </div>
    </fieldset>
  );
}

type ExportOptions = Pick<ApplianceExport, "ovfVersion" | "variant" | "manifest" | "media">;

function ExportOptionFields({
  value,
  onChange,
}: {
  value: ExportOptions;
  onChange: (change: Partial<ExportOptions>) => void;
}) {
  const { t } = useTranslation();
  return (
    <>
      <Choice<ExportOptions["variant"]>
        label={t("appliance.variant")}
        look="list"
        value={value.variant}
        onChange={(variant) => onChange({ variant })}
        options={[
          { id: "standard", label: t("appliance.variantStandard") },
          { id: "vmware", label: t("appliance.variantVmware") },
        ]}
      />
      <Choice<ExportOptions["ovfVersion"]>
        label={t("appliance.ovfVersion")}
        value={value.ovfVersion}
        onChange={(ovfVersion) => onChange({ ovfVersion })}
        options={[
          { id: "1.0", label: "OVF 1.0" },
          { id: "2.0", label: "OVF 2.0" },
        ]}
      />
      <Checkbox selected={value.manifest} onChange={(manifest) => onChange({ manifest })}>
        {t("appliance.withManifest")}
      </Checkbox>
      <Checkbox selected={value.media} onChange={(media) => onChange({ media })}>
        {t("appliance.withMedia")}
      </Checkbox>
    </>
  );
}

/** Packs machines up. Whether an encrypted disk may be read by everybody then is asked when the host finds one. */
function useExport(): (order: ApplianceExport) => Promise<unknown> {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const sendOut = (order: ApplianceExport): Promise<unknown> =>
    attempt(t("failure.export", { name: baseName(order.path) }), async () => {
      try {
        await withMachinePassphrases(shell, (given) => session.call("appliance.export", { ...order, ...given }));
      } catch (error) {
        if (!(error instanceof GuesthouseError) || error.kind !== "encrypted-disk") throw error;
        const confirmation = {
          title: t("appliance.decryptTitle", { disk: String(error.context.name ?? "") }),
          body: t("appliance.decryptBody"),
          action: t("appliance.decryptAction"),
          danger: true,
          run: () => void sendOut({ ...order, decrypt: true }),
        };
        shell.open({ kind: "confirm", confirmation });
        return;
      }
      shell.notify({ kind: "info", title: t("appliance.exported", { path: order.path }) });
    });
  return sendOut;
}

/** Packs up machines for other programs. */
export function ExportDialog({ id, onClose }: { id: string | null; onClose: () => void }) {
  const { t } = useTranslation();
  const filters = useFileFilters();
  const machines = useHost((state) => state.machines).filter((machine) => machine.config !== null);
  const home = useHost((state) => state.info?.homeFolder ?? "");
  const first = machines.find((machine) => machine.id === id && !isLive(machine.state.kind));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(first === undefined ? [] : [first.id]));
  const [path, setPath] = useState(() => {
    const separator = home.includes("\\") ? "\\" : "/";
    return `${home}${separator}${(first?.name ?? "appliance").replace(/[\\/:*?"<>|]/g, "_")}.ova`;
  });
  const [options, setOptions] = useState<ExportOptions>({
    ovfVersion: "1.0",
    variant: "standard",
    manifest: true,
    media: false,
  });
  const [products, setProducts] = useState<Readonly<Record<string, ProductTexts>>>({});
  const sendOut = useExport();
  const leaving = machines.filter((machine) => chosen.has(machine.id));
  const badName = path.trim() !== "" && !/\.(ova|ovf)$/i.test(path.trim());
  const taken = useFileTaken(path);
  const problem = badName ? "appliance-extension" : taken ? "file-exists" : undefined;
  const run = () => {
    onClose();
    const described = leaving.flatMap((machine) => productOf(machine.id, products[machine.id] ?? noProduct));
    const order: ApplianceExport = {
      machineIds: leaving.map((machine) => machine.id),
      path: path.trim(),
      ...options,
      macPolicy: "keepAll",
      ...(described.length === 0 ? {} : { products: described }),
    };
    void sendOut(order);
  };
  return (
    <ActionDialog
      shape="form"
      title={t("appliance.exportTitle")}
      width={620}
      action={t("appliance.exportAction")}
      enabled={leaving.length > 0 && path.trim() !== "" && problem === undefined}
      onAction={run}
      onClose={onClose}
    >
      <MachineChecklist machines={machines} chosen={chosen} onChange={setChosen} />
      <FileField
        label={t("media.target")}
        hint={t("appliance.exportHint")}
        value={path}
        onChange={setPath}
        error={problem === undefined ? undefined : t(`issue.${problem}`)}
        choose={{ title: t("appliance.exportTitle"), filters: filters("appliance"), mode: "save" }}
      />
      <ExportOptionFields value={options} onChange={(change) => setOptions({ ...options, ...change })} />
      {leaving.map((machine) => (
        <ProductFields
          key={machine.id}
          machine={machine}
          value={products[machine.id] ?? noProduct}
          onChange={(texts) => setProducts({ ...products, [machine.id]: texts })}
        />
      ))}
    </ActionDialog>
  );
}
