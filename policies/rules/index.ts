import type { Rule } from '../rule';
import { bucketPrivate, bucketRetention, bucketUniform } from './buckets';
import {
  controlPlane,
  deletionProtection,
  nodeAccount,
  poolBounds,
  privateNodes,
  shieldedNodes,
  workloadIdentity,
} from './clusters';
import { chargeBackLabels, costCeiling, region } from './costs';
import { exposureTimeout, exposureTls, publicEndpoint } from './exposure';
import { gpuStack } from './gpu-stack';
import { gpuFit, gpuRequest, spotInteractive } from './gpus';
import { imageDigest, imageLatest, imageRegistry } from './images';
import { namespaceRestricted, podRestricted } from './pod-security';
import { secretReference, staticKey } from './secrets';
import { autoscalerMetric, disruptionBudget, probes, shutdownGrace } from './servers';

/** Every rule, by id. */
export const RULES: readonly Rule[] = [
  autoscalerMetric,
  bucketPrivate,
  bucketRetention,
  bucketUniform,
  chargeBackLabels,
  controlPlane,
  costCeiling,
  deletionProtection,
  disruptionBudget,
  exposureTimeout,
  exposureTls,
  gpuFit,
  gpuRequest,
  gpuStack,
  imageDigest,
  imageLatest,
  imageRegistry,
  namespaceRestricted,
  nodeAccount,
  podRestricted,
  poolBounds,
  privateNodes,
  probes,
  publicEndpoint,
  region,
  secretReference,
  shieldedNodes,
  shutdownGrace,
  spotInteractive,
  staticKey,
  workloadIdentity,
].sort((a, b) => (a.id < b.id ? -1 : 1));

export const RULE_IDS: readonly string[] = RULES.map(({ id }) => id);
