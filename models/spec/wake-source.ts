import { z } from 'zod';

/** What tells that work has come while a model has no replica: something outside of its pods. */
export type WakeSource =
  | {
      /** A query of the Prometheus that the autoscaler asks, as a rule about the gateway in front of the model. */
      readonly kind: 'prometheus';
      /** PromQL with one element as its result; no result is nobody who asks. */
      readonly query: string;
      /** The first replica starts when the value is more than this. @default 0 */
      readonly above?: number;
    }
  | {
      /** Messages that nobody has taken yet. Cloud Monitoring learns of them minutes late. */
      readonly kind: 'pubsub';
      /** The project of Google Cloud that the subscription is in. */
      readonly project: string;
      readonly subscription: string;
      /** The first replica starts when more messages than this wait. @default 0 */
      readonly above?: number;
    };

const above = z.number().min(0).optional();

export const wakeSourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('prometheus'), query: z.string().min(1), above }),
  z.strictObject({ kind: z.literal('pubsub'), project: z.string().min(1), subscription: z.string().min(1), above }),
]);
