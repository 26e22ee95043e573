import type { Model } from './model';
import type { Architecture } from './spec/architecture';
import { type LanguageModelBackend, memberModels } from './spec/backend';
import { type Precision, weightBytes } from './spec/precision';
import { versionsOf } from './spec/version-policy';
import { sum } from './sum';

/**
 * Parameters of a decoder-only transformer with gated feed-forward layers and grouped-query attention: attention
 * projections (and their biases), three feed-forward matrices an expert and the router between experts, two norms a
 * layer; embedding, head and the last norm.
 */
export function parameterCount(dimensions: Architecture): number {
  const { layers, hidden, ffn, heads, kvHeads, headDim, experts = 1 } = dimensions;
  const biases = dimensions.attentionBias ? (heads + 2 * kvHeads) * headDim : 0;
  const attention = 2 * heads * headDim * hidden + 2 * hidden * kvHeads * headDim + biases;
  const router = experts > 1 ? hidden * experts : 0;
  const layer = attention + 3 * hidden * ffn * experts + router + 2 * hidden;
  return layers * layer + embeddingCount(dimensions) + hidden;
}

/** Parameters of embedding and head, which stay in 16 bits under quantization. */
function embeddingCount({ vocab, hidden, tiedEmbeddings }: Architecture): number {
  return (tiedEmbeddings ? 1 : 2) * vocab * hidden;
}

/** Bytes of a language model's weights, over all GPUs. */
export function languageModelBytes({ architecture }: LanguageModelBackend, precision: Precision): number {
  const wide = embeddingCount(architecture);
  return (parameterCount(architecture) - wide) * weightBytes(precision) + wide * Math.max(2, weightBytes(precision));
}

/** Bytes of the files of all versions of a model, and of an ensemble's members: what a pod fetches and keeps. */
export function fileBytes(model: Pick<Model, 'backend' | 'versions'>): number {
  const { backend } = model;
  const versions = versionsOf(model);
  switch (backend.kind) {
    case 'ensemble':
      return sum(memberModels(backend).map(fileBytes));
    case 'tensorrtllm':
    case 'llmapi':
    case 'vllm':
      return sum(versions.map(({ precision = backend.precision }) => languageModelBytes(backend, precision)));
    default:
      return versions.length * backend.bytes;
  }
}
