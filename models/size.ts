import type { Architecture, Model } from './model';

const BYTES_PER_VALUE = { fp16: 2, bf16: 2, fp8: 1 } as const;

/**
 * Parameters of a dense decoder-only transformer with gated feed-forward layers and grouped-query attention:
 * attention projections, three feed-forward matrices and two norms a layer, embedding, head and the last norm.
 */
export function parameterCount(dimensions: Architecture): number {
  const { layers, hidden, ffn, heads, kvHeads, headDim, vocab } = dimensions;
  const layer = 2 * heads * headDim * hidden + 2 * hidden * kvHeads * headDim + 3 * hidden * ffn + 2 * hidden;
  return layers * layer + 2 * vocab * hidden + hidden;
}

/**
 * Bytes of the model's files, which are what a pod fetches and loads. Of an engine the weights: embedding and head stay
 * in 16 bits under quantization.
 */
export function fileBytes(model: Model): number {
  if (model.backend.kind === 'onnxruntime') return model.backend.bytes;
  const { architecture, precision } = model.backend;
  const wide = 2 * architecture.vocab * architecture.hidden;
  return (parameterCount(architecture) - wide) * BYTES_PER_VALUE[precision] + wide * BYTES_PER_VALUE.bf16;
}
