/** What runs a server's pods. */
export type Workload =
  | {
      /** Interchangeable pods that fetch the repository to local disk at each start. */
      readonly kind: 'deployment';
    }
  | {
      /** Pods with stable names, each with a volume that keeps the repository over restarts. */
      readonly kind: 'statefulset';
      /** @default the cluster's default storage class */
      readonly storageClass?: string;
      /** Size of each pod's volume, GiB. @default what is served and what is being fetched beside it, in powers of two */
      readonly volumeGib?: number;
      /** Whether pods start and end all at once, or one after the other. @default parallel */
      readonly podManagement?: 'parallel' | 'ordered';
      /**
       * What becomes of the volumes when the StatefulSet is deleted, and when it has fewer replicas. They hold only what
       * can be fetched again; kept, they cost money and save the fetch.
       *
       * @default both are deleted
       */
      readonly retention?: { readonly whenDeleted?: 'Delete' | 'Retain'; readonly whenScaled?: 'Delete' | 'Retain' };
    };
