import type { SnapshotDocument } from "./SnapshotDocument.ts";

/**
 * A change of the snapshots as steps that a host does. Each may be done again after a crash, with the same end. `first` steps make files that nobody
 * needs before the document names them, or copy what reads the same afterwards, so that they can be given up; `forward` steps change what images rest
 * on without changing what anybody reads, and once begun they are always done to the end; then the document is replaced; `last` steps remove what it
 * names no more.
 */
export type SnapshotStep =
  /** A new, empty image on `backing`. */
  | { readonly kind: "createOverlay"; readonly file: string; readonly backing: string }
  | { readonly kind: "saveState"; readonly name: string; readonly parent?: string }
  /** Everything that `file` holds itself goes into `into`, on which it rests, and which only it needs. */
  | { readonly kind: "mergeDown"; readonly file: string; readonly into: string }
  /** `file` takes what `from`, on which it rests, holds itself and it does not. */
  | { readonly kind: "mergeUp"; readonly file: string; readonly from: string }
  /** `file` rests on another image now, or on none, through which it reads the same. */
  | { readonly kind: "rebase"; readonly file: string; readonly backing?: string }
  | { readonly kind: "removeFile"; readonly file: string }
  | { readonly kind: "keepStates"; readonly names: readonly string[] };

export interface SnapshotPlan {
  readonly operation: "take" | "restore" | "delete" | "join" | "edit" | "state";
  readonly first: readonly SnapshotStep[];
  readonly forward: readonly SnapshotStep[];
  /** How it is afterwards. */
  readonly document: SnapshotDocument;
  readonly last: readonly SnapshotStep[];
}
