/** A change to a file of a Go module, made at build time: nothing of the module is kept here but the words replaced. */
export interface ToolPatch {
  /** Path in the module. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Compiles kwok with the libraries of the Kubernetes that it simulates nodes for: they dropped a name of 0.33. */
export const KWOK_PATCHES: readonly ToolPatch[] = [
  {
    file: 'pkg/utils/informer/informer.go',
    from: 'metav1.InitialEventsListBlueprintAnnotationKey',
    to: '"kubernetes.io/initial-events-list-blueprint"',
  },
];

/** Karpenter's kwok provider listens on all interfaces and has no option for it. */
export const KARPENTER_PATCHES: readonly ToolPatch[] = [
  {
    file: 'pkg/operator/operator.go',
    from: 'BindAddress: fmt.Sprintf(":%d", ',
    to: 'BindAddress: fmt.Sprintf("127.0.0.1:%d", ',
  },
];
